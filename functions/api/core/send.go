package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
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
	// Args are all but To, MentionAll's and Mentions' JIDs being resolved by
	// Send. An empty MessageID gets a new one.
	Args command.SendArgs
	File []byte // of a media message
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
	if args.Media != nil {
		if args.Media, err = c.attach(ctx, i, *args.Media, args.MessageID, o.File); err != nil {
			return message.Message{}, err
		}
	}
	var sent command.Sent
	err = c.do(ctx, i, command.SendMessage, args, &sent)
	if args.Media != nil && !Unanswered(err) {
		c.detach(ctx, args.Media.Blob)
	}
	if err != nil {
		return message.Message{}, err
	}
	return readSent(args.MessageID, sent)
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
	}{o.Number, o.Args, file[:]})
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

// quoted fills in what a user may leave out: what is answered, and whose it is.
// The transcript knows both; a message that it does not have is quoted as far as
// the user has said it.
func (c *Core) quoted(ctx context.Context, i instance.Instance, to Contact, q command.Quoted) (*command.Quoted, error) {
	if q.Chat == "" {
		q.Chat = to.JID
	}
	if len(q.Content) == 0 || q.Sender == "" {
		said, known, err := c.original(ctx, i, q.ID, q.Chat)
		if err != nil {
			return nil, err
		}
		if known {
			q.FromMe = said.FromMe
			if len(q.Content) == 0 {
				q.Content = said.Content
			}
			if q.Sender == "" && !said.FromMe {
				q.Sender = said.Sender.String()
			}
		}
	}
	switch {
	case q.Sender != "":
	case q.FromMe:
		q.Sender = Account(i.JID)
	case !strings.HasSuffix(q.Chat, groupServer):
		q.Sender = q.Chat
	}
	return &q, nil
}

// attach puts a file where the host finds it.
func (c *Core) attach(ctx context.Context, i instance.Instance, m command.MediaArgs, id string, file []byte) (*command.MediaArgs, error) {
	if len(file) <= maxInlineFile {
		m.Bytes = file
		return &m, nil
	}
	m.Blob = "outbox/" + string(i.ID) + "/" + id
	if _, err := c.deps.Bucket.Put(ctx, m.Blob, bytes.NewReader(file), int64(len(file)), m.Mimetype); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the file could not be stored")
	}
	return &m, nil
}

// detach removes the file of a message that the host has answered for. Without
// an answer the host may be sending it still: the bucket's lifecycle removes it.
func (c *Core) detach(ctx context.Context, blob string) {
	if blob == "" {
		return
	}
	if err := c.deps.Bucket.Delete(context.WithoutCancel(ctx), blob); err != nil {
		c.deps.Log.WarnContext(ctx, "file of a sent message stays", "err", err)
	}
}
