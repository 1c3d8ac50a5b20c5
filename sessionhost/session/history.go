package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/table"
)

const (
	// noteLife is how long WhatsApp's servers keep a piece of history at most,
	// with a margin.
	noteLife = 30 * 24 * time.Hour
	// historyPause is how long a history waits after it could not be fetched.
	historyPause = time.Minute
)

// Notes keep which pieces of history instances have still to fetch, so that a
// host that dies does not lose them: WhatsApp tells of each once.
//
//	history#<instance>   <message id>   the notification, sealed
type Notes struct {
	table  table.Table
	sealer *seal.Sealer
}

// NewNotes keeps them on t, sealed with s: they hold the keys of files.
func NewNotes(t table.Table, s *seal.Sealer) *Notes { return &Notes{t, s} }

func notesOf(i instance.ID) string { return "history#" + string(i) }

func (n *Notes) put(ctx context.Context, i instance.ID, id string, note []byte) error {
	key := table.Key{Partition: notesOf(i), Sort: id}
	item := table.Item{Key: key, Body: n.sealer.Seal(note, []byte(key.Partition+"#"+id)), Expires: time.Now().Add(noteLife)}
	if _, err := n.table.Put(ctx, item, table.None()); err != nil {
		return fmt.Errorf("note a piece of history: %w", err)
	}
	return nil
}

// first is the oldest piece that is still to be fetched; "" for none.
func (n *Notes) first(ctx context.Context, i instance.ID) (id string, note []byte, err error) {
	page, err := n.table.Query(ctx, table.Query{Partition: notesOf(i), Limit: 1})
	if err != nil {
		return "", nil, fmt.Errorf("look for histories: %w", err)
	}
	if len(page.Items) == 0 {
		return "", nil, nil
	}
	item := page.Items[0]
	note, err = n.sealer.Open(item.Body, []byte(item.Partition+"#"+item.Sort))
	if err != nil {
		note = nil // of no use: the next step drops it
	}
	return item.Sort, note, nil
}

func (n *Notes) drop(ctx context.Context, i instance.ID, id string) error {
	if err := n.table.Delete(ctx, table.Key{Partition: notesOf(i), Sort: id}, table.None()); err != nil {
		return fmt.Errorf("drop the note of a history: %w", err)
	}
	return nil
}

// purge drops all notes of an instance whose keys are gone.
func (n *Notes) purge(ctx context.Context, i instance.ID) error {
	for {
		id, _, err := n.first(ctx, i)
		if err != nil || id == "" {
			return err
		}
		if err := n.drop(ctx, i, id); err != nil {
			return err
		}
	}
}

// History implements whatsapp.Sink.
func (k *sink) History(ctx context.Context, id string, note []byte) error {
	if k.session.deps.Notes == nil {
		return nil
	}
	return k.session.deps.Notes.put(ctx, k.session.id, id, note)
}

// historyRead says how a reading of histories has ended.
type historyRead struct{ err error }

// readHistory begins to fetch what was noted, unless that is under way. It ends
// with the connection and goes on with the next one.
func (s *Session) readHistory() {
	s.clock.history = time.Time{}
	if s.deps.Notes == nil {
		return
	}
	if s.reading || s.record.State != instance.Open {
		s.moreHistory = true
		return
	}
	s.reading, s.moreHistory = true, false
	client, connection := s.client, s.connection
	s.tasks.Go(func() {
		s.inbox.put(historyRead{s.fetchHistories(connection, client)})
	})
}

func (s *Session) fetchHistories(ctx context.Context, client *whatsapp.Client) error {
	for {
		id, note, err := s.deps.Notes.first(ctx, s.id)
		if err != nil || id == "" {
			return err
		}
		err = client.FetchHistory(ctx, note)
		switch {
		case errors.Is(err, whatsapp.ErrHistoryGone):
			s.log.WarnContext(ctx, "a piece of history is lost", "err", err)
		case err != nil:
			return err
		default:
			s.deps.Metrics.HistoriesRead.Add(1)
		}
		if err := s.deps.Notes.drop(ctx, s.id, id); err != nil {
			return err
		}
	}
}

func (s *Session) historyRead(r historyRead) {
	s.reading = false
	switch {
	case r.err != nil:
		s.log.Info("history cannot be read now", "err", r.err)
		s.moreHistory = true // with the next connection, or
		s.clock.history = time.Now().Add(historyPause)
	case s.moreHistory:
		s.readHistory()
	}
}
