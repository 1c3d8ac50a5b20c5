package kms_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/kms"

	"roost/shared/emulator"
	"roost/shared/seal"
	"roost/shared/seal/kms"
)

// moto is a transport that makes moto's KMS what AWS's is where they differ: a
// value that another key encrypted is IncorrectKeyException, not AccessDenied.
type moto struct{ http.RoundTripper }

func (m moto) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := m.RoundTripper.RoundTrip(request)
	const header = "X-Amzn-Errortype" // which the SDK believes rather than the body
	if err == nil && request.Header.Get("X-Amz-Target") == "TrentService.Decrypt" && response.Header.Get(header) == "AccessDeniedException" {
		response.Header.Set(header, "IncorrectKeyException")
	}
	return response, err
}

func connect(t *testing.T) *api.Client {
	t.Helper()
	cfg := emulator.Config(t, emulator.KMS)
	cfg.HTTPClient = &http.Client{Transport: moto{cfg.HTTPClient.(*http.Client).Transport}}
	return api.NewFromConfig(cfg)
}

func newKey(t *testing.T, client *api.Client) string {
	t.Helper()
	key, err := client.CreateKey(t.Context(), &api.CreateKeyInput{})
	if err != nil {
		t.Fatalf("create key: %v", err)
	}
	return *key.KeyMetadata.KeyId
}

func TestWrap(t *testing.T) {
	t.Parallel()
	client := connect(t)
	id := newKey(t, client)
	w := kms.New(client, id)
	key := seal.NewKey()
	wrapped, err := w.Wrap(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(wrapped, key) {
		t.Error("the wrapped key shows the key")
	}
	if got, err := kms.New(client, id).Unwrap(t.Context(), wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("unwrap: %v, the same key: %v", err, bytes.Equal(got, key))
	}

	damaged := bytes.Clone(wrapped)
	damaged[len(damaged)-1] ^= 1
	elsewhere, err := client.Encrypt(t.Context(), &api.EncryptInput{KeyId: &id, Plaintext: key})
	if err != nil {
		t.Fatal(err)
	}
	for name, unwrap := range map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return kms.New(client, newKey(t, client)).Unwrap(t.Context(), wrapped) },
		"damaged":         func() ([]byte, error) { return w.Unwrap(t.Context(), damaged) },
		"another context": func() ([]byte, error) { return w.Unwrap(t.Context(), elsewhere.CiphertextBlob) },
	} {
		if got, err := unwrap(); !errors.Is(err, seal.ErrSealed) || got != nil {
			t.Errorf("%s: %d bytes, %v, want ErrSealed", name, len(got), err)
		}
	}
}

// A key that is missing is a fault to be mended, not a value that does not open.
func TestNoKey(t *testing.T) {
	t.Parallel()
	client := connect(t)
	w := kms.New(client, "alias/none")
	if _, err := w.Wrap(t.Context(), seal.NewKey()); err == nil || errors.Is(err, seal.ErrSealed) {
		t.Errorf("wrap without a key: %v", err)
	}
}

func TestAlias(t *testing.T) {
	t.Parallel()
	client := connect(t)
	id := newKey(t, client)
	alias := "alias/roost-" + id
	if _, err := client.CreateAlias(t.Context(), &api.CreateAliasInput{AliasName: &alias, TargetKeyId: aws.String(id)}); err != nil {
		t.Fatal(err)
	}
	key := seal.NewKey()
	wrapped, err := kms.New(client, alias).Wrap(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := kms.New(client, id).Unwrap(t.Context(), wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("unwrap by id what was wrapped by alias: %v", err)
	}
}
