package signal

import (
	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/util/keys"

	_ "roost/simulator/silence"
)

// Sign makes the XEdDSA signature that WhatsApp and Signal use with
// Curve25519 keys.
func Sign(key *keys.KeyPair, message []byte) [64]byte {
	return ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*key.Priv), message)
}

// Verify reports whether signature is the XEdDSA signature of message by the
// owner of public.
func Verify(public [32]byte, message []byte, signature [64]byte) bool {
	return ecc.VerifySignature(ecc.NewDjbECPublicKey(public), message, signature)
}
