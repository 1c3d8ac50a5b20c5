package apitest

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/queue"
)

// QR is the text of the codes that the host shows.
const QR = "2@mYk1nz0w8DXYbcPVtVmdQXpX1pSPAyIAylm0qhTMLDe6oHzYrnsZHkMpjqAFqdyaiQXLoQ,vAnh1XBdvWpwcOAoDOI2zwr0LmDoUM7vGhQ2Sl6oHXk=," +
	"mtdwGGLzAjf4Bh2ewL8WbmaF3sDkXcO0l2oEYxXqfH4=,oDnYRkqNVT9a0JYhVxwTq7fGm4r5NfVnqPzZxV1V0M0=,1"

// Host is the far side of the command queue: it answers as a session host would
// whose WhatsApp always works, or as a test has told it to.
type Host struct {
	instances *instance.Repository
	results   *command.Results
	once      *command.Once
	bucket    blob.Bucket
	commands  queue.Queue

	mu     sync.Mutex
	Silent bool   // answers nothing
	NoQR   bool   // connects, and gets no codes
	Code   string // the pairing code it shows, "" for ABCD-1234
	NoCode string // why it has no pairing code
	Faults map[command.Kind]error
	// Answers are what it says to commands, instead of its own.
	Answers map[command.Kind]any
	Absent  map[string]bool // digits that are not on WhatsApp
	LID     bool            // numbers are hidden behind a LID
	seen    []command.Command
	sent    []Sent
}

// Sent is a message that was given to the host, with the file it carried.
type Sent struct {
	Args command.SendArgs
	File []byte
}

// Tell changes what the host does.
func (h *Host) Tell(change func(*Host)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

// Commands are the kinds of the commands it has got, in order.
func (h *Host) Commands() []command.Kind {
	h.mu.Lock()
	defer h.mu.Unlock()
	kinds := make([]command.Kind, len(h.seen))
	for n, cmd := range h.seen {
		kinds[n] = cmd.Kind
	}
	return kinds
}

// Sent are the messages it was given, in order.
func (h *Host) Sent() []Sent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sent)
}

func (h *Host) run(ctx context.Context) {
	for ctx.Err() == nil {
		got, err := h.commands.Receive(ctx, queue.MaxReceive, queue.MaxWait, 0)
		if err != nil {
			return
		}
		for _, d := range got {
			h.handle(ctx, d.Body)
			_ = h.commands.Delete(ctx, d.Receipt)
		}
	}
}

func (h *Host) handle(ctx context.Context, body []byte) {
	var cmd command.Command
	if json.Unmarshal(body, &cmd) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, cmd)
	if h.Silent {
		return
	}
	value, known := h.Answers[cmd.Kind]
	var err error
	if !known {
		value, err = h.do(ctx, cmd)
	}
	if told := h.Faults[cmd.Kind]; told != nil {
		value, err = nil, told
	}
	_ = h.results.Put(ctx, cmd.ID, value, err)
}

func (h *Host) do(ctx context.Context, cmd command.Command) (any, error) {
	switch cmd.Kind {
	case command.Connect:
		var args command.ConnectArgs
		if err := command.ReadArgs(ctx, h.bucket, cmd, &args); err != nil {
			return nil, err
		}
		return h.connect(ctx, cmd.Instance, args.Number)
	case command.Restart:
		return h.connect(ctx, cmd.Instance, "")
	case command.Logout:
		return h.move(ctx, cmd.Instance, func(i *instance.Instance) {
			i.State, i.JID, i.Wanted = instance.LoggedOut, "", false
			i.Reason = instance.Reason{Code: instance.ReasonUserLogout, Status: 401, Sentence: "Logged out through the API."}
		})
	case command.CheckNumbers:
		var args command.CheckArgs
		if err := command.ReadArgs(ctx, h.bucket, cmd, &args); err != nil {
			return nil, err
		}
		return h.check(args), nil
	case command.DownloadMedia:
		var args command.DownloadArgs
		if err := command.ReadArgs(ctx, h.bucket, cmd, &args); err != nil {
			return nil, err
		}
		file := "file of " + args.Message.ID
		_, err := h.bucket.Put(ctx, args.Blob, strings.NewReader(file), int64(len(file)), "")
		return nil, err
	case command.SendMessage:
		var args command.SendArgs
		if err := command.ReadArgs(ctx, h.bucket, cmd, &args); err != nil {
			return nil, err
		}
		return h.send(ctx, cmd, args)
	case command.Recover:
		if h.Faults[cmd.Kind] != nil {
			return command.Recovered{}, h.Faults[cmd.Kind]
		}
		_, err := h.move(ctx, cmd.Instance, func(i *instance.Instance) { i.State, i.Ready = instance.Open, true })
		return command.Recovered{Elapsed: 12 * time.Millisecond, State: instance.Open, Ready: true, JID: OwnJID}, err
	case command.Disconnect:
		return h.move(ctx, cmd.Instance, func(i *instance.Instance) {
			i.State, i.Ready, i.Wanted = instance.Closed, false, false
			i.Reason = instance.Reason{Code: instance.ReasonDisconnected, Sentence: "Closed through the API."}
		})
	case command.Delete, command.AnswerPasskey, command.ConfirmPasskey, command.Apply, command.TestProxy,
		command.MarkRead, command.ShowPresence, command.WatchPresence:
		return command.Status{}, nil
	default:
		return nil, fault.New(fault.Invalid, "a command of another kind")
	}
}

func (h *Host) move(ctx context.Context, id instance.ID, edit func(*instance.Instance)) (command.Status, error) {
	i, err := h.instances.Update(ctx, id, func(i *instance.Instance) error {
		edit(i)
		return nil
	})
	return command.Status{State: i.State, Ready: i.Ready}, err
}

// connect begins a pairing, or opens an instance that is linked.
func (h *Host) connect(ctx context.Context, id instance.ID, number string) (command.Status, error) {
	i, err := h.instances.Get(ctx, id)
	if err != nil {
		return command.Status{}, err
	}
	if i.JID != "" {
		return h.move(ctx, id, func(i *instance.Instance) { i.State, i.Ready = instance.Open, true })
	}
	if h.NoQR {
		return h.move(ctx, id, func(i *instance.Instance) { i.State = instance.Connecting })
	}
	if number == "" {
		number = i.Number
	}
	now := time.Now()
	offer := instance.Offer{Instance: id, QR: QR, QRCount: 1, QRUntil: now.Add(time.Minute), Until: now.Add(160 * time.Second)}
	if number != "" {
		offer.CodeFor, offer.CodeAt, offer.CodeUntil = number, now, now.Add(160*time.Second)
		if offer.Code = h.Code; offer.Code == "" {
			offer.Code = "ABCD-1234"
		}
		if h.NoCode != "" {
			offer.Code, offer.CodeError = "", h.NoCode
		}
	}
	if err := h.instances.PutOffer(ctx, offer); err != nil {
		return command.Status{}, err
	}
	return h.move(ctx, id, func(i *instance.Instance) { i.State, i.Reason = instance.Pairing, instance.Reason{} })
}

func (h *Host) check(args command.CheckArgs) command.Checked {
	var out command.Checked
	for _, n := range args.Numbers {
		c := command.CheckedNumber{Number: n, Exists: !h.Absent[n]}
		if c.Exists {
			c.PN, c.LID = n+"@s.whatsapp.net", "1"+n+"@lid"
			if h.LID {
				c.PN = ""
			}
		}
		out.Numbers = append(out.Numbers, c)
	}
	return out
}

func (h *Host) send(ctx context.Context, cmd command.Command, args command.SendArgs) (command.Sent, error) {
	m := message.Message{
		ID: args.MessageID, Chat: message.Address{PN: args.To}, FromMe: true, ViaAPI: true,
		Timestamp: time.Unix(1790000000, 0), Status: message.StatusPending, Content: json.RawMessage("{}"),
	}
	sent := Sent{Args: args}
	switch {
	case args.Text != nil:
		m.Kind, m.Text = "conversation", args.Text.Text
		m.Content, _ = json.Marshal(map[string]string{"conversation": args.Text.Text})
	case args.Media != nil:
		m.Kind = args.Media.Kind + "Message"
		m.Content, _ = json.Marshal(map[string]any{m.Kind: map[string]string{"mimetype": args.Media.Mimetype, "caption": args.Media.Caption}})
		if sent.File = args.Media.Bytes; args.Media.Blob != "" {
			stored, _, err := h.bucket.Get(ctx, args.Media.Blob, blob.Range{})
			if err != nil {
				return command.Sent{}, fault.Wrap(fault.Internal, err, "no file")
			}
			defer stored.Close()
			if sent.File, err = io.ReadAll(stored); err != nil {
				return command.Sent{}, fault.Wrap(fault.Internal, err, "no file")
			}
		}
	}
	h.sent = append(h.sent, sent)
	body, err := json.Marshal(m)
	if err == nil && args.Once {
		err = h.once.Done(ctx, cmd.Instance, args.MessageID, command.Sent{Message: body})
	}
	return command.Sent{Message: body}, err
}
