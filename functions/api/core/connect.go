package core

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// applyLimit is how long a change of settings waits for its host. They are
// stored already, and a host reads them when it next connects.
const applyLimit = 3 * time.Second

// Connect opens the instance's connection and waits for what its user needs
// next: a QR code, or nothing when it is linked. The answer is what was seen
// last; it may be still without a code when that takes longer.
//
// With a number (digits) it waits for a pairing code, in whatever state the
// instance is: the answer then is an instance that is open, or an offer with a
// live Code for that number, the same one for as long as it lives, or an error
// that says why there is none. It is never silence, since the person at the
// other end is looking at an empty field.
func (c *Core) Connect(ctx context.Context, i instance.Instance, number string) (instance.Seen, error) {
	limit := c.limits.QR
	if number != "" {
		limit = c.limits.Code
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	wanted := number
	if wanted == "" {
		wanted = i.Number
	}
	seen, err := c.deps.Instances.Await(wait, i.ID, func(instance.Seen) bool { return true })
	if err != nil {
		return instance.Seen{}, err
	}
	if leaving(seen.Instance.State) {
		return seen, fault.New(fault.Conflict, "The %q instance is being deleted.", i.Name)
	}
	if !settled(seen, wanted) {
		if err := c.deps.Commands.Do(wait, seen.Instance, command.Connect, command.ConnectArgs{Number: number}, nil); err != nil {
			return instance.Seen{}, err
		}
		seen, err = c.deps.Instances.Await(wait, i.ID, func(s instance.Seen) bool { return settled(s, wanted) || over(s) })
		if err != nil {
			return instance.Seen{}, err
		}
	}
	if over(seen) {
		return seen, reasonFault(seen.Instance)
	}
	if number != "" {
		return seen, codeFault(seen, number, limit)
	}
	return seen, nil
}

// Restart closes the connection and opens it again, then waits as Connect does.
// One that is not open is connected.
func (c *Core) Restart(ctx context.Context, i instance.Instance) (instance.Seen, error) {
	if !i.State.Connected() {
		return c.Connect(ctx, i, "")
	}
	wait, cancel := context.WithTimeout(ctx, c.limits.QR)
	defer cancel()
	if err := c.deps.Commands.Do(wait, i, command.Restart, nil, nil); err != nil {
		return instance.Seen{}, err
	}
	seen, err := c.deps.Instances.Await(wait, i.ID, func(s instance.Seen) bool { return settled(s, "") || over(s) })
	if err == nil && over(seen) {
		err = reasonFault(seen.Instance)
	}
	return seen, err
}

// Logout unlinks the phone. An instance that is not linked is a Conflict; one
// that may be has no keys afterwards.
func (c *Core) Logout(ctx context.Context, i instance.Instance) error {
	if !i.State.Connected() && !unsure(i) && (i.JID == "" || i.State == instance.LoggedOut) {
		return fault.Coded(fault.Conflict, "not_connected", "The %q instance is not connected", i.Name)
	}
	return c.do(ctx, i, command.Logout, nil, nil)
}

// Offer is what a pairing shows now. When it shows nothing that is NotFound,
// with the reason.
func (c *Core) Offer(ctx context.Context, i instance.Instance) (*instance.Offer, error) {
	offer, err := c.deps.Instances.Offer(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	if offer == nil || !i.State.Connected() || time.Now().After(offer.Until) {
		return nil, fault.New(fault.NotFound, "%s", nothingShown(i))
	}
	return offer, nil
}

func nothingShown(i instance.Instance) string {
	switch {
	case isOpen(i.State):
		return fmt.Sprintf("The %q instance is connected and needs no QR code", i.Name)
	case i.State.Connected():
		return fmt.Sprintf("The %q instance is connecting and has no QR code yet", i.Name)
	case i.Reason.Sentence != "":
		return fmt.Sprintf("The %q instance has no QR code, connect it first. %s", i.Name, i.Reason.Sentence)
	default:
		return fmt.Sprintf("The %q instance has no QR code, connect it first", i.Name)
	}
}

// settled reports whether there is what a user waits for: a login, a passkey
// request, or live codes.
func settled(s instance.Seen, number string) bool {
	if isOpen(s.Instance.State) {
		return true
	}
	if s.Instance.State != instance.Pairing && s.Instance.State != instance.Connecting {
		return false
	}
	o, now := s.Offer, time.Now()
	if o == nil {
		return false
	}
	if o.Passkey != nil {
		return true
	}
	// The QR code is the sign of life: a host that died leaves its offer
	// behind, but no longer renews the code.
	if o.QR == "" || now.After(o.QRUntil) {
		return false
	}
	return number == "" || o.CodeFor == number && (o.CodeError != "" || o.Code != "" && now.Before(o.CodeUntil))
}

// over reports whether a connection that was asked for has ended again.
func over(s instance.Seen) bool {
	state := s.Instance.State
	ended := state == instance.Closed || state == instance.LoggedOut
	return ended && s.Instance.Reason.Code != "" || leaving(state)
}

// isOpen reports whether an instance is logged in.
func isOpen(s instance.State) bool { return s == instance.Open }

// leaving reports whether an instance is being deleted, or has been.
func leaving(s instance.State) bool { return s == instance.Deleting || s == instance.Deleted }

// codeFault says why there is no pairing code, nil when there is one or none is
// needed.
func codeFault(s instance.Seen, number string, waited time.Duration) error {
	o := s.Offer
	switch {
	case isOpen(s.Instance.State):
		return nil
	case o != nil && o.Passkey != nil:
		return fault.Coded(fault.Conflict, "passkey_required",
			"The phone has agreed already, and WhatsApp asks for the account's passkey: answer it at /instance/passkey.")
	case o != nil && o.CodeFor == number && o.Code != "" && time.Now().Before(o.CodeUntil):
		return nil
	case o != nil && o.CodeFor == number && o.CodeError != "":
		kind := o.CodeFault
		if kind == "" { // the host has tried several times: to ask again at once is no use
			kind = fault.Invalid
		}
		return fault.Coded(kind, "no_pairing_code", "%s", sentence(o.CodeError))
	case s.Instance.JID != "":
		return fault.Coded(fault.Unavailable, "no_pairing_code", "The instance is linked and its connection is being opened: it needs no pairing code.")
	case s.Instance.Reason.Sentence != "":
		return fault.Coded(fault.Unavailable, "no_pairing_code", "No pairing code has come within %v. %s", waited, s.Instance.Reason.Sentence)
	default:
		return fault.Coded(fault.Unavailable, "no_pairing_code", "No pairing code has come within %v. Ask again.", waited)
	}
}

// reasonFault is the state of an instance as an answer to who wanted another.
func reasonFault(i instance.Instance) error {
	kind := fault.Conflict
	switch i.Reason.Code {
	case instance.ReasonClock, instance.ReasonUnreachable, instance.ReasonStorage, instance.ReasonHostLost:
		kind = fault.Unavailable
	}
	if i.Reason.Sentence == "" {
		return fault.New(kind, "The %q instance is being deleted.", i.Name)
	}
	return fault.Coded(kind, i.Reason.Code, "%s", strings.TrimSpace(i.Reason.Sentence+" "+i.Reason.Action))
}

// sentence begins with a capital and ends with a stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// apply lets the host take up settings. One that does not answer will when it
// next connects.
func (c *Core) apply(ctx context.Context, i instance.Instance) {
	if !i.State.Connected() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	if err := c.deps.Commands.Do(ctx, i, command.Apply, nil, nil); err != nil {
		c.deps.Log.WarnContext(ctx, "settings are not taken up yet", "instance", string(i.ID), "err", err)
	}
}

// Digits keeps the digits of a phone number.
func Digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}
