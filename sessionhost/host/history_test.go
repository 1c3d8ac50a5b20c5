package host_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"roost/sessionhost/host"
	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/table"
	"roost/shared/transcript"
	"roost/simulator"
	"roost/simulator/history"
)

// stored counts an instance's items whose sort key begins with prefix.
func (w *world) stored(partition, prefix string) int {
	w.t.Helper()
	n := 0
	for _, err := range table.All(w.ctx, w.table, table.Query{Partition: partition, Prefix: prefix}) {
		must(w.t, err)
		n++
	}
	return n
}

// A phone's history is fetched, spooled and stored, also by another host than
// the one that was told of it, and nothing of it stays behind.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	start := func() func() {
		return w.hosted("host-1", func(c *host.Config) { c.WhatsApp.Spool = whatsapp.NewSpool(dir) })
	}
	stop := start()
	u, err := w.Phone("491510001601", "Phone 491510001601")
	must(t, err)
	u.SetHistory(history.Plan{Seed: 1, Chats: 40, MessagesPerChat: 60, Secrets: true})
	must(t, w.Inject(simulator.Fault{Fault: simulator.FailDownload, Code: 500})) // nothing can be fetched yet
	i := w.create("old")
	w.link(i, u.Number())
	partition := "history#" + string(i.ID)
	w.until(i, "told of its history", func(instance.Instance, *instance.Offer) bool { return w.stored(partition, "") > 0 })
	stop()
	must(t, w.Inject(simulator.Fault{Fault: simulator.Clear}))
	start()
	secrets := func() int { return w.stored("keys#"+string(i.ID), "x/s/") }
	w.until(i, "in possession of its history", func(now instance.Instance, _ *instance.Offer) bool {
		return w.stored(partition, "") == 0 && secrets() > 0
	})
	if n := w.stored("keys#"+string(i.ID), "m/c/"); n < 20 {
		t.Errorf("%d people of 40 chats are known", n)
	}
	left, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range left {
		if strings.HasPrefix(f.Name(), "roost-history-") {
			t.Errorf("%s stays in the spool", f.Name())
		}
	}
	w.do(i, command.Delete, nil, nil)
	if n := w.stored(partition, ""); n != 0 {
		t.Errorf("%d notes outlive the keys", n)
	}
}

// TestThePast reads what was said before the instance was linked, and whom the
// phone's address book has, into a transcript.
func TestThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	u, err := w.Phone("491510001701", "Phone 491510001701")
	must(t, err)
	const chats, each = 6, 70
	u.SetHistory(history.Plan{Seed: 1, Chats: chats, Groups: 2, MessagesPerChat: each})
	bob, err := w.Contact("491510001702", "bob")
	must(t, err)
	must(t, u.SetContactName(bob.PN(), "Bob Brown", "Bob"))
	i, err := w.instances.Update(w.ctx, w.create("old").ID, func(i *instance.Instance) error {
		i.Settings.SyncFullHistory = true
		return nil
	})
	must(t, err)
	w.link(i, u.Number())
	said := transcript.NewRepository(w.table, w.bucket)
	known := func() (int64, int, string) {
		listed, err := said.List(w.ctx, i.ID, transcript.Listing{})
		must(t, err)
		all, err := said.Chats(w.ctx, i.ID)
		must(t, err)
		c, _, err := said.Contact(w.ctx, i.ID, message.Address{PN: bob.PN().String()})
		must(t, err)
		return listed.Total, len(all), c.Saved
	}
	until := func(done func() bool) {
		for !done() {
			got, err := w.events.Receive(w.ctx, 10, 20*time.Second, 0)
			must(t, err)
			for _, d := range got {
				e, err := event.Read(w.ctx, w.bucket, d.Body)
				must(t, err)
				must(t, said.Store(w.ctx, e))
				must(t, w.events.Delete(w.ctx, d.Receipt))
			}
		}
	}
	until(func() bool {
		messages, all, saved := known()
		return messages == chats*each && all >= chats && saved == "Bob Brown"
	})
	must(t, u.SetContactName(bob.PN(), "Robert Brown", "Robert"))
	until(func() bool { _, _, saved := known(); return saved == "Robert Brown" })
}
