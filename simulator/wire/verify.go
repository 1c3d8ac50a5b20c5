package wire

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCert"
	"google.golang.org/protobuf/proto"
)

// ErrCertificate marks a server that could not prove itself: signature, serial
// number, validity or key of its certificate chain is wrong.
var ErrCertificate = errors.New("certificate refused")

// verifyChain checks that root vouches at time now for a server with this static
// key, as whatsmeow's verifyServerCert does.
func verifyChain(chain []byte, root [keySize]byte, static []byte, now time.Time) error {
	var c waCert.CertChain
	if err := proto.Unmarshal(chain, &c); err != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	intermediate, err := verifyCertificate(c.GetIntermediate(), root[:], rootSerial, now)
	if err != nil {
		return fmt.Errorf("intermediate %w", err)
	}
	leaf, err := verifyCertificate(c.GetLeaf(), intermediate.GetKey(), intermediate.GetSerial(), now)
	if err != nil {
		return fmt.Errorf("leaf %w", err)
	}
	if !bytes.Equal(leaf.GetKey(), static) {
		return fmt.Errorf("leaf %w: it is for another server key", ErrCertificate)
	}
	return nil
}

func verifyCertificate(cert *waCert.CertChain_NoiseCertificate, issuer []byte, issuerSerial uint32, now time.Time) (*waCert.CertChain_NoiseCertificate_Details, error) {
	if len(cert.GetSignature()) != 64 || len(issuer) != keySize {
		return nil, fmt.Errorf("%w: signature or key has the wrong length", ErrCertificate)
	}
	key := ecc.NewDjbECPublicKey([keySize]byte(issuer))
	if !ecc.VerifySignature(key, cert.GetDetails(), [64]byte(cert.GetSignature())) {
		return nil, fmt.Errorf("%w: signature does not match", ErrCertificate)
	}
	details := new(waCert.CertChain_NoiseCertificate_Details)
	if err := proto.Unmarshal(cert.GetDetails(), details); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	if details.GetIssuerSerial() != issuerSerial {
		return nil, fmt.Errorf("%w: issuer has serial %d, want %d", ErrCertificate, details.GetIssuerSerial(), issuerSerial)
	}
	if at := seconds(now); at < details.GetNotBefore() || at > details.GetNotAfter() {
		return nil, fmt.Errorf("%w: valid from %d to %d, now is %d", ErrCertificate, details.GetNotBefore(), details.GetNotAfter(), at)
	}
	return details, nil
}
