package message

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
)

// idPrefix and idBytes make ids of the form that WhatsApp Web gives its
// messages: 3EB0 and 18 upper-case hex digits (whatsmeow, GenerateMessageID).
const (
	idPrefix = "3EB0"
	idBytes  = 9
)

// NewID makes the id of a message to be sent.
func NewID() string {
	random := make([]byte, idBytes)
	_, _ = rand.Read(random) // never fails (crypto/rand since Go 1.24)
	return idPrefix + strings.ToUpper(hex.EncodeToString(random))
}

var idForm = regexp.MustCompile(`^[0-9A-Z]{16,32}$`)

// ValidID reports whether a client may choose id for a message: ids of
// WhatsApp's clients are 18 to 32 upper-case hex digits, and anything else may
// be dropped by phones.
func ValidID(id string) bool { return idForm.MatchString(id) }
