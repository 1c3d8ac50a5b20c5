package whatsapp

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Spool is where histories wait on disk while they are read. A phone sends
// gigabytes after a pairing: they are fetched one at a time for all clients
// that share the Spool, and read as a stream, so that memory does not grow with
// the account.
type Spool struct {
	dir  string
	turn chan struct{}
}

// NewSpool spools into a folder, "" for the system's temporary one.
func NewSpool(dir string) *Spool { return &Spool{dir: dir, turn: make(chan struct{}, 1)} }

// HistoryDue says that a phone has a piece of history to fetch, which the Sink
// has noted.
type HistoryDue struct{}

func (HistoryDue) signal() {}

// history notes a piece of history that the account's phone offers. It reports
// whether the message is one.
func (c *Client) history(ctx context.Context, id string, m *waE2E.Message, own bool) (bool, error) {
	notification := m.GetProtocolMessage().GetHistorySyncNotification()
	if notification == nil || !own {
		return false, nil
	}
	note, err := proto.Marshal(notification)
	if err != nil {
		return true, fmt.Errorf("marshal a history's notification: %w", err)
	}
	if err := c.sink.History(ctx, id, note); err != nil {
		return true, err
	}
	c.signals(HistoryDue{})
	return true, nil
}

// ErrHistoryGone means that a piece of history cannot be had any more.
var ErrHistoryGone = errors.New("the history is gone")

// FetchHistory fetches a piece of history that was noted, and stores what the
// keys need of it. It waits for its turn.
func (c *Client) FetchHistory(ctx context.Context, note []byte) error {
	var n waE2E.HistorySyncNotification
	if err := proto.Unmarshal(note, &n); err != nil {
		return fmt.Errorf("%w: %w", ErrHistoryGone, err)
	}
	spool := c.cfg.Spool
	select {
	case spool.turn <- struct{}{}:
		defer func() { <-spool.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if inline := n.GetInitialHistBootstrapInlinePayload(); inline != nil {
		return c.digest(ctx, &n, bytes.NewReader(inline))
	}
	file, err := os.CreateTemp(spool.dir, "roost-history-*")
	if err != nil {
		return fmt.Errorf("make a spool file: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	if err := c.wa.DownloadToFile(ctx, &n, file); err != nil {
		if errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith404) || errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410) ||
			errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith403) {
			return fmt.Errorf("%w: %w", ErrHistoryGone, err)
		}
		return fmt.Errorf("fetch history: %w", err)
	}
	if err := c.digest(ctx, &n, file); err != nil {
		return err
	}
	if err := c.wa.DeleteMedia(ctx, whatsmeow.MediaHistory, n.GetDirectPath(), n.GetFileEncSHA256(), n.GetEncHandle()); err != nil {
		c.log.WarnContext(ctx, "history stays on whatsapp's server", "err", err)
	}
	return nil
}

// digest reads a history twice: people first, whom the chats are stored by.
func (c *Client) digest(ctx context.Context, n *waE2E.HistorySyncNotification, from io.ReadSeeker) error {
	to := c.wa.DangerousInternals() //nolint:staticcheck // the library stores only histories that it holds whole
	sift := &sifter{ctx: ctx, store: to, past: c.newPast(ctx, n)}
	for _, pass := range []func(protowire.Number, uint64, *section) error{sift.people, sift.chats} {
		if _, err := from.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		unpacked, err := zlib.NewReader(bufio.NewReaderSize(from, 64<<10))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHistoryGone, err)
		}
		whole := &section{bufio.NewReaderSize(unpacked, 64<<10), math.MaxInt64}
		if err := whole.each(pass); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if sift.past.failed != nil {
				return sift.past.failed // to be read again
			}
			return fmt.Errorf("%w: read history: %w", ErrHistoryGone, err)
		}
		if err := sift.flush(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// historyStore is what the library does with a history.
type historyStore interface {
	StoreHistoricalPNLIDMappings(ctx context.Context, mappings []*waHistorySync.PhoneNumberToLIDMapping)
	HandleHistoricalPushNames(ctx context.Context, names []*waHistorySync.Pushname)
	StoreHistoricalMessageSecrets(ctx context.Context, conversations []*waHistorySync.Conversation)
	StoreGlobalSettings(ctx context.Context, settings *waHistorySync.GlobalSettings)
	StoreCompanionMetaNonce(ctx context.Context, nonce string)
	StoreNCTSalt(ctx context.Context, salt []byte) error
}

// batch is how much is stored at once.
const batch = 500

// sifter takes what the keys need out of a history.
type sifter struct {
	ctx   context.Context //nolint:containedctx // of one call
	store historyStore

	mappings []*waHistorySync.PhoneNumberToLIDMapping
	names    []*waHistorySync.Pushname
	past     *past
}

func (s *sifter) flush() error {
	if len(s.mappings) > 0 {
		s.store.StoreHistoricalPNLIDMappings(s.ctx, s.mappings)
	}
	if len(s.names) > 0 {
		s.store.HandleHistoricalPushNames(s.ctx, s.names)
	}
	names := s.names
	s.mappings, s.names = nil, nil
	return s.past.people(names)
}

// read unpacks a piece.
func read(body *section, into proto.Message) error {
	packed, err := body.all()
	if err != nil {
		return err
	}
	if proto.Unmarshal(packed, into) != nil {
		return errPiece // and not the end of all others
	}
	return nil
}

// The fields of HistorySync, Conversation and HistorySyncMsg (whatsmeow
// waHistorySync.proto).
const (
	fieldConversations = 2
	fieldPushNames     = 7
	fieldSettings      = 8
	fieldMappings      = 15
	fieldNonce         = 16
	fieldSalt          = 19

	fieldChatID          = 1
	fieldChatMessages    = 2
	fieldToken           = 21
	fieldTokenTime       = 22
	fieldTokenSenderTime = 28
	fieldChatUnread      = 6
	fieldChatTime        = 12
	fieldChatName        = 13
)

// people takes who is who, and what is one for all chats.
func (s *sifter) people(field protowire.Number, _ uint64, body *section) error {
	if body == nil {
		return s.ctx.Err()
	}
	switch field { //nolint:exhaustive // of the numbers these matter
	case fieldMappings:
		m := &waHistorySync.PhoneNumberToLIDMapping{}
		if err := read(body, m); err != nil {
			return err
		}
		s.mappings = append(s.mappings, m)
	case fieldPushNames:
		n := &waHistorySync.Pushname{}
		if err := read(body, n); err != nil {
			return err
		}
		s.names = append(s.names, n)
	case fieldSettings:
		settings := &waHistorySync.GlobalSettings{}
		if err := read(body, settings); err != nil {
			return err
		}
		s.store.StoreGlobalSettings(s.ctx, settings)
	case fieldNonce, fieldSalt:
		value, err := body.all()
		if err != nil {
			return err
		}
		if field == fieldNonce {
			s.store.StoreCompanionMetaNonce(s.ctx, string(value))
		} else if err := s.store.StoreNCTSalt(s.ctx, value); err != nil {
			return err
		}
	}
	if len(s.mappings) >= batch || len(s.names) >= batch {
		if err := s.flush(); err != nil {
			return err
		}
	}
	return s.ctx.Err()
}

// chats takes the privacy token of every chat, the secrets of its messages, and
// what was said.
func (s *sifter) chats(field protowire.Number, _ uint64, body *section) error {
	if field != fieldConversations || body == nil {
		return s.ctx.Err()
	}
	chat := &waHistorySync.Conversation{}
	store := func() {
		if chat.GetID() != "" && (len(chat.Messages) > 0 || chat.TcToken != nil) {
			s.store.StoreHistoricalMessageSecrets(s.ctx, []*waHistorySync.Conversation{chat})
		}
		chat.Messages = nil
	}
	err := body.each(func(field protowire.Number, value uint64, body *section) error {
		switch field { //nolint:exhaustive // likewise
		case fieldChatUnread:
			chat.UnreadCount = new(uint32(value))
		case fieldChatTime:
			chat.ConversationTimestamp = &value
		case fieldTokenTime:
			chat.TcTokenTimestamp = &value
		case fieldTokenSenderTime:
			chat.TcTokenSenderTimestamp = &value
		case fieldChatID, fieldToken, fieldChatName:
			text, err := body.all()
			if err != nil {
				return err
			}
			switch field {
			case fieldToken:
				chat.TcToken = text
			case fieldChatName:
				chat.Name = new(string(text))
			default:
				chat.ID = new(string(text))
			}
		case fieldChatMessages:
			m := &waHistorySync.HistorySyncMsg{}
			if err := read(body, m); err != nil {
				return err
			}
			if secret := m.GetMessage().GetMessageSecret(); secret != nil { // nothing else is looked at
				chat.Messages = append(chat.Messages, &waHistorySync.HistorySyncMsg{Message: &waWeb.WebMessageInfo{
					Key: m.GetMessage().GetKey(), Participant: m.GetMessage().Participant, MessageSecret: secret,
				}})
			}
			if len(chat.Messages) >= batch && chat.ID != nil {
				store()
			}
			if err := s.past.said(chat.GetID(), m.GetMessage()); err != nil {
				return err
			}
		}
		return s.ctx.Err()
	})
	store()
	if err != nil {
		return err
	}
	return s.past.ends(chat)
}
