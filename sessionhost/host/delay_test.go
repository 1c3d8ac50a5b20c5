package host_test

import (
	"testing"
	"time"

	"roost/shared/command"
	"roost/shared/message"
	"roost/simulator"
	"roost/simulator/content"
)

// TestDelay: a delay shows the account typing, and holds no other message up.
func TestDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("patient")
	alice := w.link(i, "491510001541")
	friend, err := w.Phone("491510001542", "Friend")
	must(t, err)
	slow := make(chan error, 1)
	go func() {
		slow <- w.try(i, command.SendMessage, command.SendArgs{
			MessageID: message.NewID(), To: friend.PN().String(), Text: &command.TextArgs{Text: "slow"}, Delay: 8 * time.Second,
		}, nil)
	}()
	state := func(want string) {
		t.Helper()
		_, err := friend.AwaitChatState(w.ctx, func(s simulator.ChatState) bool {
			return s.State == want && s.From == alice.Number()
		})
		must(t, err)
	}
	state(simulator.Composing)
	must(t, w.text(i, friend, "quick"))
	must(t, <-slow)
	state("paused")
	_, err = friend.Await(w.ctx, func(e content.Entry) bool { return e.Text == "slow" })
	must(t, err)
	if got := friend.Inbox(); len(got) != 2 || got[0].Text != "quick" {
		t.Errorf("the inbox is %+v", got)
	}
}
