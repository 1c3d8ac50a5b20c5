// Package kms wraps data keys with a key of AWS KMS, which never leaves it.
//
// Wrapped keys are bound to an encryption context, {"purpose": "roost data key"},
// which KMS wants again to unwrap, writes into CloudTrail, and which a key policy
// may ask for (kms:EncryptionContext:purpose). What the caller needs is
// kms:Encrypt and kms:Decrypt. Requests are tried as [cloud.Default] says.
package kms

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"roost/shared/cloud"
	"roost/shared/seal"
)

// Wrapper wraps with one key of KMS.
type Wrapper struct {
	client *kms.Client
	key    string
}

var _ seal.Wrapper = (*Wrapper)(nil)

// New returns a wrapper with the symmetric key of that id, ARN or alias
// ("alias/..."). An alias that comes to mean another key unwraps no more what was
// wrapped before; a key that KMS rotates does.
func New(client *kms.Client, key string) *Wrapper {
	policy := cloud.Default()
	retryer := policy.Retryer()
	return &Wrapper{key: key, client: kms.New(client.Options(), func(o *kms.Options) {
		o.Retryer = retryer
		o.APIOptions = append(o.APIOptions, policy.Options(o.Credentials)...)
	})}
}

func purpose() map[string]string { return map[string]string{"purpose": "roost data key"} }

// Wrap implements [seal.Wrapper].
func (w *Wrapper) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	answer, err := w.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &w.key, Plaintext: key, EncryptionContext: purpose()})
	if err != nil {
		return nil, fmt.Errorf("wrap data key with %s: %w", w.key, err)
	}
	return answer.CiphertextBlob, nil
}

// Unwrap implements [seal.Wrapper].
func (w *Wrapper) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	answer, err := w.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &w.key, CiphertextBlob: wrapped, EncryptionContext: purpose()})
	if err != nil {
		return nil, fmt.Errorf("unwrap data key with %s: %w", w.key, sealed(err))
	}
	return answer.Plaintext, nil
}

// sealed finds the errors that mean that this is not from the key, or not whole.
func sealed(err error) error {
	_, garbled := errors.AsType[*types.InvalidCiphertextException](err)
	_, other := errors.AsType[*types.IncorrectKeyException](err)
	if garbled || other {
		return fmt.Errorf("%w: %w", seal.ErrSealed, err)
	}
	return err
}
