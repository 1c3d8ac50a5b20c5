package repair_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/functions/sweep/repair"
	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/blob/folder"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/fleet"
	"roost/shared/instance"
	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/sqlite"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct {
	t         *testing.T
	instances *instance.Repository
	archives  *archive.Repository
	results   *command.Results
	bucket    *folder.Folder
	commands  queue.Queue
	jobs      queue.Queue
	events    queue.Queue
	wakeups   queue.Queue
	backlog   *backlog.Repository
	hosts     *fleet.Repository
	handler   *repair.Handler
	now       time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	directory := t.TempDir()
	db, err := sqlite.Open(filepath.Join(directory, "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tbl, queues := tablesqlite.New(db), queuesqlite.New(db)
	h := &house{t: t, instances: instance.NewRepository(tbl), archives: archive.NewRepository(tbl), results: command.NewResults(tbl), now: time.Now()}
	if h.bucket, err = folder.Open(filepath.Join(directory, "blob"), folder.Options{Secret: bytes.Repeat([]byte("s"), 32), BaseURL: "http://localhost/blob"}); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]struct {
		queue   *queue.Queue
		options queue.Options
	}{
		command.Shared: {&h.commands, command.Options}, archive.Queue: {&h.jobs, archive.Options}, event.Queue: {&h.events, event.Options},
		backlog.Queue: {&h.wakeups, backlog.QueueOptions},
	} {
		if *q.queue, err = queues.Open(t.Context(), name, q.options); err != nil {
			t.Fatal(err)
		}
	}
	h.hosts = fleet.NewRepository(tbl)
	h.backlog = backlog.NewRepository(tbl, h.bucket, backlog.Options{})
	h.handler = repair.New(repair.Config{
		Backlog: h.backlog, Wakeups: h.wakeups, Hosts: h.hosts,
		Tenants: []tenant.ID{tenant.Default}, Instances: h.instances, Archives: h.archives, Jobs: h.jobs, Bucket: h.bucket,
		Commands: command.NewClient(tbl, h.bucket, queues), Events: event.NewPublisher(h.events, h.bucket), Log: slog.New(slog.DiscardHandler),
	})
	h.handler.SetNow(func() time.Time { return h.now })
	return h
}

func (h *house) create(i instance.Instance) instance.Instance {
	h.t.Helper()
	i.Tenant, i.Name, i.TokenHash = tenant.Default, "shop-"+string(i.ID), instance.HashToken(string(i.ID))
	made, err := h.instances.Create(h.t.Context(), i)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

func (h *house) sweep(want repair.Report) {
	h.t.Helper()
	got, err := h.handler.Handle(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Fatal(diff)
	}
}

func (h *house) receive(q queue.Queue) []string {
	h.t.Helper()
	got, err := q.Receive(h.t.Context(), 10, 0, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	var bodies []string
	for _, d := range got {
		bodies = append(bodies, string(d.Body))
	}
	return bodies
}

func TestPairings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  instance.State
		jid    string
		offer  time.Duration // its end from now, 0 for none
		later  time.Duration
		closed bool
	}{
		"under way":             {instance.Pairing, "", time.Minute, 0, false},
		"just over":             {instance.Pairing, "", time.Minute, 90 * time.Second, false},
		"long over":             {instance.Pairing, "", time.Minute, 3 * time.Minute, true},
		"a long one under way":  {instance.Pairing, "", time.Hour, 30 * time.Minute, false},
		"no code yet":           {instance.Connecting, "", 0, 2 * time.Minute, false},
		"never a code":          {instance.Connecting, "", 0, 4 * time.Minute, true},
		"linked, reconnecting":  {instance.Connecting, "4930:1@s.whatsapp.net", 0, time.Hour, false},
		"open is left alone":    {instance.Open, "4930:1@s.whatsapp.net", 0, time.Hour, false},
		"created is left alone": {instance.Created, "", 0, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			i := h.create(instance.Instance{ID: "i1", State: c.state, JID: c.jid, Host: "dead", Wanted: true})
			if c.offer != 0 {
				if err := h.instances.PutOffer(t.Context(), instance.Offer{Instance: i.ID, Until: h.now.Add(c.offer)}); err != nil {
					t.Fatal(err)
				}
			}
			h.now = h.now.Add(c.later)
			if !c.closed {
				h.sweep(repair.Report{})
				return
			}
			h.sweep(repair.Report{Pairings: 1})
			h.sweep(repair.Report{})
			got, err := h.instances.Get(t.Context(), i.ID)
			if err != nil || got.State != instance.Closed || got.Host != "" || got.Wanted || got.Reason.Code != instance.ReasonPairingTimeout {
				t.Errorf("%+v, %v", got, err)
			}
			if offer, err := h.instances.Offer(t.Context(), i.ID); err != nil || offer != nil {
				t.Errorf("offer %+v, %v", offer, err)
			}
			if told := h.receive(h.events); len(told) != 1 || !strings.Contains(told[0], "connection.updated") {
				t.Errorf("events %v", told)
			}
		})
	}
}

// answer does what a host does with the next command.
func (h *house) answer(kind command.Kind, err error) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, receiveErr := h.commands.Receive(h.t.Context(), 1, 10*time.Second, 0)
		if receiveErr != nil || len(got) != 1 {
			h.t.Errorf("%d commands, %v", len(got), receiveErr)
			return
		}
		var c command.Command
		if err := json.Unmarshal(got[0].Body, &c); err != nil || c.Kind != kind {
			h.t.Errorf("command %+v, %v", c, err)
		}
		if err := h.commands.Delete(h.t.Context(), got[0].Receipt); err != nil {
			h.t.Error(err)
		}
		if err := h.results.Put(h.t.Context(), c.ID, command.Status{}, err); err != nil {
			h.t.Error(err)
		}
	}()
	return done
}

func TestDeletionThatTheAPILeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.create(instance.Instance{ID: "i1", State: instance.Deleting})
	h.sweep(repair.Report{}) // the API may still be at it
	h.now = h.now.Add(3 * time.Minute)

	done := h.answer(command.Delete, fault.New(fault.Unavailable, "not now"))
	if _, err := h.handler.Handle(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a host that refuses: %v", err)
	}
	<-done
	if jobs := h.receive(h.jobs); len(jobs) != 0 {
		t.Errorf("archived while a host holds it: %v", jobs)
	}

	done = h.answer(command.Delete, nil)
	h.sweep(repair.Report{Deletions: 1})
	<-done
	if jobs := h.receive(h.jobs); len(jobs) != 1 || !strings.Contains(jobs[0], `"instance":"i1"`) {
		t.Errorf("jobs %v", jobs)
	}
	if record, err := h.archives.Get(t.Context(), i.ID); err != nil || record.State != archive.Pending {
		t.Errorf("record %+v, %v", record, err)
	}
	if _, err := h.instances.ByName(t.Context(), tenant.Default, i.Name); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the name is still taken: %v", err)
	}
	h.sweep(repair.Report{})
}

func TestArchiveThatLostItsJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	job := archive.Job{Tenant: tenant.Default, Instance: "i1", Name: "shop", At: h.now}
	if _, err := h.archives.Begin(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	h.sweep(repair.Report{})
	h.now = h.now.Add(6 * time.Minute)
	h.sweep(repair.Report{Archives: 1})
	h.now = h.now.Add(20 * time.Second)
	h.sweep(repair.Report{Archives: 1})
	jobs := h.receive(h.jobs)
	if len(jobs) == 0 || len(jobs) > 2 { // two when a ten-minute slot ended in between
		t.Errorf("jobs %v", jobs)
	}
	if err := h.archives.Finish(t.Context(), archive.Ref{Instance: "i1"}); err != nil {
		t.Fatal(err)
	}
	h.sweep(repair.Report{})
}

func TestWakesLanes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	failing := time.Now().Add(-time.Hour)
	d := backlog.NewDelivery(event.Event{ID: "e1", Tenant: tenant.Default, Instance: "i1", Kind: event.InstanceCreated, At: failing}, "w1")
	if _, err := h.backlog.Append(t.Context(), d.Tried(backlog.Attempt{At: failing, Error: "no"}), failing); err != nil {
		t.Fatal(err)
	}
	report, err := h.handler.Handle(t.Context())
	if err != nil || report.Lanes != 1 || report.Failing != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	got, err := h.wakeups.Receive(t.Context(), 10, 0, time.Minute)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d wake-ups, %v", len(got), err)
	}
	if lane, ok := backlog.ReadWakeup(got[0].Body); !ok || lane != (backlog.Lane{Instance: "i1", Subscription: "w1"}) {
		t.Errorf("woken: %+v", lane)
	}
}
