package wire

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCert"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"

	_ "roost/simulator/silence"
)

// Serial numbers of the chain. A client checks that the intermediate names the
// root (whatsmeow.WACertIssuerSerial) and the leaf the intermediate.
const (
	rootSerial         = 0
	intermediateSerial = 1
	leafSerial         = 2
)

// A chain is valid from before its making, for clocks that run slow, until long
// after the longest test.
const (
	validBefore = time.Hour
	validAfter  = 365 * 24 * time.Hour
)

// Authority is what a server proves itself with: its static key and a chain of
// certificates from a root that clients trust, over an intermediate, to that
// key. It is immutable and may serve any number of connections at once.
type Authority struct {
	root   [keySize]byte
	static *ecdh.PrivateKey
	chain  []byte // marshalled waCert.CertChain
}

// NewAuthority makes a fresh intermediate and server key under root and signs
// them, valid from an hour before now until a year after. A nil root means a
// fresh one. Since whatsmeow knows one root for the whole process
// (whatsmeow.WACertPubKey), all servers of a process should share one.
func NewAuthority(root *keys.KeyPair, now time.Time) (*Authority, error) {
	if root == nil {
		root = keys.NewKeyPair()
	}
	if root.Pub == nil || root.Priv == nil {
		return nil, errors.New("root key is not complete")
	}
	intermediate, leaf := keys.NewKeyPair(), keys.NewKeyPair()
	static, err := ecdh.X25519().NewPrivateKey(leaf.Priv[:])
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	intermediateCert, err := certify(root, intermediate, intermediateSerial, rootSerial, now)
	if err != nil {
		return nil, err
	}
	leafCert, err := certify(intermediate, leaf, leafSerial, intermediateSerial, now)
	if err != nil {
		return nil, err
	}
	chain, err := proto.Marshal(&waCert.CertChain{Leaf: leafCert, Intermediate: intermediateCert})
	if err != nil {
		return nil, fmt.Errorf("marshal certificate chain: %w", err)
	}
	return &Authority{root: *root.Pub, static: static, chain: chain}, nil
}

// RootPublicKey is what clients must trust (whatsmeow.WACertPubKey, Dialer.Root).
func (a *Authority) RootPublicKey() [32]byte { return a.root }

// certify signs subject's public key with issuer's private key (XEdDSA).
func certify(issuer, subject *keys.KeyPair, serial, issuerSerial uint32, now time.Time) (*waCert.CertChain_NoiseCertificate, error) {
	details, err := proto.Marshal(&waCert.CertChain_NoiseCertificate_Details{
		Serial:       new(serial),
		IssuerSerial: new(issuerSerial),
		Key:          subject.Pub[:],
		NotBefore:    new(seconds(now.Add(-validBefore))),
		NotAfter:     new(seconds(now.Add(validAfter))),
	})
	if err != nil {
		return nil, fmt.Errorf("marshal certificate: %w", err)
	}
	signature := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*issuer.Priv), details)
	return &waCert.CertChain_NoiseCertificate{Details: details, Signature: signature[:]}, nil
}

func seconds(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }
