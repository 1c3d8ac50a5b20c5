package host_test

import (
	"testing"
	"time"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/simulator"
	"roost/simulator/content"
)

func (w *world) set(i instance.Instance, change func(*instance.Settings)) {
	w.t.Helper()
	_, err := w.instances.Update(w.ctx, i.ID, func(i *instance.Instance) error {
		change(&i.Settings)
		return nil
	})
	must(w.t, err)
	w.do(i, command.Apply, nil, nil)
}

func (w *world) text(i instance.Instance, to *simulator.User, text string) error {
	return w.try(i, command.SendMessage, command.SendArgs{
		MessageID: message.NewID(), To: to.PN().String(), Text: &command.TextArgs{Text: text},
	}, nil)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("mannered")
	u := w.link(i, "491510001501")
	friend, err := w.Phone("491510001502", "Friend")
	must(t, err)

	// Calls ring until the owner wants them rejected.
	_, err = friend.Call(u.PN(), false)
	must(t, err)
	_, err = friend.Send(u.PN(), content.Text("I have called"))
	must(t, err)
	w.next(event.MessageReceived) // the call came before
	w.set(i, func(s *instance.Settings) { s.RejectCall, s.MsgCall, s.ReadMessages = true, "No calls, please.", true })
	id, err := friend.Call(u.PN(), false)
	must(t, err)
	_, err = friend.AwaitCall(w.ctx, func(c simulator.Call) bool { return c.ID == id && c.State == simulator.CallRejected })
	must(t, err)
	_, err = friend.Await(w.ctx, func(e content.Entry) bool { return e.Text == "No calls, please." })
	must(t, err)
	if calls := friend.Calls(); calls[0].State != simulator.CallRinging {
		t.Errorf("a call from before is %s", calls[0].State)
	}

	sent, err := friend.Send(u.PN(), content.Text("read me"))
	must(t, err)
	_, err = friend.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == sent && r.Type == "read" })
	must(t, err)
}

// A send that is asked for again, of another host and with a file that would be
// encrypted anew, goes out once and has one answer.
func TestSendOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.host()
	i := w.create("once")
	w.link(i, "491510001531")
	friend, err := w.Phone("491510001532", "Friend")
	must(t, err)
	args := command.SendArgs{MessageID: message.NewID(), Once: true, To: friend.PN().String(), Media: &command.MediaArgs{
		Kind: "document", Mimetype: "text/plain", FileName: "a.txt", Bytes: []byte("only once"),
	}}
	var first, again command.Sent
	w.do(i, command.SendMessage, args, &first)
	stop()
	w.host()
	w.until(i, "open", open)
	w.do(i, command.SendMessage, args, &again)
	if string(first.Message) != string(again.Message) || len(first.Message) == 0 {
		t.Errorf("answered %s and then %s", first.Message, again.Message)
	}
	must(t, w.text(i, friend, "the end"))
	_, err = friend.Await(w.ctx, func(e content.Entry) bool { return e.Text == "the end" })
	must(t, err)
	if got := len(friend.Inbox()); got != 2 {
		t.Errorf("%d messages have come", got)
	}
}

// What an account may not do is told, refused without asking WhatsApp again,
// and allowed when it is over.
func TestReachOutLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("limited")
	u := w.link(i, "491510001511")
	old, err := w.Phone("491510001512", "Old")
	must(t, err)
	fresh, err := w.Phone("491510001513", "Fresh")
	must(t, err)
	must(t, w.text(i, old, "before"))

	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	u.LockReachOut(until)
	limited, _ := w.until(i, "limited", func(i instance.Instance, _ *instance.Offer) bool { return i.Limit.Active(time.Now()) })
	if limited.Limit.Code != instance.LimitReachOut || !limited.Limit.Until.Equal(until) || limited.State != instance.Open {
		t.Errorf("limited as %+v in %s", limited.Limit, limited.State)
	}
	w.next(event.AccountLimited)
	if err := w.text(i, fresh, "may I"); fault.KindOf(err) != fault.Forbidden || codeOf(err) != "reach_out_locked" {
		t.Errorf("a new chat gives %v", err)
	}
	must(t, w.text(i, old, "still"))
	u.LockReachOut(time.Time{})
	w.until(i, "free", func(i instance.Instance, _ *instance.Offer) bool { return i.Limit == instance.Limit{} })
	must(t, w.text(i, fresh, "at last"))

	// Refused without a lock: it is this message, and no state.
	must(t, w.Inject(simulator.Fault{Fault: simulator.RefuseMessage, Number: u.Number(), Code: 463, Times: 1}))
	if err := w.text(i, fresh, "refused"); codeOf(err) != "reach_out_locked" {
		t.Errorf("error 463 gives %v", err)
	}
	if now, err := w.instances.Get(w.ctx, i.ID); err != nil || now.Limit.Code != "" {
		t.Errorf("the account is %+v, %v", now.Limit, err)
	}
}

// An outdated client looks up the present version and tries once more.
func TestOutdated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("outdated")
	u := w.link(i, "491510001521")
	newer := func(revision uint32) {
		w.Turn(func(k *simulator.Knobs) { k.MinRevision = revision })
		must(t, w.Inject(simulator.Fault{Fault: simulator.Cut, Number: u.Number()}))
	}
	logins := w.Logins()
	newer(pageRevision)
	w.until(i, "open again", func(i instance.Instance, _ *instance.Offer) bool {
		return i.State == instance.Open && w.Logins() > logins
	})
	other := w.create("new") // links with what the host knows by now
	w.link(other, "491510001522")
	newer(pageRevision + 1)
	ended, _ := w.until(i, "outdated", inState(instance.Closed))
	if ended.Reason.Code != instance.ReasonOutdated || ended.Reason.Status != 405 || ended.Reason.Action == "" {
		t.Errorf("ended as %+v", ended.Reason)
	}
}
