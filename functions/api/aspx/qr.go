package aspx

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"roost/functions/api/aspx/connection"

	"roost/functions/api/core"
	"roost/functions/api/qrcode"
	"roost/shared/fault"
	"roost/shared/instance"
)

// maxTTL is for how long a client shows a QR code before it asks again.
const maxTTL = 20 * time.Second

// shownQR is the answer with a code. Its status is success, and no code of a
// connection.
type shownQR struct {
	QR     string `json:"qr"` // an SVG as data URI
	Status int    `json:"status"`
	Error  string `json:"error"`
	TTL    int    `json:"ttl"`     // seconds
	QRText string `json:"qr_text"` // what the picture says
}

// The sentences of generate_qrcode.
const (
	established = "Connection already established"
	restorable  = "Session can be restored; call restore_session.aspx or disconnect.aspx"
	timedOut    = "QR generation timed out"
	outdated    = "Client outdated"
	busy        = "Instance is busy"
)

func noQR(sentence string) (answer, error) { return ok(failureTTL{Error: sentence}) }

func bannedUntil(at time.Time) string {
	return "Temporarily banned until " + at.UTC().Format(time.RFC3339)
}

// generateQRCode begins a pairing, or shows the code of the one that goes on.
func (h *Handler) generateQRCode(r *request) (answer, error) {
	var in struct {
		UserAgent *string `json:"user_agent"`
	}
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	seen, err := h.core.Look(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	if sentence := noQRNeeded(seen, time.Now()); sentence != "" {
		return noQR(sentence)
	}
	if in.UserAgent != nil && *in.UserAgent != "" {
		if err := h.setUserAgent(r.Context(), seen.Instance, *in.UserAgent); err != nil {
			return answer{}, err
		}
	}
	seen, err = h.core.Connect(r.Context(), seen.Instance, "")
	if err != nil {
		return qrFault(err)
	}
	return showQR(seen, time.Now())
}

// noQRNeeded says why an instance gets no code, "" when it may have one.
func noQRNeeded(s instance.Seen, now time.Time) string {
	i := s.Instance
	if c := connection.Of(s, now); c == connection.Authenticated || c == connection.Starting {
		return established
	}
	if i.Reason.Code == instance.ReasonBanned && now.Before(i.Reason.Until) {
		return bannedUntil(i.Reason.Until)
	}
	if i.JID != "" && i.State != instance.LoggedOut {
		if i.Reason.Code == instance.ReasonOutdated {
			return outdated
		}
		return restorable
	}
	return ""
}

// qrFault tells in the dialect's words why a pairing did not begin. Faults of
// ours stay problems.
func qrFault(err error) (answer, error) {
	if e, coded := errors.AsType[*fault.Error](err); coded {
		switch e.Code {
		case instance.ReasonOutdated:
			return noQR(outdated)
		case instance.ReasonPairingTimeout:
			return noQR(timedOut)
		}
	}
	switch {
	case core.Unanswered(err):
		return answer{}, &problem{status: http.StatusServiceUnavailable, sentence: timedOut, err: err}
	case fault.KindOf(err) == fault.Conflict:
		return noQR(busy)
	}
	return answer{}, err
}

func showQR(s instance.Seen, now time.Time) (answer, error) {
	o := s.Offer
	switch {
	case s.Instance.State == instance.Open || s.Instance.State == instance.Starting:
		return noQR(established)
	case o != nil && o.Passkey != nil:
		return noQR(busy)
	case o == nil || o.QR == "" || now.After(o.QRUntil):
		return noQR(timedOut)
	}
	drawn, err := qrcode.Encode(o.QR)
	if err != nil {
		return answer{}, fmt.Errorf("draw the QR code: %w", err)
	}
	return ok(shownQR{
		QR:     "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(drawn.SVG()),
		Status: 1, TTL: int(min(maxTTL, o.QRUntil.Sub(now)) / time.Second), QRText: o.QR,
	})
}
