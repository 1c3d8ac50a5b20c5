package host_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/simulator"
	"roost/simulator/content"
)

// ledger counts a host's requests to the table by what they are about, the first
// part of the partition key.
type ledger struct {
	table.Table
	mu    sync.Mutex
	count map[string]int
}

func (l *ledger) Unwrap() table.Table { return l.Table }

func (l *ledger) note(operation, partition string) {
	about, _, _ := strings.Cut(partition, "#")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count[operation+" "+about]++
}

// read returns what was counted and begins anew. What a host does by itself, not
// for a message, is left out.
func (l *ledger) read() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.count
	l.count = map[string]int{}
	maps.DeleteFunc(out, func(what string, _ int) bool {
		return strings.HasSuffix(what, " hosts") || strings.HasSuffix(what, " unheld") || strings.HasSuffix(what, " held")
	})
	return out
}

func (l *ledger) Get(ctx context.Context, key table.Key) (table.Item, error) {
	l.note("get", key.Partition)
	return l.Table.Get(ctx, key)
}

func (l *ledger) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	l.note("batch get", keys[0].Partition)
	return l.Table.BatchGet(ctx, keys)
}

func (l *ledger) Put(ctx context.Context, item table.Item, condition table.Condition) (int64, error) {
	l.note("put", item.Partition)
	return l.Table.Put(ctx, item, condition)
}

func (l *ledger) Delete(ctx context.Context, key table.Key, condition table.Condition) error {
	l.note("delete", key.Partition)
	return l.Table.Delete(ctx, key, condition)
}

func (l *ledger) Write(ctx context.Context, ops ...table.Op) error {
	l.note("write", ops[0].Item.Partition)
	return l.Table.Write(ctx, ops...)
}

func (l *ledger) BatchWrite(ctx context.Context, puts []table.Item, deletes []table.Key) error {
	if len(puts) > 0 {
		l.note("batch write", puts[0].Partition)
	} else {
		l.note("batch write", deletes[0].Partition)
	}
	return l.Table.BatchWrite(ctx, puts, deletes)
}

func (l *ledger) Query(ctx context.Context, query table.Query) (table.Page, error) {
	l.note("query", query.Partition)
	return l.Table.Query(ctx, query)
}

func (l *ledger) Increment(ctx context.Context, key table.Key, attribute string, delta int64) (int64, error) {
	l.note("increment", key.Partition)
	return l.Table.Increment(ctx, key, attribute, delta)
}

// What a host asks of the table for whole messages, with all that belongs to
// them: keys, events, commands, answers, the record.
func TestCosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := &ledger{Table: w.table, count: map[string]int{}}
	charged := func(c *host.Config) { c.Table, c.Settled = l, time.Nanosecond }
	stop := w.hosted("host-1", charged)
	i := w.create("counted")
	alice := w.link(i, "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	in := func(text string) {
		m := content.Text(text) // as phones send it
		m.MessageContextInfo = &waE2E.MessageContextInfo{MessageSecret: seal.NewKey()}
		id, err := bob.Send(alice.PN(), m)
		must(t, err)
		for w.said(w.next(event.MessageReceived)).ID != id {
		}
		_, err = bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id }) // the last thing that happens to it
		must(t, err)
	}
	out := func(text string) {
		w.do(i, command.SendMessage, command.SendArgs{MessageID: message.NewID(), To: bob.PN().String(), Text: &command.TextArgs{Text: text}}, nil)
		w.next(event.MessageSent)
		w.next(event.MessageUpdated) // its receipt
	}
	in("first")
	out("first")
	must(t, w.Settle(w.ctx))
	// spare is for what goes on beside, now and then: privacy tokens, the record's age.
	within := func(flow string, most float64, per, spare int) bool {
		counts := l.read()
		sum := 0
		for _, n := range counts {
			sum += n
		}
		t.Logf("%s: %.2f requests each, at most %.0f were meant: %v", flow, float64(sum)/float64(per), most, counts)
		return float64(sum) <= most*float64(per)+float64(spare)
	}
	check := func(flow string, most float64, per, spare int) {
		t.Helper()
		if !within(flow, most, per, spare) {
			t.Errorf("%s cost too much", flow)
		}
	}
	// The first time the last of the linking, app state and history, may go on beside.
	steady := func(flow string, most float64, do func(text string)) {
		t.Helper()
		const many, tries = 20, 4
		for try := range tries {
			l.read()
			for n := range many {
				do(fmt.Sprint(flow, try, n))
			}
			if within(flow, most, many, 4) {
				return
			}
		}
		t.Errorf("%s cost too much, %d times", flow, tries)
	}
	steady("message in", 1, in)
	steady("message out", 2, out) // one for the keys; the answer

	stop()
	must(t, w.Settle(w.ctx))
	l.read()
	stop = w.hosted("host-2", charged)
	w.until(i, "open again", open)
	counts := l.read()
	t.Logf("takeover: %v", counts)
	if n := counts["query keys"] + counts["put keys"] + counts["write keys"] + counts["get keys"] + counts["batch get keys"]; n > 3 {
		t.Errorf("a login cost %d requests for its keys: %v", n, counts)
	}
	// A message each way, as after the start of a host: memory is filled by two
	// requests, and nothing else is asked or written for it.
	in("after the takeover")
	check("first message in after the takeover", 3, 1, 1)
	out("after the takeover")
	check("first message out after the takeover", 2, 1, 1)
	carol, err := w.Contact("491510000003", "Carol")
	must(t, err)
	bob = carol // whose name and pair are new
	in("of somebody new")
	check("first message of a contact", 1, 1, 1)
	stop()
}
