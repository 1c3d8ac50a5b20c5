package delivery_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"roost/shared/message"
	"roost/shared/webhook"
)

// TestBothSecretsSign while they are being exchanged, and one before and after.
func TestBothSecretsSign(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL})
	rotated, err := h.webhooks.Rotate(t.Context(), "i1", "a", h.now().Add(time.Hour))
	if err != nil || rotated.Secret == secret || rotated.Retiring != secret {
		t.Fatalf("%+v, %v", rotated.Secret == secret, err)
	}
	verify := func(c call, with string) error {
		v, err := standardwebhooks.NewWebhook(with)
		if err != nil {
			t.Fatal(err)
		}
		return v.VerifyIgnoringTimestamp(c.Body, c.Header)
	}
	h.publish(text(t, maria, "A"))
	h.consume()
	first := r.heard()[0]
	if err := verify(first, secret); err != nil {
		t.Errorf("the old secret: %v", err)
	}
	if err := verify(first, rotated.Secret); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	if n := len(strings.Fields(first.Header.Get("webhook-signature"))); n != 2 {
		t.Errorf("%d signatures", n)
	}
	h.skip(2 * time.Hour)
	h.publish(text(t, maria, "B"))
	h.consume()
	second := r.heard()[1]
	if verify(second, secret) == nil || verify(second, rotated.Secret) != nil {
		t.Error("after its time the old secret still signs, or the new one does not")
	}
}

// TestLargeMediaIsLinked: above 3 MiB the payload leads to the file.
func TestLargeMediaIsLinked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := newReceiver(t, nil)
	h.subscribe(webhook.Subscription{ID: "a", URL: r.URL, Base64: true})
	for key, size := range map[string]int{"media/fits": 3 << 20, "media/large": 3<<20 + 1} {
		if _, err := h.bucket.Put(t.Context(), key, bytes.NewReader(make([]byte, size)), int64(size), "image/png"); err != nil {
			t.Fatal(err)
		}
	}
	m := message.Message{
		ID: "I", Chat: message.Address{PN: maria}, Kind: "imageMessage", Timestamp: time.Unix(1, 0),
		Media: &message.Media{Kind: "image", Blob: "media/large"}, Content: []byte(`{"imageMessage":{}}`),
	}
	h.publish(newEvent(t, "message.received", maria, "ev-large", m))
	m.Media.Blob = "media/fits"
	h.publish(newEvent(t, "message.received", maria, "ev-fits", m))
	h.consume()
	calls := r.heard()
	if len(calls) != 2 {
		t.Fatalf("%d calls: %s", len(calls), h.log())
	}
	if body := string(calls[0].Body); strings.Contains(body, `"base64"`) || !strings.Contains(body, `{"imageMessage":{},"mediaUrl":"http://localhost/blob/media/large?`) {
		t.Errorf("the large one: %.300s", body)
	}
	if body := calls[1].Body; !bytes.Contains(body, []byte(`"base64":"AAAA`)) || bytes.Contains(body, []byte("mediaUrl")) || len(body) < 4<<20 {
		t.Errorf("the one that fits: %.300s", body)
	}
}
