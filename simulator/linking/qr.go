package linking

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const qrPrefix = "https://wa.me/settings/linked_devices#"

// secretLength is the length of an ADV secret in bytes.
const secretLength = 32

// ErrNotLinkingCode is a text that no phone would take for a linking QR code.
var ErrNotLinkingCode = errors.New("not a linking code")

// QR is what a companion shows as a QR code.
type QR struct {
	Ref        string   // names the companion's connection to the server
	Noise      [32]byte // public key of its connection
	Identity   [32]byte // public half of its Signal identity
	ADVSecret  []byte   // 32 bytes that only who sees the code knows
	ClientType string   // "1" Chrome ... "0" unknown (whatsmeow PairClientType)
}

// ParseQR reads the text of a QR code, with or without the web address in
// front of it. Errors wrap ErrNotLinkingCode and do not quote the code.
func ParseQR(text string) (QR, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), qrPrefix)
	parts := strings.Split(text, ",")
	if len(parts) != 5 {
		return QR{}, fmt.Errorf("%w: %d parts, want 5", ErrNotLinkingCode, len(parts))
	}
	q := QR{Ref: parts[0], ClientType: parts[4]}
	if q.Ref == "" || q.ClientType == "" {
		return QR{}, fmt.Errorf("%w: empty reference or client type", ErrNotLinkingCode)
	}
	for i, name := range []string{"noise key", "identity key", "secret"} {
		b, err := base64.StdEncoding.Strict().DecodeString(parts[i+1])
		if err != nil {
			return QR{}, fmt.Errorf("%w: %s is not standard base64", ErrNotLinkingCode, name)
		}
		if len(b) != 32 {
			return QR{}, fmt.Errorf("%w: %s of %d bytes, want 32", ErrNotLinkingCode, name, len(b))
		}
		switch i {
		case 0:
			q.Noise = [32]byte(b)
		case 1:
			q.Identity = [32]byte(b)
		case 2:
			q.ADVSecret = b
		}
	}
	return q, nil
}

// String returns the text of the QR code, web address included.
func (q QR) String() string {
	b64 := base64.StdEncoding.EncodeToString
	return qrPrefix + strings.Join([]string{q.Ref, b64(q.Noise[:]), b64(q.Identity[:]), b64(q.ADVSecret), q.ClientType}, ",")
}
