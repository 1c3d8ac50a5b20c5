package evolution

import (
	"net/http"
	"strings"
	"time"

	"roost/functions/api/qrcode"
	"roost/shared/instance"
)

// qrObject is what a person needs to link a phone. All four keys are always
// there.
type qrObject struct {
	PairingCode *string `json:"pairingCode"` // eight characters, no dash
	Code        *string `json:"code"`        // text of the QR code
	Base64      *string `json:"base64"`      // data URI of its picture
	Count       int     `json:"count"`
}

func qrOf(o *instance.Offer) *qrObject {
	out := &qrObject{}
	if o == nil {
		return out
	}
	out.Count = o.QRCount
	if pairing := strings.ReplaceAll(o.Code, "-", ""); pairing != "" && time.Now().Before(o.CodeUntil) {
		out.PairingCode = &pairing
	}
	if o.QR == "" {
		return out
	}
	code := instance.BareQR(o.QR)
	out.Code = &code
	if picture, err := qrcode.Encode(o.QR); err == nil { // else the text is there
		uri := picture.DataURI()
		out.Base64 = &uri
	}
	return out
}

// shownQR is qrObject with what a page needs to count down.
type shownQR struct {
	*qrObject
	Issued      *time.Time `json:"issuedAt"`             // of the QR code
	Expires     *time.Time `json:"expiresAt"`            // likewise
	CodeIssued  *time.Time `json:"pairingCodeIssuedAt"`  // null without one
	CodeExpires *time.Time `json:"pairingCodeExpiresAt"` // likewise
	CodeError   string     `json:"pairingCodeError,omitempty"`
	Passkey     bool       `json:"passkey"` // WhatsApp waits for one
	Ends        time.Time  `json:"endsAt"`  // of the pairing
}

// showQR gives the present code as a picture or text, by ?format= or Accept.
func (h *Handler) showQR(r *request) (answer, error) {
	offer, err := h.core.Offer(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	format := qrFormat(r.Request)
	if format == "json" {
		shown := shownQR{qrObject: qrOf(offer), CodeError: offer.CodeError, Passkey: offer.Passkey != nil, Ends: offer.Until}
		if offer.QR != "" {
			shown.Issued, shown.Expires = &offer.QRAt, &offer.QRUntil
		}
		if shown.PairingCode != nil {
			shown.CodeIssued, shown.CodeExpires = &offer.CodeAt, &offer.CodeUntil
		}
		return ok(shown)
	}
	if offer.QR == "" {
		return answer{}, &problem{status: http.StatusNotFound, message: []string{`The "` + r.instance.Name + `" instance has no QR code yet`}}
	}
	if format == "txt" {
		return answer{status: http.StatusOK, bytes: []byte(offer.QR), mimetype: "text/plain; charset=utf-8"}, nil
	}
	picture, err := qrcode.Encode(offer.QR)
	if err != nil {
		return answer{}, err
	}
	out := answer{status: http.StatusOK}
	switch format {
	case "svg":
		out.bytes, out.mimetype = picture.SVG(), "image/svg+xml"
	case "terminal":
		out.bytes, out.mimetype = []byte(picture.Terminal()), "text/plain; charset=utf-8"
	default:
		out.bytes, out.mimetype = picture.PNG(), "image/png"
	}
	return out, nil
}

// qrFormat is png unless the request says otherwise. The first type in Accept
// that is known counts; curl, which takes everything, gets the picture too.
func qrFormat(r *http.Request) string {
	switch f := strings.ToLower(r.URL.Query().Get("format")); f {
	case "png", "svg", "txt", "terminal", "json":
		return f
	case "text":
		return "txt"
	}
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		kind, _, _ := strings.Cut(accepted, ";")
		switch strings.TrimSpace(kind) {
		case "image/png":
			return "png"
		case "image/svg+xml":
			return "svg"
		case "application/json":
			return "json"
		case "text/plain":
			return "txt"
		}
	}
	return "png"
}
