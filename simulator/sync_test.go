package simulator_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/appstate"
	"roost/simulator/companion"
)

// did matches what a companion did, by kind.
func did(kind string) func(appstate.Mutation) bool {
	return func(m appstate.Mutation) bool { return m.Kind == kind }
}

// mutation waits until the phone has read what a companion did.
func (w *world) mutation(u *simulator.User, kind string) appstate.Mutation {
	w.t.Helper()
	m, err := u.AwaitMutation(w.ctx, did(kind))
	if err != nil {
		w.t.Fatalf("the phone never read %s: %v", kind, err)
	}
	return m
}

// synced waits until a client has fetched all app state for the first time.
func (w *world) synced(c *companion.Client) {
	w.t.Helper()
	for _, name := range wastate.AllPatchNames {
		await(w, c, func(e *events.AppStateSyncComplete) bool { return e.Name == name })
	}
}

func TestPushNameComesWithPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	if c.Client.Store.PushName != "Alice" {
		t.Errorf("push name %q", c.Client.Store.PushName)
	}
	must(t, c.SendPresence(w.ctx, types.PresenceAvailable))

	second := w.link(alice)
	w.synced(second)
	alice.Rename("Alice in Hamburg")
	for _, each := range []*companion.Client{c, second} {
		if e := await[*events.PushNameSetting](w, each); e.Action.GetName() != "Alice in Hamburg" {
			t.Errorf("event %v", e.Action)
		}
		if each.Client.Store.PushName != "Alice in Hamburg" {
			t.Errorf("push name %q", each.Client.Store.PushName)
		}
	}
	must(t, second.SendAppState(w.ctx, wastate.BuildSettingPushName("Ally")))
	if m := w.mutation(alice, wastate.IndexSettingPushName); m.Action.GetPushNameSetting().GetName() != "Ally" || alice.Name() != "Ally" {
		t.Errorf("alice is %q after %v", alice.Name(), m.Action)
	}
	await(w, c, func(e *events.PushNameSetting) bool { return e.Action.GetName() == "Ally" })
}

// A companion sets something: the phone and the other companion see it.
func TestCompanionChangesSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	w.synced(c)
	w.synced(second)
	bob := w.phone("491510000002", "Bob")
	chat := bob.PN()
	until := time.Now().Add(8 * time.Hour)

	must(t, c.SendAppState(w.ctx, wastate.BuildPin(chat, true)))
	if e := await[*events.Pin](w, second); e.JID != chat || !e.Action.GetPinned() {
		t.Errorf("pin %+v", e)
	}
	must(t, c.SendAppState(w.ctx, wastate.BuildArchive(chat, true, time.Time{}, nil)))
	if e := await[*events.Archive](w, second); e.JID != chat || !e.Action.GetArchived() {
		t.Errorf("archive %+v", e)
	}
	must(t, second.SendAppState(w.ctx, wastate.BuildMute(chat, true, 8*time.Hour)))
	if e := await[*events.Mute](w, c); e.JID != chat || !e.Action.GetMuted() {
		t.Errorf("mute %+v", e)
	}
	must(t, c.SendAppState(w.ctx, wastate.BuildMarkChatAsRead(chat, false, time.Now(), nil)))
	await(w, second, func(e *events.MarkChatAsRead) bool { return e.JID == chat && !e.Action.GetRead() })
	must(t, c.SendAppState(w.ctx, wastate.BuildStar(chat, chat, "3EB0STAR", false, true)))
	await(w, second, func(e *events.Star) bool { return e.MessageID == "3EB0STAR" && e.Action.GetStarred() })
	must(t, c.SendAppState(w.ctx, wastate.BuildLabelEdit("7", "Urgent", 3, false)))
	must(t, c.SendAppState(w.ctx, wastate.BuildLabelChat(chat, "7", true)))
	await(w, second, func(e *events.LabelEdit) bool { return e.LabelID == "7" && e.Action.GetName() == "Urgent" })
	await(w, second, func(e *events.LabelAssociationChat) bool { return e.JID == chat && e.LabelID == "7" })

	w.mutation(alice, wastate.IndexLabelAssociationChat)
	s := alice.Settings()
	got := s.Chats[bob.LID()]
	if !got.Archived || got.Pinned || !got.Muted || !got.Unread || got.Deleted || !slices.Equal(got.Labels, []string{"7"}) {
		t.Errorf("chat %+v (archiving unpins)", got)
	}
	if d := got.MutedUntil.Sub(until); d < -time.Minute || d > time.Minute {
		t.Errorf("muted until %v, want %v", got.MutedUntil, until)
	}
	if !slices.Equal(s.Starred, []string{"3EB0STAR"}) || s.Labels["7"] != (simulator.Label{Name: "Urgent", Color: 3}) {
		t.Errorf("settings %+v", s)
	}
	must(t, c.SendAppState(w.ctx, wastate.BuildArchive(chat, false, time.Time{}, nil)))
	_, err := alice.AwaitMutation(w.ctx, func(m appstate.Mutation) bool {
		return m.Kind == wastate.IndexArchive && !m.Action.GetArchiveChatAction().GetArchived()
	})
	must(t, err)
	if alice.Settings().Chats[bob.LID()].Archived {
		t.Error("still archived")
	}
}

// The phone sets something: both companions see it, one of them after a while
// offline, and a third one that is linked later.
func TestPhoneChangesSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	second := w.link(alice)
	w.synced(c)
	w.synced(second)
	second.Disconnect()
	bob := w.phone("491510000002", "Bob")
	chat := bob.PN()
	must(t, alice.Pin(chat))
	must(t, alice.Mute(chat, time.Time{}))
	must(t, alice.MarkUnread(chat))
	must(t, alice.Star(chat, chat, "3EB0STAR", false))
	must(t, alice.SetContactName(chat, "Bob Builder", "Bob"))
	must(t, alice.SetLabel("1", "New", 0))
	must(t, alice.LabelMessage(chat, "1", "3EB0STAR", true))
	must(t, alice.DeleteChat(chat))
	must(t, second.Login(w.ctx))
	for i, each := range []*companion.Client{c, second} {
		await(w, each, func(e *events.Pin) bool { return e.JID == chat && e.Action.GetPinned() })
		await(w, each, func(e *events.Mute) bool { return e.JID == chat && e.Action.GetMuteEndTimestamp() == -1 })
		await(w, each, func(e *events.MarkChatAsRead) bool { return !e.Action.GetRead() })
		await(w, each, func(e *events.Star) bool { return e.MessageID == "3EB0STAR" })
		await(w, each, func(e *events.Contact) bool { return e.JID == chat && e.Action.GetFullName() == "Bob Builder" })
		await(w, each, func(e *events.LabelEdit) bool { return e.Action.GetName() == "New" })
		await(w, each, func(e *events.LabelAssociationMessage) bool { return e.MessageID == "3EB0STAR" })
		if e := await[*events.DeleteChat](w, each); e.JID != chat {
			t.Errorf("companion %d: deleted %s", i, e.JID)
		}
	}
	must(t, alice.PublishSettings()) // the third gets snapshots from the media servers
	must(t, alice.Unpin(chat))
	third := w.link(alice)
	w.synced(third)
	settings, err := third.Client.Store.ChatSettings.GetChatSettings(w.ctx, chat)
	must(t, err)
	if !settings.Found || settings.Pinned || settings.MutedUntil.IsZero() {
		t.Errorf("chat settings of the third companion: %+v", settings)
	}
	contact, err := third.Client.Store.Contacts.GetContact(w.ctx, chat)
	must(t, err)
	if contact.FullName != "Bob Builder" {
		t.Errorf("contact of the third companion: %+v", contact)
	}
}

// Both write at the same time, again and again: 409s are settled and both end
// with the same state.
func TestConflictingSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	bob := w.phone("491510000002", "Bob")
	done := make(chan error, 1)
	go func() {
		for range 15 {
			if err := alice.Mute(bob.PN(), time.Time{}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	conflicts := 0
	for i := range 15 {
		// whatsmeow tries a second time after a conflict and then gives up.
		for c.SendAppState(w.ctx, wastate.BuildStar(bob.PN(), bob.PN(), itoa(i), false, true)) != nil {
			conflicts++
			must(t, context.Cause(w.ctx))
		}
	}
	must(t, <-done)
	t.Logf("%d conflicts lost twice", conflicts)
	must(t, w.Settle(w.ctx))
	if n := len(alice.Settings().Starred); n != 15 {
		t.Errorf("%d stars on the phone, want 15", n)
	}
	must(t, c.FetchAppState(w.ctx, wastate.WAPatchRegularHigh, true, false))
}

// The phone takes a new key and does not share it: companions have to ask.
func TestKeyRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	chat := w.phone("491510000002", "Bob").PN()
	alice.RotateSettingsKey(false)
	must(t, alice.Pin(chat))
	await(w, c, func(e *events.Pin) bool { return e.JID == chat })
	alice.RotateSettingsKey(true)
	must(t, alice.Unpin(chat))
	await(w, c, func(e *events.Pin) bool { return e.JID == chat && !e.Action.GetPinned() })
	must(t, c.SendAppState(w.ctx, wastate.BuildMute(chat, true, time.Hour)))
	first, err := c.Client.Store.AppStateKeys.GetAllAppStateSyncKeys(w.ctx)
	must(t, err)
	if m := w.mutation(alice, wastate.IndexMute); len(first) != 3 || m.Action == nil {
		t.Errorf("%d keys, mutation %+v", len(first), m)
	}
}

// A companion whose state is broken asks the phone for a plain copy.
func TestSettingsRecovery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	chat := w.phone("491510000002", "Bob").PN()
	must(t, alice.Pin(chat))
	await(w, c, func(e *events.Pin) bool { return e.JID == chat })
	must(t, c.Store.DeleteAppStateVersion(w.ctx, string(wastate.WAPatchRegularLow)))
	_, err := c.SendPeerMessage(w.ctx, whatsmeow.BuildAppStateRecoveryRequest(wastate.WAPatchRegularLow))
	must(t, err)
	e := await(w, c, func(e *events.AppStateSyncComplete) bool { return e.Recovery })
	if e.Name != wastate.WAPatchRegularLow || e.Version == 0 {
		t.Errorf("event %+v", e)
	}
	must(t, alice.Unpin(chat)) // what follows still fits
	await(w, c, func(e *events.Pin) bool { return e.JID == chat && !e.Action.GetPinned() })
}

// A companion reports its app state as broken beyond repair: the phone starts
// over and unlinks everybody.
func TestFatalSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	must(t, alice.Pin(w.phone("491510000002", "Bob").PN()))
	_, err := c.SendPeerMessage(w.ctx, whatsmeow.BuildFatalAppStateExceptionNotification(wastate.WAPatchRegularLow))
	must(t, err)
	await[*events.LoggedOut](w, c)
	if s := alice.Settings(); len(s.Chats) != 0 || s.PushName != "Alice" {
		t.Errorf("settings %+v", s)
	}
	again := w.link(alice)
	w.synced(again)
	if again.Client.Store.PushName != "Alice" {
		t.Errorf("push name %q", again.Client.Store.PushName)
	}
}

// A patch that the phone cannot read is the companion's fault.
func TestForgedPatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	w.synced(c)
	must(t, w.Settle(w.ctx))
	must(t, c.Store.PutAppStateVersion(w.ctx, string(wastate.WAPatchRegularLow), 1, [128]byte{1}))
	must(t, c.SendAppState(w.ctx, wastate.BuildPin(alice.PN(), true))) // it believes in its own hash
	if err := alice.Pin(alice.PN()); err == nil {
		t.Error("the phone goes on after what it cannot read")
	}
	if len(w.Violations()) == 0 {
		t.Error("a forged patch is no violation")
	}
	w.expect(simulator.Malformed)
}

func TestDirty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, alice := w.pair("491510000001", "Alice")
	alice.MarkDirty("account_sync")
	if got := alice.Dirty(1); !slices.Equal(got, []string{"account_sync"}) {
		t.Errorf("dirty: %v", got)
	}
	c.Disconnect()
	must(t, c.Login(w.ctx))
	must(t, c.MarkNotDirty(w.ctx, "account_sync", time.Now()))
	if got := alice.Dirty(1); len(got) != 0 {
		t.Errorf("dirty after clean: %v", got)
	}
}
