package delivery

import (
	"bytes"
	"testing"
	"time"

	"roost/functions/webhook/evolution"
	"roost/shared/webhook"
)

// BenchmarkSign builds a signed call of 2 KiB, with a token as well.
func BenchmarkSign(b *testing.B) {
	s := webhook.Subscription{URL: "https://example.com/hook", Secret: webhook.NewSecret(), Headers: map[string]string{"jwt_key": "secret"}}
	body := bytes.Repeat([]byte("x"), 2<<10)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newRequest(b.Context(), s, evolution.Payload{Event: "messages.upsert"}, "id", body, now); err != nil {
			b.Fatal(err)
		}
	}
}
