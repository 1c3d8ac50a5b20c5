package host_test

import (
	"bytes"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"roost/sessionhost/session"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/simulator"
)

// brisk is a heartbeat for tests: idle after 1.8 s.
var brisk = session.Rhythm{Beat: 600 * time.Millisecond, Release: 1500 * time.Millisecond, Proof: 500 * time.Millisecond}

func (w *world) releasing(name string) instance.Instance {
	w.t.Helper()
	i, err := w.instances.Update(w.ctx, w.create(name).ID, func(i *instance.Instance) error {
		i.Releases = true
		return nil
	})
	must(w.t, err)
	return i
}

func inState(s instance.State) func(instance.Instance, *instance.Offer) bool {
	return func(i instance.Instance, _ *instance.Offer) bool { return i.State == s }
}

// silence makes WhatsApp unreachable for everybody, connected or not.
func (w *world) silence() {
	w.t.Helper()
	must(w.t, w.Inject(simulator.Fault{Fault: simulator.Outage}))
}

func (w *world) speech() {
	w.t.Helper()
	must(w.t, w.Inject(simulator.Fault{Fault: simulator.Clear}))
}

// An instance that hears nothing becomes idle. One that releases is given up
// later and leaves nothing behind, another is kept on trying until WhatsApp is
// back, and what was given up logs in again with its keys.
func TestSilenceEndsWhatReleases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rhythm = brisk
	w.host()
	kept, given := w.create("kept"), w.releasing("given")
	w.link(kept, "491510001001")
	w.link(given, "491510001002")
	before, err := w.instances.Get(w.ctx, kept.ID)
	must(t, err)
	w.until(kept, "proved again", func(i instance.Instance, _ *instance.Offer) bool { return i.AnswerAt.After(before.AnswerAt) })

	w.silence()
	idle, _ := w.until(kept, "idle", inState(instance.Idle))
	if idle.IdleSince.IsZero() || idle.Reason.Code == "" || idle.IdleSince.Sub(idle.AnswerAt) < 3*brisk.Beat-time.Millisecond { // it is cut to milliseconds
		t.Errorf("idle since %v after a last answer at %v: %+v", idle.IdleSince, idle.AnswerAt, idle.Reason)
	}
	released, _ := w.until(given, "released", inState(instance.Closed))
	if released.Reason.Code != instance.ReasonReleased || released.Host != "" || released.Wanted || released.JID == "" {
		t.Errorf("released as %+v", released)
	}
	if still, err := w.instances.Get(w.ctx, kept.ID); err != nil || still.State != instance.Idle {
		t.Errorf("the other is %v, %v", still.State, err)
	}
	w.speech()
	w.until(kept, "open", open)
	var got command.Recovered
	w.do(given, command.Recover, nil, &got)
	if got.Reused || got.State != instance.Open {
		t.Errorf("recovered %+v", got)
	}
	if left, err := w.instances.Idle(w.ctx, tenant.Default); err != nil || len(left) != 0 {
		t.Errorf("%d idle instances are noted, %v", len(left), err)
	}
}

// The oldest idle instance goes when its tenant has too many.
func TestMaxIdle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rhythm = session.Rhythm{Beat: brisk.Beat, Release: time.Hour}
	must(t, tenant.NewRepository(w.table).SetConfig(w.ctx, tenant.Default, tenant.Config{MaxIdle: 2}))
	w.host()
	names := []string{"a", "b", "c", "d"}
	var all []instance.Instance
	for n, name := range names {
		i := w.releasing(name)
		w.link(i, "49151000110"+string(rune('0'+n)))
		all = append(all, i)
	}
	w.silence()
	count := func(s instance.State) (out []instance.Instance) {
		for _, i := range all {
			i, err := w.instances.Get(w.ctx, i.ID)
			must(t, err)
			if i.State == s {
				out = append(out, i)
			}
		}
		return out
	}
	w.until(all[0], "thinned out", func(instance.Instance, *instance.Offer) bool {
		return len(count(instance.Closed)) == 2 && len(count(instance.Idle)) == 2
	})
	for _, gone := range count(instance.Closed) {
		if gone.Reason.Code != instance.ReasonMaxIdle {
			t.Errorf("closed as %+v", gone.Reason)
		}
		if slices.ContainsFunc(count(instance.Idle), func(i instance.Instance) bool { return i.IdleSince.Before(gone.AnswerAt) }) {
			t.Errorf("%s went before an older one", gone.Name)
		}
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("recovered")
	u := w.link(i, "491510001201")
	recovered := func() command.Recovered {
		t.Helper()
		var got command.Recovered
		w.do(i, command.Recover, nil, &got)
		return got
	}
	got := recovered()
	t.Logf("reused in %v", got.Elapsed)
	if !got.Reused || got.JID == "" {
		t.Errorf("an open instance is recovered as %+v", got)
	}
	w.do(i, command.Disconnect, nil, nil)
	logins := w.Logins()
	var together sync.WaitGroup
	answers := make([]command.Recovered, 8)
	for n := range answers {
		together.Go(func() { answers[n] = recovered() })
	}
	together.Wait()
	opened := 0
	for _, a := range answers {
		if !a.Reused {
			opened++
			t.Logf("logged in after %v", a.Elapsed)
		}
	}
	if opened != 1 || w.Logins() != logins+1 {
		t.Errorf("%d recovers at once gave %d logins, %d of them not reused", len(answers), w.Logins()-logins, opened)
	}

	for _, c := range []struct {
		code   string
		happen func()
	}{
		{instance.ReasonBanned, func() { must(t, w.Inject(simulator.Fault{Fault: simulator.Ban, Number: u.PN().User, Seconds: 3600})) }},
		{instance.ReasonLoggedOut, func() { must(t, w.Inject(simulator.Fault{Fault: simulator.Logout, Number: u.PN().User})) }},
	} {
		c.happen()
		w.until(i, c.code, func(i instance.Instance, _ *instance.Offer) bool { return i.Reason.Code == c.code })
		if err := w.try(i, command.Recover, nil, nil); fault.KindOf(err) != fault.Conflict || codeOf(err) != c.code {
			t.Errorf("recovering what is %s gives %v", c.code, err)
		}
		w.speech()
		if c.code == instance.ReasonBanned { // lifted early: connecting asks WhatsApp, not the record
			w.do(i, command.Connect, command.ConnectArgs{}, nil)
			w.until(i, "open", open)
		}
	}
	if err := w.try(w.create("never"), command.Recover, nil, nil); codeOf(err) != "no_keys" {
		t.Errorf("recovering what was never linked gives %v", err)
	}
}

// A host whose clock is off does not begin a pairing, says why, and goes on
// when the clock is right.
func TestClockOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.Every = 50 * time.Millisecond
	w.Turn(func(k *simulator.Knobs) { k.DateSkewSeconds = 90 })
	w.host()
	i := w.create("late")
	w.until(i, "refused", func(instance.Instance, *instance.Offer) bool { // as soon as the host knows
		w.do(i, command.Connect, command.ConnectArgs{}, nil)
		now, err := w.instances.Get(w.ctx, i.ID)
		must(t, err)
		return now.Reason.Code == instance.ReasonClock && now.State == instance.Closed
	})
	w.Turn(func(k *simulator.Knobs) { k.DateSkewSeconds = 0 })
	w.until(i, "pairing", func(instance.Instance, *instance.Offer) bool {
		w.do(i, command.Connect, command.ConnectArgs{}, nil)
		_, offer := w.until(i, "decided", func(i instance.Instance, o *instance.Offer) bool {
			return i.State == instance.Closed || o != nil && o.QR != ""
		})
		return offer != nil && !offer.QRAt.IsZero() && offer.QRAt.Before(offer.QRUntil)
	})
}

// A released instance leaves no goroutine.
func TestReleaseLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.rhythm = brisk
	w.host()
	i := w.releasing("gone")
	w.link(i, "491510001301")
	w.silence()
	w.until(i, "released", inState(instance.Closed))
	w.until(i, "gone", func(instance.Instance, *instance.Offer) bool { return sessionGoroutines() == 0 })
}

// sessionGoroutines counts the goroutines of sessions and their connections.
func sessionGoroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	n := 0
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		ours := bytes.Contains(stack, []byte("roost/sessionhost/session.")) || bytes.Contains(stack, []byte("go.mau.fi/whatsmeow."))
		if ours {
			n++
		}
	}
	return n
}
