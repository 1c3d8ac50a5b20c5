package core

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
)

const (
	// maxInlineFile is how large a file may be inside a command, in bytes. It
	// grows by a third there and must stay below what a queue takes.
	maxInlineFile = 64 << 10
	// longestTyping bounds SendArgs.Delay: the request waits for it.
	longestTyping = 15 * time.Second
)

// Outgoing is a message to send.
type Outgoing struct {
	Number string // as the user wrote it
	// Args are all but To and Audience; mentions are numbers as the user wrote
	// them. An empty MessageID gets a new one.
	Args command.SendArgs
	File []byte // of a media message
	// Upload is the file instead, as NewUpload has named it.
	Upload string
	// LinkPreview looks behind the first link of a text.
	LinkPreview bool
	// Audience are the numbers of those who see a status, none for all.
	Audience []string
	// Key is the caller's Idempotency-Key, "" for none: asked for again under
	// the same key within 24 h, the message goes out once, and the answer is
	// the first one. At most 255 bytes.
	Key string
}

// Send sends a message and returns it as WhatsApp has taken it.
//
// Errors: AbsentError when the number is not on WhatsApp; a Conflict with the
// code connection_closed when the instance is not connected; those of the host.
// Unavailable with the code no_answer leaves the outcome unknown: the same
// MessageID can be sent again and reaches its receiver once. A Key that stands
// for another message is a Conflict with the code idempotency_key_reused.
func (c *Core) Send(ctx context.Context, i instance.Instance, o Outgoing) (message.Message, error) {
	if o.Args.MessageID == "" && o.Key == "" {
		o.Args.MessageID = message.NewID()
	}
	if o.Key != "" {
		asked, err := c.once(ctx, i, o)
		if err != nil {
			return message.Message{}, err
		}
		if asked.Sent != nil {
			return readSent(asked.MessageID, *asked.Sent)
		}
		o.Args.MessageID, o.Args.Once = asked.MessageID, true
	}
	i, err := c.online(ctx, i)
	if err != nil {
		return message.Message{}, err
	}
	to, err := c.receiver(ctx, i, o.Number)
	if err != nil {
		return message.Message{}, err
	}
	args := o.Args
	args.To = to.JID
	args.Delay = min(max(args.Delay, 0), longestTyping)
	args.Mentions, args.MentionAll = mentions(to, args)
	if q := args.Quoted; q != nil {
		if args.Quoted, err = c.quoted(ctx, i, to, *q); err != nil {
			return message.Message{}, err
		}
	}
	if args, err = c.settle(ctx, i, to, o, args); err != nil {
		return message.Message{}, err
	}
	if args.Media != nil {
		if args.Media, err = c.attach(ctx, i, *args.Media, args.MessageID, o); err != nil {
			return message.Message{}, err
		}
	}
	var sent command.Sent
	err = c.do(ctx, i, command.SendMessage, args, &sent)
	if args.Media != nil && o.Upload == "" && !Unanswered(err) {
		c.detach(ctx, args.Media.Blob)
	}
	if err != nil {
		return message.Message{}, err
	}
	return readSent(args.MessageID, sent)
}

// settle finds out what the user has left to Roost: what a link shows, whose
// message is meant, which people are named.
func (c *Core) settle(ctx context.Context, i instance.Instance, to Contact, o Outgoing, args command.SendArgs) (command.SendArgs, error) {
	var err error
	if o.LinkPreview && args.Text != nil {
		text := *args.Text
		text.Preview = c.preview(ctx, text.Text)
		args.Text = &text
	}
	if r := args.Reaction; r != nil {
		with := *r
		if with.Reference, err = c.reference(ctx, i, to, r.Reference); err != nil {
			return args, err
		}
		args.Reaction = &with
	}
	if r := args.Revoke; r != nil {
		with, err := c.reference(ctx, i, to, *r)
		if err != nil {
			return args, err
		}
		args.Revoke = &with
	}
	args.Audience, err = c.present(ctx, i, o.Audience)
	if err != nil {
		return args, err
	}
	args.Contacts = slices.Clone(args.Contacts)
	for n, card := range args.Contacts {
		if card.Account == "" {
			card.Account = card.Phone
		}
		args.Contacts[n].Account, _, _ = strings.Cut(Address(card.Account), "@")
	}
	return args, nil
}

// present are the JIDs of numbers that must be on WhatsApp: AbsentError for the
// first that is not.
func (c *Core) present(ctx context.Context, i instance.Instance, numbers []string) ([]string, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	found, err := c.lookup(ctx, i, numbers)
	if err != nil {
		return nil, err
	}
	jids := make([]string, len(found))
	for n, who := range found {
		if !who.Exists {
			return nil, &AbsentError{Contact: who}
		}
		jids[n] = who.JID
	}
	return jids, nil
}

func readSent(id string, sent command.Sent) (message.Message, error) {
	var m message.Message
	if err := json.Unmarshal(sent.Message, &m); err != nil {
		return message.Message{}, fmt.Errorf("read the sent message %s: %w", id, err)
	}
	return m, nil
}

// maxKey bounds an Idempotency-Key, in bytes.
const maxKey = 255

// once finds out what a key stands for.
func (c *Core) once(ctx context.Context, i instance.Instance, o Outgoing) (command.Asked, error) {
	if len(o.Key) > maxKey {
		return command.Asked{}, fault.New(fault.Invalid, "an Idempotency-Key has at most %d bytes", maxKey)
	}
	file := sha256.Sum256(o.File)
	body, err := json.Marshal(struct {
		Number string
		Args   command.SendArgs
		File   []byte

		Upload   string   `json:",omitempty"`
		Audience []string `json:",omitempty"`
	}{o.Number, o.Args, file[:], o.Upload, o.Audience})
	if err != nil {
		return command.Asked{}, fmt.Errorf("marshal a send: %w", err)
	}
	id := o.Args.MessageID
	if id == "" {
		id = message.NewID()
	}
	return command.NewOnce(c.deps.Table).Begin(ctx, i.ID, o.Key, body, id)
}

// online waits, with a bound, for a connection that is being opened again.
func (c *Core) online(ctx context.Context, i instance.Instance) (instance.Instance, error) {
	up := func(s instance.Seen) bool {
		return s.Instance.State == instance.Open && s.Instance.Ready
	}
	if up(instance.Seen{Instance: i}) {
		return i, nil
	}
	closed := fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	if i.State == instance.Closed && i.Reason.Code == instance.ReasonBanned && time.Now().Before(i.Reason.Until) {
		return i, reasonFault(i)
	}
	coming := func(i instance.Instance) bool { return i.JID != "" && i.State.Connected() }
	if !coming(i) {
		return i, closed
	}
	wait, cancel := context.WithTimeout(ctx, c.limits.Online)
	defer cancel()
	seen, err := c.deps.Instances.Await(wait, i.ID, func(s instance.Seen) bool { return up(s) || !coming(s.Instance) })
	if err != nil {
		return i, err
	}
	if !isOpen(seen.Instance.State) {
		return i, closed
	}
	return seen.Instance, nil
}

// mentions are who a message names: Evolution does it in groups only.
func mentions(to Contact, args command.SendArgs) ([]string, bool) {
	if !strings.HasSuffix(to.JID, groupServer) {
		return nil, false
	}
	jids := make([]string, len(args.Mentions))
	for n, number := range args.Mentions {
		jids[n] = Address(number)
	}
	return jids, args.MentionAll
}
