package simulator_test

import (
	"slices"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// TestGroupWhileAway is what a client finds when it comes back: everything that
// happened, in order, and messages it can read.
func TestGroupWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	alice.Disconnect()

	g := w.Group("Rowing", bob, carol)
	_, err := carol.Send(g.JID(), words("not for Alice"))
	must(t, err)
	must(t, g.Add(bob, aliceUser))
	_, err = carol.Send(g.JID(), words("welcome"))
	must(t, err)
	must(t, g.Remove(bob, carol))
	must(t, g.SetSubject(bob, "Sailing"))
	_, err = bob.Send(g.JID(), words("she has gone"))
	must(t, err)

	must(t, alice.Login(w.ctx))
	await(w, alice, saidIn(g.JID(), "she has gone"))
	var order []string
	for _, e := range alice.Events() {
		switch e := e.(type) {
		case *events.JoinedGroup:
			order = append(order, "joined")
		case *events.GroupInfo:
			switch {
			case len(e.Leave) > 0:
				order = append(order, "leave")
			case e.Name != nil:
				order = append(order, e.Name.Name)
			}
		case *events.Message:
			if text := e.Message.GetConversation(); text != "" {
				order = append(order, text)
			}
		}
	}
	if want := []string{"joined", "welcome", "leave", "Sailing", "she has gone"}; !slices.Equal(order, want) {
		t.Errorf("found %q, want %q", order, want)
	}
	info, err := alice.GetGroupInfo(w.ctx, g.JID())
	must(t, err)
	if info.Name != "Sailing" || info.ParticipantCount != 2 {
		t.Errorf("info %+v", info)
	}
}

// talking is a group in which a client and a contact have heard each other.
func talking(w *world) (alice *companion.Client, bob *simulator.User, g *simulator.Group) {
	w.t.Helper()
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob = w.phone("491510000002", "Bob")
	g = w.Group("Rowing", bob, aliceUser)
	_, err := bob.Send(g.JID(), words("one"))
	must(w.t, err)
	await(w, alice, saidIn(g.JID(), "one"))
	say(w, alice, g, "two")
	heard(w, bob, g, "two")
	return alice, bob, g
}

// TestGroupNewDevices adds devices on both sides while a group talks.
func TestGroupNewDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob, g := talking(w)

	second := w.link(w.Lookup("491510000001"))
	_, err := bob.Send(g.JID(), words("three"))
	must(t, err)
	await(w, alice, saidIn(g.JID(), "three"))
	await(w, second, saidIn(g.JID(), "three"))

	bob.AddDevice() // the client may hear of it before or after its next message
	id := say(w, alice, g, "four")
	await(w, alice, func(e *events.Receipt) bool {
		return e.Sender.User == bob.LID().User && e.Sender.Device == 1 && e.MessageIDs[0] == id
	})
	await(w, second, saidIn(g.JID(), "four"))
	wantReadable(t, alice, second)
	if n := countTexts(bob.Inbox(), "four"); n != 1 {
		t.Errorf("heard %d times", n)
	}
}

// busy keeps a client's handler busy with a message, so that it does not hear of
// what comes until release.
func busy(w *world, c *companion.Client, by *simulator.User, g *simulator.Group) (release func()) {
	w.t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	handler := c.AddEventHandler(func(e any) {
		if m, ok := e.(*events.Message); ok && m.Message.GetConversation() == "hold" {
			close(entered)
			<-leave
		}
	})
	_, err := by.Send(g.JID(), words("hold"))
	must(w.t, err)
	select {
	case <-entered:
	case <-w.ctx.Done():
		w.t.Fatal("the client does not get the message that holds it")
	}
	return func() {
		close(leave)
		c.RemoveEventHandler(handler)
	}
}

// TestGroupNewcomerAtOnce lets somebody join while a client is about to send:
// it may not know yet, and then is asked to send again.
func TestGroupNewcomerAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	g := w.Group("Rowing", bob, aliceUser)
	say(w, alice, g, "one")
	release := busy(w, alice, bob, g)
	must(t, g.Add(bob, carol))
	say(w, alice, g, "two")
	release()
	heard(w, carol, g, "two")
	await(w, alice, inGroup(g.JID(), func(e *events.GroupInfo) bool { return slices.Equal(e.Join, lids(carol)) }))
	say(w, alice, g, "three")
	heard(w, carol, g, "three")
	if n := countTexts(carol.Inbox(), "one"); n != 0 {
		t.Error("the newcomer has heard what was said before")
	}
}

// TestGroupStaleSender removes a member while a client is about to send: it
// encrypts for them still, and the server must not pass that on.
func TestGroupStaleSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	carol, carolUser := w.pair("491510000003", "Carol")
	g := w.Group("Rowing", bob, aliceUser, carolUser)
	say(w, alice, g, "one")
	heard(w, carolUser, g, "one")
	release := busy(w, alice, bob, g)
	must(t, g.Remove(bob, carolUser))
	id := say(w, alice, g, "two")
	heard(w, bob, g, "two")
	release()
	await(w, carol, inGroup(g.JID(), func(e *events.GroupInfo) bool { return slices.Equal(e.Leave, lids(carolUser)) }))
	must(t, w.Settle(w.ctx))
	if n := countTexts(carolUser.Inbox(), "two"); n != 0 {
		t.Error("the removed member has heard it")
	}
	for _, e := range carol.Events() {
		if m, ok := e.(*events.Message); ok && m.Info.ID == id {
			t.Errorf("the removed member's companion got %+v", m.Info)
		}
	}
}

func TestGroupReinstall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, bob, g := talking(w)
	bob.Reinstall()
	_, err := bob.Send(g.JID(), words("three"))
	must(t, err)
	await(w, alice, saidIn(g.JID(), "three"))
	say(w, alice, g, "four")
	heard(w, bob, g, "four")
}

func TestCommunityPicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	community, err := alice.CreateGroup(w.ctx, whatsmeow.ReqCreateGroup{Name: "Club"})
	must(t, err)
	id, err := w.FindGroup(community.JID).SetPicture(aliceUser, []byte{0xff, 0xd8, 0xff, 0xe0})
	must(t, err)
	info, err := alice.GetProfilePictureInfo(w.ctx, community.JID, &whatsmeow.GetProfilePictureParams{IsCommunity: true})
	must(t, err)
	if info.ID != id {
		t.Errorf("picture %+v, want %s", info, id)
	}
}

// TestGroupOfPeople needs no client: simulated people hear each other.
func TestGroupOfPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.phone("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	dave := w.phone("491510000004", "Dave")
	g := w.Group("Rowing", bob, carol)
	_, err := carol.Send(g.JID(), words("hello"))
	must(t, err)
	if n := countTexts(bob.Inbox(), "hello"); n != 1 {
		t.Errorf("heard %d times", n)
	}
	must(t, bob.SetPrivacy("groupadd", "all"))
	if err := g.Join(dave, "nonsense"); groupCode(err) != 406 {
		t.Errorf("join by nonsense: %v", err)
	}
	old := g.InviteLink()
	link, err := g.ResetInviteLink(bob)
	must(t, err)
	if err := g.Join(dave, old); groupCode(err) != 410 {
		t.Errorf("join by a revoked link: %v", err)
	}
	must(t, g.Join(dave, link))
	wantMembers(t, g, bob, carol, dave)
	if err := g.Join(dave, link); groupCode(err) != 409 {
		t.Errorf("join twice: %v", err)
	}
	must(t, g.Leave(bob))
	if got := lids(g.Admins()...); !slices.Equal(got, lids(carol)) {
		t.Errorf("admins %v", got)
	}
	if _, err := bob.Send(g.JID(), words("still here?")); err == nil {
		t.Error("somebody who has left can write")
	}
	if n := countTexts(dave.Inbox(), "still here?"); n != 0 {
		t.Errorf("heard %d times", n)
	}
}
