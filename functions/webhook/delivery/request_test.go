package delivery_test

import (
	"bytes"
	"testing"
	"time"

	"roost/functions/webhook/delivery"
	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/webhook"
)

// BenchmarkSign builds a signed call of 2 KiB, with a token as well.
func BenchmarkSign(b *testing.B) {
	s := webhook.Subscription{URL: "https://example.com/hook", Secret: webhook.NewSecret(), Headers: map[string]string{"jwt_key": "secret"}}
	built := format.Request{URL: s.URL, Body: bytes.Repeat([]byte("x"), 2<<10)}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := delivery.NewRequest(b.Context(), s, built, "id", now); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, " 7 ": 7 * time.Second, "-5": 0, "soon": 0, "1.5": 0, "99999999999999999999": 0,
		"9999999999": backlog.MaxPause, "Wed, 25 Nov 2026 03:10:00 GMT": 10 * time.Minute, "Wed, 25 Nov 2020 03:10:00 GMT": 0,
		"Sun, 25 Nov 2096 03:10:00 GMT": backlog.MaxPause,
	} {
		if got := delivery.RetryAfter(text, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Wed, 25 Nov 2026 03:10:00 GMT")
	f.Fuzz(func(t *testing.T, text string) {
		if got := delivery.RetryAfter(text, time.Unix(1795600000, 0)); got < 0 || got > backlog.MaxPause {
			t.Errorf("Retry-After %q is %v", text, got)
		}
	})
}
