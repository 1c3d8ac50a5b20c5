package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/http/httpguts"

	"roost/functions/webhook/evolution"
	"roost/shared/event"
	"roost/shared/webhook"
)

const (
	// jwtKey is the header that Evolution turns into an Authorization.
	jwtKey  = "jwt_key"
	jwtLife = 10 * time.Minute
	// maxAnswer is how much of an answer is read, so that its connection can be
	// used again; nobody looks at it.
	maxAnswer = 64 << 10
)

// reserved are headers that a subscription cannot set: they are HTTP's own, or
// what receivers trust.
var reserved = map[string]bool{
	"Host": true, "Content-Length": true, "Connection": true, "Transfer-Encoding": true, "Upgrade": true, "Te": true, "Trailer": true,
	"Keep-Alive": true, "Proxy-Connection": true, "Webhook-Id": true, "Webhook-Timestamp": true, "Webhook-Signature": true,
}

// answerError is an answer other than 2xx.
type answerError struct{ status int }

func (e answerError) Error() string { return "answered " + strconv.Itoa(e.status) }

// post makes one call. id is the same for each telling of it. Errors do not
// name the URL, which may let somebody in.
func (h *Handler) post(ctx context.Context, s webhook.Subscription, e event.Event, p evolution.Payload, id string) error {
	body, err := p.Encode(e, s.URL, h.cfg.ServerURL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := newRequest(ctx, s, p, id, body, h.now())
	if err != nil {
		return err
	}
	answer, err := h.cfg.Client.Do(request)
	if err != nil {
		return fmt.Errorf("call: %w", withoutURL(err))
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // the status has said it all
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return answerError{answer.StatusCode}
	}
	return nil
}

// newRequest builds the signed call.
func newRequest(ctx context.Context, s webhook.Subscription, p evolution.Payload, id string, body []byte, now time.Time) (*http.Request, error) {
	target := s.URL
	if s.ByEvents {
		target += "/" + p.Suffix() // a trailing slash doubles, as with Evolution
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("build the call: %w", withoutURL(err))
	}
	if request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		return nil, errors.New("the URL is neither http nor https")
	}
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json, text/plain, */*"}, "User-Agent": {"Roost-Webhook"},
	}
	if err := addHeaders(request.Header, s.Headers, now); err != nil {
		return nil, err
	}
	signer, err := standardwebhooks.NewWebhook(s.Secret)
	if err != nil {
		return nil, errors.New("the secret is not base64")
	}
	signature, err := signer.Sign(id, now, body)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
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

// callID names a call for its receiver: the event, and which of its payloads.
func callID(e event.Event, n int) string {
	id := strings.ReplaceAll(e.ID, ".", "_") // the dot separates what is signed
	if n > 0 {
		id += "_" + strconv.Itoa(n)
	}
	return id
}

// withoutURL takes the URL out of an error of net/http.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
