package host_test

import (
	"testing"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/instance"
	"roost/simulator"
)

// A host dies at some moment of an instance's life. The next one connects what a
// phone has agreed to, whether or not the record says so already, and nothing
// that somebody has closed.
func TestDoubtIsSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.host()
	linked := func(name, number string) (instance.Instance, *simulator.User) {
		i := w.create(name)
		return i, w.link(i, number)
	}
	pairing, _ := linked("pairing", "491510002001")
	starting, _ := linked("starting", "491510002002")
	swept, _ := linked("swept", "491510002003")
	again, _ := linked("linked again", "491510002004")
	closed, _ := linked("closed", "491510002005")
	loggedOut, _ := linked("logged out", "491510002006")
	removed, removedPhone := linked("removed", "491510002007")
	replaced, replacedPhone := linked("replaced", "491510002008")
	unlinkedNow, _ := linked("logged out meanwhile", "491510002009")
	closedNow, _ := linked("closed meanwhile", "491510002010")
	settled, _ := linked("closed while no host was there", "491510002011")
	never := w.create("never")
	noted := w.create("never, and its logout was noted")
	for _, i := range []instance.Instance{never, noted} {
		w.do(i, command.Connect, command.ConnectArgs{}, nil)
		w.until(i, "pairing", showing)
	}
	w.do(closed, command.Disconnect, nil, nil)
	w.do(loggedOut, command.Logout, nil, nil)
	must(t, w.Inject(simulator.Fault{Fault: simulator.Logout, Number: removedPhone.PN().User}))
	w.until(removed, "logged out", inState(instance.LoggedOut))
	must(t, w.Inject(simulator.Fault{Fault: simulator.Replace, Number: replacedPhone.PN().User}))
	w.until(replaced, "replaced", inState(instance.Closed))
	before := map[instance.ID]instance.Instance{}
	for _, i := range []instance.Instance{closed, loggedOut, removed, replaced} {
		record, err := w.instances.Get(w.ctx, i.ID)
		must(t, err)
		before[i.ID] = record
	}
	stop()

	// What a host leaves that dies between the keys and the record.
	leave := func(i instance.Instance, edit func(*instance.Instance)) {
		record, err := w.instances.Get(w.ctx, i.ID)
		must(t, err)
		_, err = w.instances.UpdateFrom(w.ctx, record, func(i *instance.Instance) error {
			i.Host, i.Wanted, i.JID, i.LID, i.State, i.Reason, i.Ready = "host-2", false, "", "", instance.Pairing, instance.Reason{}, false
			if edit != nil {
				edit(i)
			}
			return nil
		})
		must(t, err)
	}
	leave(pairing, nil)
	leave(starting, func(i *instance.Instance) { i.State = instance.Connecting })
	leave(swept, func(i *instance.Instance) { must(t, i.Release()) })
	leave(again, func(i *instance.Instance) { i.JID = "491510009999:7@s.whatsapp.net" }) // of the account before
	leave(never, nil)
	// What its user does before another host looks.
	leave(settled, func(i *instance.Instance) {
		must(t, i.Release())
		i.Wanted, i.Reason = false, instance.Reason{Code: instance.ReasonDisconnected}
	})
	leave(noted, func(i *instance.Instance) {
		must(t, i.Release())
		i.Reason = instance.Reason{Code: instance.ReasonUserLogout}
	})
	asked := make(chan error, 2)
	for i, kind := range map[*instance.Instance]command.Kind{&unlinkedNow: command.Logout, &closedNow: command.Disconnect} {
		leave(*i, func(i *instance.Instance) { must(t, i.Release()) })
		go func() { asked <- w.try(*i, kind, nil, nil) }()
	}

	stop = w.hosted("host-2", func(*host.Config) {})
	for range 2 {
		must(t, <-asked)
	}
	for _, i := range []instance.Instance{pairing, starting, swept, again} {
		record, _ := w.until(i, "open", open)
		if !record.Wanted || record.JID == "" || record.JID == "491510009999:7@s.whatsapp.net" || record.LinkedAt.IsZero() {
			t.Errorf("%s is open as %+v", i.Name, record)
		}
	}
	record, _ := w.until(never, "given up", func(i instance.Instance, _ *instance.Offer) bool { return i.Host == "" })
	if record.State != instance.Closed || record.Wanted || record.Reason.Code != instance.ReasonHostLost || record.Reason.Action == "" {
		t.Errorf("a pairing that was lost ends as %+v", record)
	}
	for _, c := range []struct {
		instance.Instance
		state  instance.State
		reason string
	}{
		{unlinkedNow, instance.LoggedOut, instance.ReasonUserLogout},
		{closedNow, instance.Closed, instance.ReasonDisconnected},
		{settled, instance.Closed, instance.ReasonDisconnected},
		{noted, instance.Closed, instance.ReasonUserLogout},
	} {
		record, _ := w.until(c.Instance, "at rest", func(i instance.Instance, _ *instance.Offer) bool { return !i.Wanted && !i.State.Connected() })
		if record.State != c.state || record.Reason.Code != c.reason {
			t.Errorf("%s ends as %+v", c.Name, record)
		}
	}
	w.do(unlinkedNow, command.Connect, command.ConnectArgs{}, nil)
	w.until(unlinkedNow, "pairing, for it has no keys", showing)
	// The user can still link it.
	w.do(never, command.Connect, command.ConnectArgs{}, nil)
	w.until(never, "pairing", showing)
	for id, was := range before {
		now, err := w.instances.Get(w.ctx, id)
		must(t, err)
		if now.State != was.State || now.Reason != was.Reason || now.Wanted {
			t.Errorf("%s was %s (%s) and is %s (%s), wanted %t", now.Name, was.State, was.Reason.Code, now.State, now.Reason.Code, now.Wanted)
		}
	}
	stop()
}

// A command finds an instance in doubt before a host has looked: it is done all
// the same once that has given the instance up.
func TestCommandInDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	for kind, then := range map[command.Kind]func(instance.Instance, *instance.Offer) bool{
		command.Connect:    showing,
		command.Restart:    showing,
		command.Disconnect: func(i instance.Instance, _ *instance.Offer) bool { return i.Reason.Code == instance.ReasonDisconnected },
		command.Logout:     inState(instance.LoggedOut),
	} {
		i := w.create(string(kind))
		_, err := w.instances.Update(w.ctx, i.ID, func(i *instance.Instance) error {
			i.State = instance.Pairing
			return i.Release()
		})
		must(t, err)
		if err := w.try(i, kind, nil, nil); err != nil {
			t.Errorf("%s is answered with %v", kind, err)
			continue
		}
		w.until(i, "done with "+string(kind), then)
	}
}
