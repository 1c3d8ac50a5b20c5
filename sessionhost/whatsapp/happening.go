package whatsapp

import (
	"context"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/group"
	"roost/shared/message"
)

// Happening is something that webhooks tell and that is no message.
type Happening struct {
	Kind event.Kind
	Chat message.Address // it is told in the order of its chat; the zero value for none
	Body any             // the kind's
	What []string        // tells it from others of its kind and chat
}

// lateCall is how old a call is that the account hears of when it is over.
const lateCall = time.Minute

// happening puts an event of the library into Roost's words. It reports false
// for what says nothing to a person.
func (c *Client) happening(ctx context.Context, evt any) (Happening, bool) {
	switch e := evt.(type) {
	case *events.JoinedGroup:
		return Happening{
			Kind: event.GroupJoined, Chat: message.Address{PN: e.JID.String()}, Body: c.group(ctx, &e.GroupInfo),
			What: []string{e.Type, e.Reason, e.ParticipantVersionID, e.CreateKey},
		}, true
	case *events.GroupInfo:
		return c.groupChange(ctx, e)
	case *events.Presence:
		p := event.Presence{Person: c.address(ctx, e.From, types.EmptyJID), State: command.PresenceAvailable}
		if p.Chat = p.Person; e.Unavailable {
			p.State, p.LastSeen = command.PresenceUnavailable, e.LastSeen
		}
		return present(p), true
	case *events.ChatPresence:
		p := event.Presence{State: string(e.State)}
		p.Chat, p.Person = c.addresses(ctx, e.MessageSource)
		if e.State == types.ChatPresenceComposing && e.Media == types.ChatPresenceMediaAudio {
			p.State = command.PresenceRecording
		}
		return present(p), true
	case *events.LabelEdit:
		l := event.Label{ID: e.LabelID, Name: e.Action.GetName(), Color: int(e.Action.GetColor()), Deleted: e.Action.GetDeleted()}
		if e.Action.PredefinedID != nil {
			l.Predefined = strconv.Itoa(int(e.Action.GetPredefinedID()))
		}
		return Happening{Kind: event.LabelChanged, Body: l, What: []string{l.ID, stamp(e.Timestamp), l.Name}}, true
	case *events.LabelAssociationChat:
		l := event.Labelled{Chat: c.chatAddress(ctx, e.JID), Label: e.LabelID, On: e.Action.GetLabeled()}
		return Happening{Kind: event.ChatLabelled, Chat: l.Chat, Body: l, What: []string{l.Label, strconv.FormatBool(l.On), stamp(e.Timestamp)}}, true
	}
	if call, ok := c.call(ctx, evt); ok {
		return Happening{Kind: event.CallChanged, Chat: call.From, Body: call, What: []string{call.ID, call.Status}}, true
	}
	return c.chatChange(ctx, evt)
}

func stamp(at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) }

// present is a presence as a happening. The same again is another one.
func present(p event.Presence) Happening {
	return Happening{Kind: event.PresenceChanged, Chat: p.Chat, Body: p, What: []string{p.Person.Key(), p.State, strconv.FormatInt(time.Now().UnixNano(), 10)}}
}

// chatAddress names the chat with a person, or a group.
func (c *Client) chatAddress(ctx context.Context, jid types.JID) message.Address {
	if jid.Server == types.DefaultUserServer || jid.Server == types.HiddenUserServer {
		return c.address(ctx, jid, types.EmptyJID)
	}
	return message.Address{PN: jid.String()}
}

// groupChange is who came and went, or what a group says of itself now. A
// notification tells of one change.
func (c *Client) groupChange(ctx context.Context, e *events.GroupInfo) (Happening, bool) {
	by := message.Address{}
	if e.Sender != nil {
		alt := types.EmptyJID
		if e.SenderPN != nil {
			alt = *e.SenderPN
		}
		by = c.address(ctx, *e.Sender, alt)
	}
	h := Happening{Chat: message.Address{PN: e.JID.String()}, What: []string{stamp(e.Timestamp), by.Key()}}
	for _, m := range []struct {
		action string
		people []types.JID
	}{{group.Add, e.Join}, {group.Remove, e.Leave}, {group.Promote, e.Promote}, {group.Demote, e.Demote}} {
		if len(m.people) == 0 {
			continue
		}
		moved := group.Movement{Group: e.JID.String(), By: by, Action: m.action}
		h.Kind, h.What = event.MembersMoved, append(h.What, m.action, e.ParticipantVersionID)
		for _, person := range m.people {
			moved.People = append(moved.People, c.address(ctx, person, types.EmptyJID))
			moved.Names = append(moved.Names, c.nameOf(ctx, person.ToNonAD()))
			h.What = append(h.What, person.String())
		}
		h.Body = moved
		return h, true
	}
	change := group.Change{Group: e.JID.String(), By: by, At: e.Timestamp.UTC()}
	s := &change.Settings
	switch {
	case e.Name != nil:
		s.Subject = &e.Name.Name
		h.What = append(h.What, "subject", *s.Subject)
	case e.Topic != nil:
		s.Description = &e.Topic.Topic
		h.What = append(h.What, "description", e.Topic.TopicID)
	case e.Announce != nil:
		s.Announce = &e.Announce.IsAnnounce
		h.What = append(h.What, "announce", strconv.FormatBool(*s.Announce))
	case e.Locked != nil:
		s.Locked = &e.Locked.IsLocked
		h.What = append(h.What, "locked", strconv.FormatBool(*s.Locked))
	case e.Ephemeral != nil:
		s.Ephemeral = new(int(e.Ephemeral.DisappearingTimer))
		h.What = append(h.What, "ephemeral", strconv.Itoa(*s.Ephemeral))
	case e.MembershipApprovalMode != nil:
		s.Approval = &e.MembershipApprovalMode.IsJoinApprovalRequired
		h.What = append(h.What, "approval")
	case e.NewInviteLink != nil:
		s.InviteCode = new(trimLink(*e.NewInviteLink))
		h.What = append(h.What, "invite", *s.InviteCode)
	default:
		return Happening{}, false
	}
	h.Kind, h.Body = event.GroupChanged, change
	return h, true
}

// chatChange is what was done with a chat on some device of the account. What
// was so before the instance was linked is not told.
func (c *Client) chatChange(ctx context.Context, evt any) (Happening, bool) {
	var jid types.JID
	var at time.Time
	var told event.Chat
	switch e := evt.(type) {
	case *events.Archive:
		if e.FromFullSync {
			return Happening{}, false
		}
		jid, at, told.Archived = e.JID, e.Timestamp, new(e.Action.GetArchived())
	case *events.Pin:
		if e.FromFullSync {
			return Happening{}, false
		}
		jid, at, told.Pinned = e.JID, e.Timestamp, new(e.Action.GetPinned())
	case *events.Mute:
		if e.FromFullSync {
			return Happening{}, false
		}
		jid, at, told.Muted = e.JID, e.Timestamp, new(e.Action.GetMuted())
	case *events.MarkChatAsRead:
		if e.FromFullSync {
			return Happening{}, false
		}
		jid, at, told.Unread = e.JID, e.Timestamp, new(!e.Action.GetRead())
	case *events.DeleteChat:
		if e.FromFullSync {
			return Happening{}, false
		}
		jid, at, told.Deleted = e.JID, e.Timestamp, true
	default:
		return Happening{}, false
	}
	told.Chat = c.chatAddress(ctx, jid)
	return Happening{Kind: event.ChatChanged, Chat: told.Chat, Body: told, What: []string{stamp(at), flagsOf(told)}}, true
}

func flagsOf(c event.Chat) string {
	flags := []string{strconv.FormatBool(c.Deleted)}
	for _, flag := range []*bool{c.Archived, c.Pinned, c.Muted, c.Unread} {
		text := ""
		if flag != nil {
			text = strconv.FormatBool(*flag)
		}
		flags = append(flags, text)
	}
	return strings.Join(flags, ",")
}

// call is how a call goes.
func (c *Client) call(ctx context.Context, evt any) (event.Call, bool) {
	var meta types.BasicCallMeta
	told := event.Call{}
	switch e := evt.(type) {
	case *events.CallOffer:
		meta, told.Status = e.BasicCallMeta, event.CallOffered
		if e.Data != nil {
			_, told.Video = e.Data.GetOptionalChildByTag("video")
		}
	case *events.CallOfferNotice:
		meta, told.Status, told.Video, told.IsGroup = e.BasicCallMeta, event.CallOffered, e.Media == "video", e.Type == "group"
	case *events.CallAccept:
		meta, told.Status = e.BasicCallMeta, event.CallAccepted
	case *events.CallReject:
		meta, told.Status = e.BasicCallMeta, event.CallRejected
	case *events.CallTerminate:
		meta, told.Status = e.BasicCallMeta, event.CallTerminated
		if e.Reason == "timeout" {
			told.Status = event.CallTimedOut
		}
	default:
		return event.Call{}, false
	}
	who, alt := meta.CallCreator, meta.CallCreatorAlt
	if who.IsEmpty() {
		who, alt = meta.From, types.EmptyJID
	}
	told.ID, told.From, told.At = meta.CallID, c.address(ctx, who, alt), meta.Timestamp.UTC()
	told.Offline = time.Since(meta.Timestamp) > lateCall
	if !meta.GroupJID.IsEmpty() {
		told.IsGroup, told.Group = true, meta.GroupJID.String()
	}
	return told, true
}
