package simulator

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// States of a call.
const (
	CallRinging  = "ringing"
	CallAccepted = "accepted"
	CallRejected = "rejected"
	CallEnded    = "ended"
)

// ErrNoCall means that the person has no such call, or it is over.
var ErrNoCall = errors.New("no such call")

// Call is a call as one of its two sides sees it.
type Call struct {
	ID    string    `json:"id"`
	From  string    `json:"from"` // phone number of who calls
	To    string    `json:"to"`   // phone number, or JID of the group
	Video bool      `json:"video"`
	State string    `json:"state"`
	By    types.JID `json:"by"` // the device that has brought it into that state
	At    time.Time `json:"at"` // when
}

// Calls lists the calls that the person has made or got, oldest first, each
// in its current state.
func (u *User) Calls() []Call {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.profile.calls.list)
}

// AwaitCall is Await for Calls.
func (u *User) AwaitCall(ctx context.Context, match func(Call) bool) (Call, error) {
	return awaitEntry(ctx, u, &u.profile.calls, match)
}

// Call makes the person call a user or a group and returns the call's id. The
// companions of who is called get an offer now or when they come online.
// ErrNobody when there is nobody to call.
func (u *User) Call(to types.JID, video bool) (string, error) {
	called := u.sim.hearers(u, to)
	if called == nil {
		return "", fmt.Errorf("%s: %w", to, ErrNobody)
	}
	c := Call{
		ID: u.sim.callID(), From: u.pn.User, To: u.sim.nameChat(to), Video: video,
		State: CallRinging, By: u.pn, At: time.Now(),
	}
	u.noteCall(c)
	for _, peer := range called {
		if peer.blocks(u) {
			continue
		}
		peer.noteCall(c)
		peer.ring(nil, u.home.device, u.offerNode(c, to))
	}
	return c.ID, nil
}

// Hangup makes the person end a call: one that rings, as nobody answers, or
// one that goes on.
func (u *User) Hangup(id string) error { return u.act(id, CallEnded) }

// AcceptCall makes the person answer a call on the phone.
func (u *User) AcceptCall(id string) error { return u.act(id, CallAccepted) }

// RejectCall makes the person refuse a call on the phone.
func (u *User) RejectCall(id string) error { return u.act(id, CallRejected) }

func (u *User) act(id, state string) error {
	c, ok := u.findCall(id)
	if !ok || c.State != CallRinging && state != CallEnded || c.State == CallEnded || c.State == CallRejected {
		return fmt.Errorf("%s: %w", id, ErrNoCall)
	}
	if state == CallEnded {
		attrs := wire.Attrs{"reason": "hangup"}
		if c.State == CallRinging {
			attrs["reason"] = "timeout"
		}
		u.sim.advance(u.home.device, c, state, wire.Node{Tag: "terminate", Attrs: attrs}, nil)
		return nil
	}
	u.sim.advance(u.home.device, c, state, wire.Node{Tag: callTags[state]}, nil)
	return nil
}

// callTags names the stanza that brings a call into a state.
var callTags = map[string]string{CallAccepted: "accept", CallRejected: "reject", CallEnded: "terminate"}

// advance brings a call into a state, in which by has brought it by saying
// something, and tells everybody else who has it, or only one device of theirs.
func (s *Simulator) advance(by *device, c Call, state string, said wire.Node, only *device) {
	c.State, c.By, c.At = state, by.pn(), time.Now()
	creator := s.Lookup(c.From)
	said.Attrs = maps.Clone(said.Attrs)
	if said.Attrs == nil {
		said.Attrs = wire.Attrs{}
	}
	said.Attrs["call-id"], said.Attrs["call-creator"] = c.ID, creator.lid
	parties := s.parties(c)
	if len(parties) > 2 && by.user != creator { // the others go on without the one member
		parties = []*User{by.user}
	}
	for _, u := range parties {
		u.noteCall(c)
		switch {
		case u != by.user:
			u.ring(only, by, said)
		case state != CallEnded: // the other devices stop ringing
			u.ring(nil, by, wire.Node{Tag: "terminate", Attrs: wire.Attrs{
				"call-id": c.ID, "call-creator": creator.lid, "reason": state + "_elsewhere",
			}})
		}
	}
}

// parties are who has a call.
func (s *Simulator) parties(c Call) []*User {
	var out []*User
	if u := s.Lookup(c.From); u != nil {
		out = append(out, u)
	}
	if u := s.Lookup(c.To); u != nil {
		return append(out, u)
	}
	if group, err := types.ParseJID(c.To); err == nil {
		for _, u := range s.members(group) {
			if !slices.Contains(out, u) {
				out = append(out, u)
			}
		}
	}
	return out
}

// ring delivers something about a call to the account's companions but the
// one it comes from, or to one of them only.
func (u *User) ring(only, from *device, child wire.Node) {
	for _, d := range u.companions() {
		if d == from || only != nil && d != only {
			continue
		}
		d.deliver(wire.Node{
			Tag: "call",
			Attrs: wire.Attrs{
				"from": from.lid(), "id": u.sim.stanzaID(), "t": now(), "notify": from.user.Name(),
				"platform": "android", "version": "2.26.40.75",
			},
			Content: []wire.Node{child},
		})
	}
}

// offerNode rings a phone, or tells of a call in a group. The media
// description is what clients look at, not what a call would need.
func (u *User) offerNode(c Call, to types.JID) wire.Node {
	if to.Server == types.GroupServer {
		media := "audio"
		if c.Video {
			media = "video"
		}
		return wire.Node{Tag: "offer_notice", Attrs: wire.Attrs{
			"call-id": c.ID, "call-creator": u.lid, "caller_pn": u.pn, "group-jid": to, "media": media, "type": "group",
		}}
	}
	children := []wire.Node{{Tag: "audio", Attrs: wire.Attrs{"enc": "opus", "rate": "16000"}}}
	if c.Video {
		children = append(children, wire.Node{Tag: "video", Attrs: wire.Attrs{"enc": "vp8", "dec": "vp8"}})
	}
	children = append(children,
		wire.Node{Tag: "net", Attrs: wire.Attrs{"medium": "3"}},
		wire.Node{Tag: "encopt", Attrs: wire.Attrs{"keygen": "2"}},
	)
	return wire.Node{
		Tag: "offer", Attrs: wire.Attrs{"call-id": c.ID, "call-creator": u.lid, "caller_pn": u.pn, "joinable": "1"},
		Content: children,
	}
}

// noteCall keeps the latest state of a call.
func (u *User) noteCall(c Call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	j := &u.profile.calls
	i := slices.IndexFunc(j.list, func(known Call) bool { return known.ID == c.ID })
	if i < 0 {
		j.add(c)
		return
	}
	j.list[i] = c
	j.stir()
}

func (u *User) findCall(id string) (Call, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := slices.IndexFunc(u.profile.calls.list, func(c Call) bool { return c.ID == id })
	if i < 0 {
		return Call{}, false
	}
	return u.profile.calls.list[i], true
}

// callID is shaped like those of phones.
func (s *Simulator) callID() string {
	var b [16]byte
	s.mu.Lock()
	for i := range b {
		b[i] = byte(s.random.Uint32())
	}
	s.mu.Unlock()
	return strings.ToUpper(hex.EncodeToString(b[:]))
}
