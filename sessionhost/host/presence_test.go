package host_test

import (
	"testing"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/simulator"
	"roost/simulator/content"
)

// TestReading tells the writer of a message that it was read, and shows what
// the account is doing: the simulator holds what WhatsApp would refuse.
func TestReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("reader")
	alice := w.link(i, "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	id, err := bob.Send(alice.PN(), content.Text("read me"))
	must(t, err)
	m := w.said(w.next(event.MessageReceived))
	w.do(i, command.MarkRead, command.MarkReadArgs{Chat: m.Chat.String(), IDs: []string{id}}, nil)
	_, err = bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id && r.Type == "read" })
	must(t, err)
	w.until(i, "its name is there, which presences carry", func(i instance.Instance, _ *instance.Offer) bool { return i.Profile.PushName != "" })
	w.do(i, command.WatchPresence, command.WatchArgs{Person: bob.PN().String()}, nil)
	for _, state := range []string{command.PresenceComposing, command.PresenceRecording, command.PresencePaused} {
		w.do(i, command.ShowPresence, command.PresenceArgs{Chat: bob.PN().String(), State: state}, nil)
	}
	w.do(i, command.ShowPresence, command.PresenceArgs{State: command.PresenceAvailable}, nil)
	if err := w.try(i, command.ShowPresence, command.PresenceArgs{State: "asleep"}, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown presence: %v", err)
	}
}
