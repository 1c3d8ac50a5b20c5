// Command api is the HTTP API as a Lambda behind an API Gateway HTTP API.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"roost/functions/api/core"
	"roost/functions/api/handler"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if err := run(context.Background(), os.Getenv, log); err != nil {
		log.Error("api cannot start", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, log *slog.Logger) error {
	key, err := adminKey(getenv)
	if err != nil {
		return err
	}
	deps, err := open(ctx)
	if err != nil {
		return fmt.Errorf("open the ports: %w", err)
	}
	api := handler.New(handler.Deps{
		Core: deps, AdminKey: key, ServerURL: getenv("ROOST_SERVER_URL"), Version: getenv("ROOST_VERSION"), Log: log,
	})
	lambda.StartWithOptions(httpadapter.NewV2(api).ProxyWithContext, lambda.WithContext(ctx))
	return nil
}

// adminKey reads ROOST_ADMIN_KEY_SHA256 (hex), or makes it of ROOST_ADMIN_KEY.
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

// open makes the ports from the environment.
func open(context.Context) (core.Deps, error) {
	return core.Deps{}, errors.New("the adapters for AWS are not part of this build yet; run the local command instead")
}
