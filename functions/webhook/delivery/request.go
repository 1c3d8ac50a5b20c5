package delivery

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/http/httpguts"

	"roost/functions/webhook/format"
	"roost/shared/webhook"
)

const (
	// jwtKey is the header that Evolution turns into an Authorization.
	jwtKey  = "jwt_key"
	jwtLife = 10 * time.Minute
)

// reserved are headers that a subscription cannot set: they are HTTP's own, or
// what receivers trust.
var reserved = map[string]bool{
	"Host": true, "Content-Length": true, "Connection": true, "Transfer-Encoding": true, "Upgrade": true, "Te": true, "Trailer": true,
	"Keep-Alive": true, "Proxy-Connection": true, "Webhook-Id": true, "Webhook-Timestamp": true, "Webhook-Signature": true,
}

// newRequest builds the signed call.
func newRequest(ctx context.Context, s webhook.Subscription, built format.Request, id string, now time.Time) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, built.URL, bytes.NewReader(built.Body))
	if err != nil {
		return nil, requestError{"the URL cannot be read"}
	}
	mimetype := built.ContentType
	if mimetype == "" {
		mimetype = "application/json"
	}
	request.Header = http.Header{
		"Content-Type": {mimetype}, "Accept": {"application/json, text/plain, */*"}, "User-Agent": {"Roost-Webhook"},
	}
	if err := addHeaders(request.Header, s.Headers, now); err != nil {
		return nil, err
	}
	signature, err := sign(s.Secrets(now), id, now, built.Body)
	if err != nil {
		return nil, err
	}
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}

// sign is a signature for each secret, separated by spaces: receivers take the
// call when they know one of them (Standard Webhooks 1.0, "Signature scheme").
func sign(secrets []string, id string, now time.Time, body []byte) (string, error) {
	signatures := make([]string, len(secrets))
	for n, secret := range secrets {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return "", requestError{"the secret is not base64"}
		}
		if signatures[n], err = signer.Sign(id, now, body); err != nil {
			return "", requestError{"the call cannot be signed"}
		}
	}
	return strings.Join(signatures, " "), nil
}

// addHeaders adds the subscription's own. What HTTP cannot carry is left out
// rather than holding every delivery up.
func addHeaders(header http.Header, own map[string]string, now time.Time) error {
	for name, value := range own {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if name == jwtKey || reserved[canonical] || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			continue
		}
		header.Set(name, value)
	}
	if key := own[jwtKey]; key != "" {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"iat": now.Unix(), "exp": now.Add(jwtLife).Unix(), "app": "evolution", "action": "webhook",
		}).SignedString([]byte(key))
		if err != nil {
			return fmt.Errorf("sign the token: %w", err)
		}
		header.Set("Authorization", "Bearer "+token)
	}
	return nil
}
