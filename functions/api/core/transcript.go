package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/transcript"
)

// AddressOf is what a JID says of a person, group or broadcast.
func AddressOf(jid string) message.Address {
	if strings.HasSuffix(jid, "@lid") {
		return message.Address{LID: jid}
	}
	return message.Address{PN: jid}
}

// MessageQuery asks for messages. Zero fields do not narrow it.
type MessageQuery struct {
	ID       string // message id
	Chat     string // JID: phone number, LID or group
	From, To time.Time
	Match    func(transcript.Header) bool
	Skip     int
	Limit    int
}

// Messages lists messages, reactions and votes, newest first.
func (c *Core) Messages(ctx context.Context, i instance.Instance, q MessageQuery) (transcript.Listed, error) {
	listing := transcript.Listing{From: q.From, To: q.To, Match: q.Match, Skip: q.Skip, Limit: q.Limit}
	if q.Chat != "" {
		chat, ok, err := c.transcripts.ChatOf(ctx, i.ID, AddressOf(q.Chat))
		if err != nil || !ok {
			return transcript.Listed{}, err
		}
		listing.Chat = &chat
	}
	if q.ID != "" {
		return c.byID(ctx, i, q, listing.Chat)
	}
	return c.transcripts.List(ctx, i.ID, listing)
}

// byID finds messages by their id, which may stand in several chats.
func (c *Core) byID(ctx context.Context, i instance.Instance, q MessageQuery, chat *transcript.Chat) (transcript.Listed, error) {
	found, err := c.transcripts.Find(ctx, i.ID, q.ID)
	if err != nil {
		return transcript.Listed{}, err
	}
	var garbled error
	found = slices.DeleteFunc(found, func(e transcript.Entry) bool {
		m, err := e.Message()
		if err != nil {
			garbled = err
			return true
		}
		head := transcript.Header{Event: e.ID, Chat: e.Chat, Kind: e.Kind, Message: m.ID, Type: m.Kind, FromMe: m.FromMe, Sender: m.Sender.String()}
		return !e.Kind.Listed() || q.Match != nil && !q.Match(head) || chat != nil && !chat.Holds(e.Chat) ||
			!q.From.IsZero() && e.At.Before(q.From) || !q.To.IsZero() && e.At.After(q.To)
	})
	out := transcript.Listed{Total: int64(len(found)), Entries: found[min(q.Skip, len(found)):]}
	out.Entries = out.Entries[:min(q.Limit, len(out.Entries))]
	return out, garbled
}

// ChatQuery asks for chats. Zero fields do not narrow it.
type ChatQuery struct {
	Chat     string    // JID
	From, To time.Time // of the last message
	Skip     int
	Limit    int
}

// ChatSeen is a chat with its last message.
type ChatSeen struct {
	transcript.Chat
	Last *transcript.Entry  // nil when there is none
	With transcript.Contact // the person or the group, as far as it is known
}

// Title is what a chat is called, "" when nobody has said.
func (c ChatSeen) Title() string { return cmp.Or(c.Name, c.With.Name()) }

// Chats lists chats, those with the newest messages first.
func (c *Core) Chats(ctx context.Context, i instance.Instance, q ChatQuery) ([]ChatSeen, error) {
	var chats []transcript.Chat
	if q.Chat != "" {
		chat, ok, err := c.transcripts.ChatOf(ctx, i.ID, AddressOf(q.Chat))
		if err != nil {
			return nil, err
		}
		if ok {
			chats = append(chats, chat)
		}
	} else {
		var err error
		if chats, err = c.transcripts.Chats(ctx, i.ID); err != nil {
			return nil, err
		}
	}
	chats = slices.DeleteFunc(chats, func(c transcript.Chat) bool {
		return !q.From.IsZero() && c.LastAt.Before(q.From) || !q.To.IsZero() && c.LastAt.After(q.To)
	})
	slices.SortFunc(chats, func(a, b transcript.Chat) int {
		return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.Key, b.Key))
	})
	chats = chats[min(q.Skip, len(chats)):]
	chats = chats[:min(q.Limit, len(chats))]
	last, err := c.transcripts.Last(ctx, i.ID, chats)
	if err != nil {
		return nil, err
	}
	with := make([]message.Address, len(chats))
	for n, c := range chats {
		with[n] = c.Address
	}
	known, err := c.transcripts.Known(ctx, i.ID, with)
	if err != nil {
		return nil, err
	}
	out := make([]ChatSeen, len(chats))
	for n, c := range chats {
		out[n].Chat, out[n].With = c, known[n]
		if e, ok := last[c.Key]; ok {
			out[n].Last = &e
		}
	}
	return out, nil
}

// ContactQuery asks for contacts. Zero fields do not narrow it.
type ContactQuery struct {
	Contact string // JID
	Name    string // exactly
	Match   func(transcript.Contact) bool
	Skip    int
	Limit   int
}

// Contacts lists contacts in the order of their keys.
func (c *Core) Contacts(ctx context.Context, i instance.Instance, q ContactQuery) ([]transcript.Contact, error) {
	out := []transcript.Contact{}
	fits := func(known transcript.Contact) bool {
		return (q.Name == "" || known.Name() == q.Name) && (q.Match == nil || q.Match(known))
	}
	if q.Contact != "" {
		known, ok, err := c.transcripts.Contact(ctx, i.ID, AddressOf(q.Contact))
		if err != nil || !ok || !fits(known) || q.Skip > 0 || q.Limit == 0 {
			return out, err
		}
		return append(out, known), nil
	}
	skip := q.Skip
	err := c.transcripts.Contacts(ctx, i.ID, func(known transcript.Contact) bool {
		if !fits(known) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		if len(out) < q.Limit {
			out = append(out, known)
		}
		return len(out) < q.Limit
	})
	return out, err
}

// Counts are how much an instance has in its transcript.
type Counts struct{ Messages, Contacts, Chats int64 }

// Counts reads the heads of all chats and contacts.
func (c *Core) Counts(ctx context.Context, i instance.Instance) (Counts, error) {
	chats, err := c.transcripts.Chats(ctx, i.ID)
	if err != nil {
		return Counts{}, err
	}
	out := Counts{Chats: int64(len(chats))}
	for _, chat := range chats {
		out.Messages += chat.Messages
	}
	err = c.transcripts.Contacts(ctx, i.ID, func(transcript.Contact) bool {
		out.Contacts++
		return true
	})
	return out, err
}

// ReceiptQuery asks for receipts. Zero fields do not narrow it.
type ReceiptQuery struct {
	ID    string // of the message
	Chat  string // JID
	Skip  int
	Limit int
}

// Receipts lists receipts, the oldest first.
func (c *Core) Receipts(ctx context.Context, i instance.Instance, q ReceiptQuery) ([]transcript.Receipt, error) {
	var chat *transcript.Chat
	if q.Chat != "" {
		found, ok, err := c.transcripts.ChatOf(ctx, i.ID, AddressOf(q.Chat))
		if err != nil || !ok {
			return nil, err
		}
		chat = &found
	}
	out, skip := []transcript.Receipt{}, q.Skip
	take := func(r transcript.Receipt) bool {
		if skip > 0 {
			skip--
			return true
		}
		if len(out) < q.Limit {
			out = append(out, r)
		}
		return len(out) < q.Limit
	}
	if q.ID == "" {
		err := c.transcripts.Receipts(ctx, i.ID, chat, take)
		return out, err
	}
	all, err := c.transcripts.ReceiptsOf(ctx, i.ID, q.ID)
	for _, r := range all {
		if chat != nil && !chat.Named(r.Update.Chat) {
			continue
		}
		if !take(r) {
			break
		}
	}
	return out, err
}

// original is the message that an id names in a chat, false when it is not
// known.
func (c *Core) original(ctx context.Context, i instance.Instance, id, chat string) (message.Message, bool, error) {
	q := MessageQuery{ID: id, Chat: chat, Limit: 1, Match: func(h transcript.Header) bool { return h.Kind == transcript.KindMessage }}
	found, err := c.Messages(ctx, i, q)
	if err != nil || len(found.Entries) == 0 {
		return message.Message{}, false, err
	}
	m, err := found.Entries[0].Message()
	return m, err == nil, err
}

// Names are the ways in which a person may stand as the sender of a message,
// none for "".
func (c *Core) Names(ctx context.Context, i instance.Instance, jid string) (map[string]bool, error) {
	if jid == "" {
		return nil, nil
	}
	names := map[string]bool{jid: true}
	known, ok, err := c.transcripts.Contact(ctx, i.ID, AddressOf(jid))
	if err != nil {
		return nil, err
	}
	if ok {
		names[known.Address.PN], names[known.Address.LID] = true, true
		delete(names, "")
	}
	return names, nil
}

// MediaURL signs where a file that Roost keeps can be had, for as long as URLs
// last. Whether it is there already is not checked.
func (c *Core) MediaURL(ctx context.Context, m message.Media) (string, error) {
	url, _, err := c.deps.Bucket.SignGet(ctx, m.Blob, blob.MaxExpiry, m.FileName)
	if err != nil {
		return "", fmt.Errorf("sign a file: %w", err)
	}
	return url, nil
}

// File returns the message that an id names and its file: the one that is kept,
// or else as WhatsApp has it.
//
// Errors: Invalid when there is no such message or it has no file; those of the
// host when the file has to be fetched; TooLarge.
func (c *Core) File(ctx context.Context, i instance.Instance, id, chat string) (message.Message, []byte, error) {
	m, known, err := c.original(ctx, i, id, chat)
	if err != nil {
		return message.Message{}, nil, err
	}
	switch {
	case !known:
		return message.Message{}, nil, fault.New(fault.Invalid, "Message not found")
	case m.Media == nil:
		return message.Message{}, nil, fault.New(fault.Invalid, "The message is not of the media type")
	}
	file, err := c.FileOf(ctx, i, m)
	return m, file, err
}

// FileOf returns the file of a message that has one, as File does.
func (c *Core) FileOf(ctx context.Context, i instance.Instance, m message.Message) ([]byte, error) {
	if m.Media.Blob != "" {
		file, err := c.readFile(ctx, m.Media.Blob)
		if !errors.Is(err, blob.ErrNotFound) {
			return file, err
		}
	}
	key := m.Media.Blob // pending: it is kept now
	if key == "" {
		key = "outbox/" + string(i.ID) + "/" + uuid.NewString()
		defer c.detach(ctx, key)
	}
	i, err := c.online(ctx, i)
	if err != nil {
		return nil, err
	}
	args := command.DownloadArgs{Blob: key, Message: message.Message{ID: m.ID, Kind: m.Kind, Content: m.Content, Media: m.Media}}
	if err := c.do(ctx, i, command.DownloadMedia, args, nil); err != nil {
		return nil, err
	}
	return c.readFile(ctx, key)
}

func (c *Core) readFile(ctx context.Context, key string) ([]byte, error) {
	stored, info, err := c.deps.Bucket.Get(ctx, key, blob.Range{})
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	defer stored.Close()
	if info.Size > c.limits.File {
		return nil, fault.New(fault.TooLarge, "The file is larger than %d MiB", c.limits.File>>20)
	}
	file, err := io.ReadAll(stored)
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return file, nil
}
