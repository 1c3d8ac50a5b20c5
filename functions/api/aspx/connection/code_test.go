package connection_test

import (
	"testing"
	"time"

	"roost/functions/api/aspx/connection"
	"roost/shared/instance"
)

// TestCodes is the table of section 5: every state with every reason that
// matters.
func TestCodes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	const jid = "4915550001:7@s.whatsapp.net"
	shown := &instance.Offer{QR: "2@x", Until: now.Add(time.Minute)}
	for _, c := range []struct {
		name    string
		state   instance.State
		jid     string
		reason  string
		until   time.Time
		offer   *instance.Offer
		code    connection.Code
		text    string
		restore bool
	}{
		{name: "never paired", state: instance.Created, text: "noConnection"},
		{name: "opening, no keys", state: instance.Connecting, code: 1, text: "webSocketOpenining"},
		{name: "opening, keys", state: instance.Connecting, jid: jid, code: 1, text: "webSocketOpenining", restore: true},
		{name: "opening again", state: instance.Connecting, jid: jid, reason: instance.ReasonUnreachable, code: 11, text: "WhatsAppAuthenticatedConnectionClosed", restore: true},
		{name: "no code yet", state: instance.Pairing, code: 2, text: "webSocketOpen"},
		{name: "codes", state: instance.Pairing, offer: shown, code: 3, text: "waitForQRAuthentication"},
		{name: "linked", state: instance.Starting, jid: jid, code: 4, text: "Starting", restore: true},
		{name: "logged in", state: instance.Open, jid: jid, code: 10, text: "WhatsAppAuthenticated", restore: true},
		{name: "silent", state: instance.Idle, jid: jid, reason: instance.ReasonSilent, code: 11, text: "WhatsAppAuthenticatedConnectionClosed", restore: true},
		{name: "replaced", state: instance.Closed, jid: jid, reason: instance.ReasonReplaced, code: 11, text: "WhatsAppAuthenticatedConnectionClosed", restore: true},
		{name: "banned", state: instance.Closed, jid: jid, reason: instance.ReasonBanned, until: now.Add(time.Hour), code: 11, text: "WhatsAppAuthenticatedConnectionClosed"},
		{name: "was banned", state: instance.Closed, jid: jid, reason: instance.ReasonBanned, until: now.Add(-time.Hour), code: 11, text: "WhatsAppAuthenticatedConnectionClosed", restore: true},
		{name: "outdated, keys", state: instance.Closed, jid: jid, reason: instance.ReasonOutdated, code: 11, text: "WhatsAppAuthenticatedConnectionClosed", restore: true},
		{name: "outdated, no keys", state: instance.Closed, reason: instance.ReasonOutdated, text: "noConnection"},
		{name: "refused, keys", state: instance.Closed, jid: jid, reason: instance.ReasonRefused, code: 11, text: "WhatsAppAuthenticatedConnectionClosed", restore: true},
		{name: "closed by its user", state: instance.Closed, jid: jid, reason: instance.ReasonDisconnected, text: "noConnection", restore: true},
		{name: "released", state: instance.Closed, jid: jid, reason: instance.ReasonReleased, text: "noConnection", restore: true},
		{name: "codes ran out", state: instance.Closed, reason: instance.ReasonPairingTimeout, text: "noConnection"},
		{name: "pairing failed", state: instance.Closed, reason: instance.ReasonPairingFailed, code: 13, text: "WhatsAppNotAuthenticated"},
		{name: "unlinked on the phone", state: instance.LoggedOut, reason: instance.ReasonLoggedOut, code: 13, text: "WhatsAppNotAuthenticated"},
		{name: "locked", state: instance.LoggedOut, reason: instance.ReasonAccountLocked, code: 13, text: "WhatsAppNotAuthenticated"},
		{name: "unlinked by its user", state: instance.LoggedOut, reason: instance.ReasonUserLogout, text: "noConnection"},
		{name: "being deleted", state: instance.Deleting, jid: jid, text: "noConnection", restore: true},
	} {
		seen := instance.Seen{Offer: c.offer, Instance: instance.Instance{
			State: c.state, JID: c.jid, Reason: instance.Reason{Code: c.reason, Until: c.until},
		}}
		got := connection.Of(seen, now)
		if got != c.code || got.String() != c.text || got.CanRestore(seen, now) != c.restore {
			t.Errorf("%s: %d %s, restore %v", c.name, got, got, got.CanRestore(seen, now))
		}
	}
}
