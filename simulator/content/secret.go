package content

import (
	"crypto/rand"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// secretLength is that of a message secret in bytes.
const secretLength = 32

// WithSecret returns msg with a message secret, which real phones add to nearly
// every message and clients store. Nil means a fresh one of 32 bytes.
func WithSecret(msg *waE2E.Message, secret []byte) *waE2E.Message {
	if secret == nil {
		secret = make([]byte, secretLength)
		// Never fails since Go 1.24.
		_, _ = rand.Read(secret)
	}
	msg = clone(msg)
	if msg.MessageContextInfo == nil {
		msg.MessageContextInfo = &waE2E.MessageContextInfo{}
	}
	msg.MessageContextInfo.MessageSecret = secret
	return msg
}
