// Package webhook is who wants to be told: the subscriptions of an instance.
// Repository keeps them on the table, with secrets and headers sealed.
package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"slices"
	"time"
)

// Formats of a payload. Which of them are spoken is for the deliverer to know.
const (
	FormatEvolution = "evolution" // Evolution API 2.3.7
	FormatPostback  = "postback"  // the PostBack of the aspx dialect
	FormatGUID      = "guid"      // the callbacks of the guid dialect
)

// Main is the id of the one subscription that a dialect with a single webhook
// per instance uses.
const Main = "main"

// Default is the id of the subscription that a tenant has for all of its
// instances.
const Default = "default"

// Why Roost has turned a subscription off.
const (
	Gone    = "gone"    // it answered 410
	Failing = "failing" // nothing has got through for days
)

// Subscription asks for an instance's events at a URL.
type Subscription struct {
	ID      string // unique within the instance: letters, digits, "-" and "_", at most 64
	URL     string // http or https
	Enabled bool
	// Shared is set on the tenant's own, which is told of all instances. It is
	// for reading: where a subscription is stored makes it so.
	Shared bool
	// Disabled says why Roost has turned it off, "" when it has not. Put with
	// Enabled forgets it.
	Disabled   string
	DisabledAt time.Time
	// Events filters: Evolution's names in the form of its settings
	// (MESSAGES_UPSERT). Empty for all.
	Events   []string
	Headers  map[string]string // sent with every delivery; may hold secrets
	ByEvents bool              // the event's name is appended to the URL
	Base64   bool              // media travel inside the payload
	Format   string            // of the payload: FormatEvolution, which "" means too

	// Secret signs deliveries: "whsec_" and base64, as Standard Webhooks writes
	// it. Put makes one when it is empty and none is stored.
	Secret string
	// Retiring signs too, until RetiringUntil: the secret before the last
	// rotation, for receivers that do not know the new one yet.
	Retiring      string
	RetiringUntil time.Time

	CreatedAt time.Time
	UpdatedAt time.Time
}

// LogValue keeps URL, headers and secret out of logs: all three may let
// somebody in.
func (s Subscription) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", s.ID), slog.Bool("enabled", s.Enabled), slog.Any("events", s.Events))
}

// Wants reports whether the filter lets an event through, by the name it has in
// settings. Evolution takes GROUP_UPDATE for what it computes as GROUPS_UPDATE,
// and so never delivers it; here either means both.
func (s Subscription) Wants(name string) bool {
	return len(s.Events) == 0 || slices.ContainsFunc(s.Events, func(e string) bool { return canonical(e) == canonical(name) })
}

func canonical(name string) string {
	if name == "GROUP_UPDATE" {
		return "GROUPS_UPDATE"
	}
	return name
}

// Secrets are those that sign at a time, the newest first.
func (s Subscription) Secrets(now time.Time) []string {
	if s.Retiring == "" || !now.Before(s.RetiringUntil) {
		return []string{s.Secret}
	}
	return []string{s.Secret, s.Retiring}
}

// NewSecret makes a signing secret of 32 random bytes (Standard Webhooks asks
// for 24 to 64).
func NewSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand since Go 1.24)
	return "whsec_" + base64.StdEncoding.EncodeToString(secret)
}
