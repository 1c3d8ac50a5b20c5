// Command api is the HTTP API as a Lambda behind an API Gateway HTTP API. Beyond
// the variables of package cloud:
//
//	ROOST_ADMIN_KEY_SHA256  SHA-256 of the admin key, in hex
//	ROOST_ADMIN_KEY         the key itself instead, for local runs
//	ROOST_VERSION           what GET /health tells
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"

	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"roost/functions/api/handler"
	"roost/functions/invocation"
	"roost/shared/deployment"
	"roost/shared/deployment/cloud"
)

func main() {
	invocation.Serve("api", cloud.OpenSealed, func(ctx context.Context, d deployment.Deployment) (any, error) {
		key, err := adminKey(os.Getenv)
		if err != nil {
			return nil, err
		}
		api, err := handler.Open(ctx, d, key, os.Getenv("ROOST_VERSION"))
		if err != nil {
			return nil, err
		}
		return httpadapter.NewV2(api).ProxyWithContext, nil
	})
}

func adminKey(getenv func(string) string) ([]byte, error) {
	if digest := getenv("ROOST_ADMIN_KEY_SHA256"); digest != "" {
		key, err := hex.DecodeString(digest)
		if err != nil || len(key) != sha256.Size {
			return nil, errors.New("ROOST_ADMIN_KEY_SHA256 is no SHA-256 in hex")
		}
		return key, nil
	}
	if key := getenv("ROOST_ADMIN_KEY"); key != "" {
		sum := sha256.Sum256([]byte(key))
		return sum[:], nil
	}
	return nil, errors.New("neither ROOST_ADMIN_KEY_SHA256 nor ROOST_ADMIN_KEY is set")
}
