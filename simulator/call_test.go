package simulator_test

import (
	"errors"
	"testing"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

func inState(id, state string) func(simulator.Call) bool {
	return func(c simulator.Call) bool { return c.ID == id && c.State == state }
}

// tell sends something about a call and waits for its acknowledgement.
func (w *world) tell(c *companion.Client, to types.JID, child waBinary.Node) *waBinary.Node {
	w.t.Helper()
	id := c.GenerateMessageID()
	answer := c.DangerousInternals().WaitResponse(id)
	must(w.t, c.DangerousInternals().SendNode(w.ctx, waBinary.Node{
		Tag: "call", Attrs: waBinary.Attrs{"id": id, "to": to}, Content: []waBinary.Node{child},
	}))
	select {
	case n := <-answer:
		if n.Tag != "ack" || n.Attrs["class"] != "call" {
			w.t.Errorf("answer to a call: %s", n)
		}
		return n
	case <-w.ctx.Done():
		w.t.Fatal("a call is not acknowledged")
		return nil
	}
}

func TestCallAndHangup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	c.Disconnect() // calls wait, like messages
	id, err := bob.Call(alice.PN(), true)
	must(t, err)
	must(t, c.Login(w.ctx))
	offer := await[*events.CallOffer](w, c)
	_, video := offer.Data.GetOptionalChildByTag("video")
	if offer.CallID != id || offer.From.User != bob.LID().User || offer.CallCreator != bob.LID() || offer.CallCreatorAlt != bob.PN() ||
		offer.RemotePlatform == "" || !video {
		t.Errorf("offer %+v", offer)
	}
	must(t, bob.Hangup(id))
	end := await[*events.CallTerminate](w, c)
	if end.CallID != id || end.Reason != "timeout" || end.CallCreator != bob.LID() {
		t.Errorf("end %+v", end)
	}
	if err := bob.Hangup(id); !errors.Is(err, simulator.ErrNoCall) {
		t.Errorf("hang up twice: %v", err)
	}
	must(t, w.Settle(w.ctx))
	if n := alice.Owed(1); n != 0 {
		t.Errorf("%d stanzas are owed", n)
	}
	if _, err := bob.Call(types.NewJID("491999999999", types.DefaultUserServer), false); !errors.Is(err, simulator.ErrNobody) {
		t.Errorf("call nobody: %v", err)
	}
}

func TestRejectCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	bob := w.phone("491510000002", "Bob")
	id, err := bob.Call(alice.LID(), false)
	must(t, err)
	offer := await[*events.CallOffer](w, c)
	await[*events.CallOffer](w, second)
	must(t, c.RejectCall(w.ctx, offer.From, offer.CallID))
	call, err := bob.AwaitCall(w.ctx, inState(id, simulator.CallRejected))
	must(t, err)
	if call.By.User != alice.Number() || call.By.Device == 0 || call.From != bob.Number() || call.To != alice.Number() {
		t.Errorf("call %+v", call)
	}
	if end := await[*events.CallTerminate](w, second); end.CallID != id || end.Reason != "rejected_elsewhere" {
		t.Errorf("end %+v", end)
	}

	id, err = bob.Call(alice.LID(), false)
	must(t, err)
	await[*events.CallOffer](w, c)
	must(t, alice.AcceptCall(id)) // on the phone
	if end := await[*events.CallTerminate](w, c); end.CallID != id || end.Reason != "accepted_elsewhere" {
		t.Errorf("end %+v", end)
	}
}

func TestClientCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	d, dora := w.pair("491510000004", "Dora")
	second := w.link(dora)
	bob := w.phone("491510000002", "Bob")
	offer := func(id string) waBinary.Node {
		return waBinary.Node{
			Tag: "offer", Attrs: waBinary.Attrs{"call-id": id, "call-creator": alice.LID()},
			Content: []waBinary.Node{
				{Tag: "audio", Attrs: waBinary.Attrs{"enc": "opus", "rate": "16000"}},
				{Tag: "destination", Content: []waBinary.Node{
					{Tag: "to", Attrs: waBinary.Attrs{"jid": dora.Companions()[0]}, Content: []waBinary.Node{
						{Tag: "enc", Attrs: waBinary.Attrs{"v": "2", "type": "msg"}, Content: []byte("for dora's companion")},
					}},
					{Tag: "to", Attrs: waBinary.Attrs{"jid": dora.PN()}, Content: []waBinary.Node{
						{Tag: "enc", Attrs: waBinary.Attrs{"v": "2", "type": "msg"}, Content: []byte("for dora's phone")},
					}},
				}},
			},
		}
	}
	if ack := w.tell(c, bob.PN(), offer("1")); ack.Attrs["type"] != "offer" || ack.Attrs["error"] != nil {
		t.Errorf("ack %s", ack)
	}
	if calls := bob.Calls(); len(calls) != 1 || calls[0].ID != "1" || calls[0].From != alice.Number() || calls[0].State != simulator.CallRinging {
		t.Errorf("bob's calls %+v", calls)
	}
	must(t, bob.AcceptCall("1"))
	if e := await[*events.CallAccept](w, c); e.CallID != "1" || e.From.User != bob.LID().User {
		t.Errorf("event %+v", e)
	}
	w.tell(c, bob.PN(), waBinary.Node{Tag: "terminate", Attrs: waBinary.Attrs{"call-id": "1", "call-creator": alice.LID(), "reason": "hangup"}})
	_, err := bob.AwaitCall(w.ctx, inState("1", simulator.CallEnded))
	must(t, err)

	w.tell(c, dora.PN(), offer("2"))
	if rings := await[*events.CallOffer](w, second); len(rings.Data.GetChildrenByTag("enc")) != 0 {
		t.Errorf("a companion that is not listed got %s", rings.Data)
	}
	rings := await[*events.CallOffer](w, d)
	encs := rings.Data.GetChildrenByTag("enc")
	if rings.CallCreatorAlt != alice.PN() || len(encs) != 1 || string(encs[0].Content.([]byte)) != "for dora's companion" {
		t.Errorf("offer %s", rings.Data)
	}
	must(t, d.RejectCall(w.ctx, rings.From, rings.CallID))
	if e := await[*events.CallReject](w, c); e.CallID != "2" || e.From.User != dora.LID().User {
		t.Errorf("event %+v", e)
	}
	if ack := w.tell(c, types.NewJID("491999999999", types.DefaultUserServer), offer("3")); ack.Attrs["error"] == nil {
		t.Errorf("call to nobody is acknowledged: %s", ack)
	}
	bob.Block(alice)
	w.tell(c, bob.PN(), offer("4"))
	if n := len(bob.Calls()); n != 1 {
		t.Errorf("bob has %d calls", n)
	}
	link := w.tell(c, types.JID{Server: "call"}, waBinary.Node{Tag: "link_create", Attrs: waBinary.Attrs{"media": "audio"}})
	if created := link.GetChildByTag("link_create"); created.Attrs["token"] == nil {
		t.Errorf("link %s", link)
	}
}

func TestGroupCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	bob, carol := w.phone("491510000002", "Bob"), w.phone("491510000003", "Carol")
	group := w.Group("Friends", bob, alice, carol)
	id, err := bob.Call(group.JID(), true)
	must(t, err)
	e := await[*events.CallOfferNotice](w, c)
	if e.CallID != id || e.GroupJID != group.JID() || e.Media != "video" || e.Type != "group" || e.CallCreator != bob.LID() {
		t.Errorf("event %+v", e)
	}
	must(t, carol.RejectCall(id)) // the others go on
	must(t, bob.Hangup(id))
	await(w, c, func(r *events.CallTerminate) bool { return r.CallID == id })
}
