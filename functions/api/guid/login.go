package guid

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
)

type qrcode struct {
	QRCode string `json:"qrcode"` // the text to draw
	Key    string `json:"qrcodeKey"`
	TTL    int    `json:"ttl"` // seconds
}

// QRCodeKey names a QR code. Callbacks have the same.
func QRCodeKey(id instance.ID, qr string) string {
	sum := sha256.Sum256([]byte(string(id) + "\n" + qr))
	return hex.EncodeToString(sum[:16])
}

func (h *Handler) qrcode(ctx context.Context, q request) (any, error) {
	i, err := h.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if i.State == instance.Open || i.State == instance.Idle {
		return nil, business(codeOnline, "already online", nil)
	}
	seen, err := h.core.Connect(ctx, i, "")
	if err != nil {
		return nil, err
	}
	o := seen.Offer
	switch {
	case seen.Instance.State == instance.Open:
		return nil, business(codeOnline, "already online", nil)
	case o == nil || o.QR == "" || !h.now().Before(o.QRUntil):
		return nil, business(codePending, "no QR code yet, ask again", map[string]any{"status": statusOf(seen.Instance)})
	}
	return qrcode{instance.BareQR(o.QR), QRCodeKey(i.ID, o.QR), max(0, int(o.QRUntil.Sub(h.now())/time.Second))}, nil
}

// What has become of a QR code.
const (
	qrWaiting = iota
	qrLinked
	qrExpired
)

type checked struct {
	Status int    `json:"status"`
	WxID   string `json:"wxId"`
}

func (h *Handler) checkQRCode(ctx context.Context, q request) (any, error) {
	i, err := h.find(ctx, q)
	if err != nil {
		return nil, err
	}
	if i.State == instance.Open || i.State == instance.Starting || i.JID != "" && i.State != instance.LoggedOut {
		return checked{qrLinked, wxID(i.JID)}, nil
	}
	o, err := h.core.Offer(ctx, i)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	live := err == nil && o.QR != "" && h.now().Before(o.QRUntil) &&
		subtle.ConstantTimeCompare([]byte(q.text("qrcodeKey")), []byte(QRCodeKey(i.ID, o.QR))) == 1
	if live {
		return checked{Status: qrWaiting}, nil
	}
	return checked{Status: qrExpired}, nil
}

type pairCode struct {
	PairCode string `json:"pairCode"` // XXXX-XXXX
}

func (h *Handler) pairCode(ctx context.Context, q request) (any, error) {
	i, err := h.find(ctx, q)
	if err != nil {
		return nil, err
	}
	phone := core.Digits(q.text("phone"))
	if len(phone) < 5 || len(phone) > 15 {
		return nil, fault.New(fault.Invalid, "phone: is no number of 5 to 15 digits")
	}
	if i.State == instance.Open || i.State == instance.Idle {
		return nil, business(codeOnline, "already online", nil)
	}
	seen, err := h.core.Connect(ctx, i, phone)
	if err != nil {
		return nil, err
	}
	if seen.Offer == nil || seen.Instance.State == instance.Open {
		return nil, business(codeOnline, "already online", nil)
	}
	return pairCode{seen.Offer.Code}, nil
}
