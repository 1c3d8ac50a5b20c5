package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.mau.fi/util/jsontime"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/fault"
)

// reachOutQuery asks how long the account may not write to new people (Baileys
// Types/Mex.ts, fetchAccountReachoutTimelock).
const reachOutQuery = "23983697327930364"

// unknownLimit is how long a limit is taken to last when WhatsApp does not say.
const unknownLimit = time.Hour

func limited(e *events.NotifyAccountReachoutTimelock) Limited {
	out := Limited{Active: e.IsActive, Until: e.TimeEnforcementEnds.Time}
	if out.Active && !out.Until.After(time.Now()) {
		out.Until = time.Now().Add(unknownLimit)
	}
	return out
}

// askLimit tells how long the account is limited, after WhatsApp has refused a
// message for it.
func (c *Client) askLimit(ctx context.Context) {
	told := Limited{Active: true, Until: time.Now().Add(unknownLimit)}
	answer, err := c.wa.DangerousInternals().SendMexIQ(ctx, reachOutQuery, map[string]any{}) //nolint:staticcheck // the library has no other way to ask
	if err != nil {
		c.log.WarnContext(ctx, "limit of the account is unknown", "err", err)
		c.signals(told)
		return
	}
	var got struct {
		Lock struct {
			Active bool                `json:"is_active"`
			Ends   jsontime.UnixString `json:"time_enforcement_ends"`
		} `json:"xwa2_fetch_account_reachout_timelock"`
	}
	if json.Unmarshal(answer, &got) == nil {
		if !got.Lock.Active { // this message only
			return
		}
		if got.Lock.Ends.After(time.Now()) {
			told.Until = got.Lock.Ends.Time
		}
	}
	c.signals(told)
}

// refusedReachOut reports whether WhatsApp has refused a message since the
// account may not begin new chats now (error 463).
func refusedReachOut(err error) bool {
	return errors.Is(err, whatsmeow.ErrServerReturnedError) && strings.HasSuffix(err.Error(), " 463")
}

// ReachOutFault is a message that the account's limit does not allow.
func ReachOutFault(until time.Time) error {
	text := "WhatsApp does not let this account begin new chats now."
	if !until.IsZero() {
		text = "WhatsApp does not let this account begin new chats until " + until.UTC().Format(time.RFC3339) + "."
	}
	return fault.Coded(fault.Forbidden, "reach_out_locked", "%s Chats that exist can be gone on with.", text)
}

// Knows reports whether the account has written with somebody before: there is
// an encrypted session with one of their devices. Groups are always known.
func (c *Client) Knows(ctx context.Context, address string) bool {
	to, err := types.ParseJID(address)
	if err != nil || to.Server != types.DefaultUserServer && to.Server != types.HiddenUserServer || to.User == c.device.GetJID().User {
		return true
	}
	return c.reached(ctx, to) == nil
}
