package keys_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"

	"roost/sessionhost/keys"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
)

// Whatever the table does to any call, every message arrives and every answer
// can be read: what fails is tried again as a host would.
func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var faults window
	w.table = table.NewCounting(&tabletest.Faulty{Inner: w.inner, Plan: faults.plan})
	failures := make(chan error, 1000)
	k, err := keys.Open(w.ctx, w.table, someInstance, 1, w.wrap, keys.Options{OnFailure: func(err error) { failures <- err }})
	if err != nil {
		t.Fatal(err)
	}
	w.keys = k
	c := w.client(t, k, companion.WithSynchronousAck())
	if err := c.Pair(w.ctx, w.scan); err != nil {
		t.Fatal(err)
	}
	for range 5 { // collections
		if _, err := companion.Await[*events.AppStateSyncComplete](w.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	// Both sides are warm, and one of Bob's keys has been used.
	w.hear(t, c, "first")
	w.say(t, c, "answer")
	rounds := 0
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Lost, tabletest.Persisted} {
		for first := range 6 {
			for _, length := range []int{1, 2, 40} {
				if length == 40 && first > 1 {
					continue
				}
				rounds++
				name := fmt.Sprintf("fault %d at calls %d to %d", fault, first, first+length-1)
				faults.set(first, length, fault)
				w.insist(t, c, failures, name)
				if t.Failed() {
					t.Fatal(name)
				}
			}
		}
	}
	faults.set(0, 0, tabletest.Works)
	w.hear(t, c, "last")
	for _, evt := range c.Events() {
		if bad, ok := evt.(*events.UndecryptableMessage); ok {
			t.Errorf("could not decrypt %s", bad.Info.ID)
		}
	}
	t.Logf("%d rounds", rounds)
	w.verify(t)
}

// window is a run of calls that fail.
type window struct {
	mu            sync.Mutex
	first, length int // from now on
	fault         tabletest.Fault
}

func (w *window) set(first, length int, fault tabletest.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.first, w.length, w.fault = first, length, fault
}

func (w *window) plan(int, string, table.Key) tabletest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.first > 0:
		w.first--
	case w.length > 0:
		w.length--
		return w.fault
	}
	return tabletest.Works
}

// insist sends a message each way through the faults.
func (w *world) insist(t *testing.T, c *companion.Client, failures chan error, said string) {
	t.Helper()
	id, err := w.bob.Send(w.alice.PN(), text(said))
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	go func() {
		_, err := companion.Await(w.ctx, c, func(m *events.Message) bool { return m.Info.ID == id })
		if err == nil {
			_, err = w.bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id })
		}
		heard <- err
	}()
	answer := c.GenerateMessageID()
	for sent := false; !sent; {
		ctx, done := w.keys.BeginSend(w.ctx)
		_, err := c.SendMessage(ctx, w.bob.PN(), text(said), whatsmeow.SendRequestExtra{ID: answer})
		done()
		switch {
		case err == nil:
			sent = true
		case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, table.ErrUnavailable), errors.Is(err, table.ErrUnknownOutcome):
			w.reset(t, c, failures)
		default:
			t.Fatalf("%s: send: %v", said, err)
		}
	}
	for waiting := true; waiting; {
		select {
		case err := <-heard:
			if err != nil {
				t.Fatalf("%s: message %s: %v", said, id, err)
			}
			waiting = false
		case <-failures: //nolint:errcheck // why does not matter here
			w.reset(t, c, failures)
		}
	}
	_, err = w.bob.Await(w.ctx, func(e content.Entry) bool { return e.ID == answer && e.Text == said })
	if err != nil {
		t.Fatalf("%s: answer: %v", said, err)
	}
}

// reset does what a host does about a failure: a new connection.
func (w *world) reset(t *testing.T, c *companion.Client, failures chan error) {
	t.Helper()
	for len(failures) > 0 {
		<-failures //nolint:errcheck // told already
	}
	c.ResetConnection()
	if _, err := companion.Await[*events.Connected](w.ctx, c); err != nil {
		t.Fatal(err)
	}
}
