package simulator_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// inGroup accepts changes of a group that pass.
func inGroup(g types.JID, pass func(*events.GroupInfo) bool) func(*events.GroupInfo) bool {
	return func(e *events.GroupInfo) bool { return e.JID == g && pass(e) }
}

func joined(g types.JID) func(*events.JoinedGroup) bool {
	return func(e *events.JoinedGroup) bool { return e.JID == g }
}

func lids(users ...*simulator.User) []types.JID {
	out := make([]types.JID, len(users))
	for i, u := range users {
		out[i] = u.LID()
	}
	return out
}

// wantMembers compares who is in a group, in order.
func wantMembers(t *testing.T, g *simulator.Group, want ...*simulator.User) {
	t.Helper()
	if diff := cmp.Diff(lids(want...), lids(g.Members()...)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// groupCode reads the code of a GroupError.
func groupCode(err error) int {
	if e, ok := errors.AsType[*simulator.GroupError](err); ok {
		return e.Code
	}
	return 0
}

func TestCreateGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	nobody := types.NewJID("491519999999", types.DefaultUserServer)

	info, err := alice.CreateGroup(w.ctx, whatsmeow.ReqCreateGroup{
		Name:           "Rowing",
		Participants:   []types.JID{bobUser.PN(), carol.LID(), nobody},
		GroupLocked:    types.GroupLocked{IsLocked: true},
		GroupEphemeral: types.GroupEphemeral{IsEphemeral: true, DisappearingTimer: 86400},
		MemberAddMode:  types.GroupMemberAddModeAdmin,
	})
	must(t, err)
	g := w.FindGroup(info.JID)
	if g == nil {
		t.Fatalf("no group %s", info.JID)
	}
	wantMembers(t, g, aliceUser, bobUser, carol)
	if !info.IsLocked || info.IsAnnounce || info.DisappearingTimer != 86400 || info.MemberAddMode != types.GroupMemberAddModeAdmin {
		t.Errorf("settings are not those asked for: %+v", info)
	}
	if info.OwnerJID != aliceUser.LID() || info.OwnerPN != aliceUser.PN() || info.AddressingMode != types.AddressingModeLID {
		t.Errorf("owner %s %s in mode %q", info.OwnerJID, info.OwnerPN, info.AddressingMode)
	}
	want := []types.GroupParticipant{
		{JID: aliceUser.LID(), LID: aliceUser.LID(), PhoneNumber: aliceUser.PN(), IsAdmin: true, IsSuperAdmin: true},
		{JID: bobUser.LID(), LID: bobUser.LID(), PhoneNumber: bobUser.PN()},
		{JID: carol.LID(), LID: carol.LID(), PhoneNumber: carol.PN()},
		{JID: nobody, PhoneNumber: nobody, Error: 404},
	}
	if diff := cmp.Diff(want, info.Participants); diff != "" {
		t.Errorf("participants (-want +got):\n%s", diff)
	}
	for _, c := range []*companion.Client{alice, bob} {
		e := await(w, c, joined(info.JID))
		if e.Name != "Rowing" || e.Type != "new" || e.Sender == nil || *e.Sender != aliceUser.LID() || len(e.Participants) != 3 {
			t.Errorf("joined event %+v", e)
		}
	}
	_, err = alice.CreateGroup(w.ctx, whatsmeow.ReqCreateGroup{Name: string(make([]byte, 101))})
	if !errors.Is(err, whatsmeow.ErrIQNotAcceptable) {
		t.Errorf("a name of 101 characters: %v", err)
	}
}

func TestGroupInfo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	g := w.Group("Rowing", bob, aliceUser)
	must(t, g.SetDescription(bob, "Every Sunday"))
	other := w.Group("Others", bob)

	info, err := alice.GetGroupInfo(w.ctx, g.JID())
	must(t, err)
	if info.Name != "Rowing" || info.Topic != "Every Sunday" || info.TopicSetBy != bob.LID() || info.NameSetBy != bob.LID() {
		t.Errorf("info %+v", info)
	}
	if info.ParticipantCount != 2 || len(info.Participants) != 2 || !info.Participants[0].IsSuperAdmin {
		t.Errorf("participants %+v", info.Participants)
	}
	list, err := alice.GetJoinedGroups(w.ctx)
	must(t, err)
	if len(list) != 1 || cmp.Diff(info, list[0]) != "" {
		t.Errorf("joined groups %+v, want only %+v", list, info)
	}
	if _, err := alice.GetGroupInfo(w.ctx, other.JID()); !errors.Is(err, whatsmeow.ErrNotInGroup) {
		t.Errorf("info of a group of others: %v", err)
	}
	if _, err := alice.GetGroupInfo(w.ctx, types.NewJID("120363000000000000", types.GroupServer)); !errors.Is(err, whatsmeow.ErrGroupNotFound) {
		t.Errorf("info of no group: %v", err)
	}
	if got := w.Groups(); !slices.Equal(got, []*simulator.Group{g, other}) {
		t.Errorf("groups %v", got)
	}
}

func TestGroupParticipants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	carol, carolUser := w.pair("491510000003", "Carol")
	g := w.Group("Rowing", aliceUser, bobUser)
	jid := g.JID()
	await(w, bob, joined(jid))

	change := func(action whatsmeow.ParticipantChange, who ...types.JID) []int {
		t.Helper()
		list, err := alice.UpdateGroupParticipants(w.ctx, jid, who, action)
		must(t, err)
		var codes []int
		for _, p := range list {
			codes = append(codes, p.Error)
		}
		return codes
	}
	version := ""
	follows := func(e *events.GroupInfo) {
		t.Helper()
		if version != "" && e.PrevParticipantVersionID != version {
			t.Errorf("version %s follows %s, want %s", e.ParticipantVersionID, e.PrevParticipantVersionID, version)
		}
		version = e.ParticipantVersionID
		if e.Sender == nil || *e.Sender != aliceUser.LID() {
			t.Errorf("sender %v", e.Sender)
		}
	}

	nobody := types.NewJID("491519999999", types.DefaultUserServer)
	if got := change(whatsmeow.ParticipantChangeAdd, carolUser.PN(), bobUser.LID(), nobody); !slices.Equal(got, []int{0, 409, 404}) {
		t.Errorf("add: codes %v", got)
	}
	e := await(w, bob, inGroup(jid, func(e *events.GroupInfo) bool { return len(e.Join) > 0 }))
	if !slices.Equal(e.Join, lids(carolUser)) {
		t.Errorf("join %v", e.Join)
	}
	follows(e)
	if e := await(w, carol, joined(jid)); e.Name != "Rowing" || len(e.Participants) != 3 {
		t.Errorf("joined %+v", e)
	}
	if got := change(whatsmeow.ParticipantChangePromote, carolUser.LID(), nobody); !slices.Equal(got, []int{0, 404}) {
		t.Errorf("promote: codes %v", got)
	}
	e = await(w, bob, inGroup(jid, func(e *events.GroupInfo) bool { return slices.Equal(e.Promote, lids(carolUser)) }))
	follows(e)
	if got := lids(g.Admins()...); !slices.Equal(got, lids(aliceUser, carolUser)) {
		t.Errorf("admins %v", got)
	}
	change(whatsmeow.ParticipantChangeDemote, carolUser.PN())
	follows(await(w, bob, inGroup(jid, func(e *events.GroupInfo) bool { return slices.Equal(e.Demote, lids(carolUser)) })))
	if got := change(whatsmeow.ParticipantChangeRemove, carolUser.PN(), nobody); !slices.Equal(got, []int{0, 404}) {
		t.Errorf("remove: codes %v", got)
	}
	left := func(e *events.GroupInfo) bool { return slices.Equal(e.Leave, lids(carolUser)) }
	follows(await(w, bob, inGroup(jid, left)))
	await(w, carol, inGroup(jid, left))
	await(w, alice, inGroup(jid, left))
	wantMembers(t, g, aliceUser, bobUser)
	if _, err := bob.UpdateGroupParticipants(w.ctx, jid, lids(aliceUser), whatsmeow.ParticipantChangeRemove); !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
		t.Errorf("remove by a plain member: %v", err)
	}
	if _, err := carol.UpdateGroupParticipants(w.ctx, jid, lids(carolUser), whatsmeow.ParticipantChangeAdd); !errors.Is(err, whatsmeow.ErrIQForbidden) {
		t.Errorf("add by an outsider: %v", err)
	}
	must(t, g.Promote(aliceUser, bobUser))
	if _, err := bob.UpdateGroupParticipants(w.ctx, jid, lids(carolUser), whatsmeow.ParticipantChangeAdd); err != nil {
		t.Errorf("add by a new admin: %v", err)
	}
}

func TestLeaveGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	g := w.Group("Rowing", aliceUser, bobUser)
	must(t, alice.LeaveGroup(w.ctx, g.JID()))
	e := await(w, bob, inGroup(g.JID(), func(e *events.GroupInfo) bool { return len(e.Leave) > 0 }))
	if !slices.Equal(e.Leave, lids(aliceUser)) || e.Sender == nil || *e.Sender != aliceUser.LID() {
		t.Errorf("leave %+v", e)
	}
	await(w, bob, inGroup(g.JID(), func(e *events.GroupInfo) bool { return slices.Equal(e.Promote, lids(bobUser)) }))
	if err := alice.LeaveGroup(w.ctx, g.JID()); !errors.Is(err, whatsmeow.ErrIQForbidden) {
		t.Errorf("leave again: %v", err)
	}
	if _, err := alice.GetGroupInfo(w.ctx, g.JID()); !errors.Is(err, whatsmeow.ErrNotInGroup) {
		t.Errorf("info after leaving: %v", err)
	}
	must(t, g.Add(bobUser, aliceUser)) // once they may come back
	must(t, g.Leave(aliceUser))
	if err := g.Add(bobUser, aliceUser); groupCode(err) != 408 {
		t.Errorf("add after leaving twice: %v", err)
	}
}

func TestGroupSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	g := w.Group("Rowing", aliceUser, bobUser)
	jid := g.JID()
	hears := func(what string, pass func(*events.GroupInfo) bool) *events.GroupInfo {
		t.Helper()
		e, err := companion.Await(w.ctx, bob, inGroup(jid, pass))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return e
	}

	must(t, alice.SetGroupName(w.ctx, jid, "Sailing"))
	if e := hears("name", func(e *events.GroupInfo) bool { return e.Name != nil }); e.Name.Name != "Sailing" || e.Name.NameSetBy != aliceUser.LID() || g.Subject() != "Sailing" {
		t.Errorf("name %+v", e.Name)
	}
	must(t, alice.SetGroupTopic(w.ctx, jid, "", "", "Every Sunday"))
	if e := hears("topic", func(e *events.GroupInfo) bool { return e.Topic != nil }); e.Topic.Topic != "Every Sunday" || e.Topic.TopicID == "" || g.Description() != "Every Sunday" {
		t.Errorf("topic %+v", e.Topic)
	}
	if err := alice.SetGroupTopic(w.ctx, jid, "stale", "", "Never"); err == nil {
		t.Error("a description that replaces another than the current one is taken")
	}
	must(t, alice.SetGroupTopic(w.ctx, jid, "", "", ""))
	if e := hears("no topic", func(e *events.GroupInfo) bool { return e.Topic != nil }); !e.Topic.TopicDeleted || g.Description() != "" {
		t.Errorf("topic %+v", e.Topic)
	}
	for _, on := range []bool{true, false} {
		must(t, alice.SetGroupLocked(w.ctx, jid, on))
		hears("locked", func(e *events.GroupInfo) bool { return e.Locked != nil && e.Locked.IsLocked == on })
		must(t, alice.SetGroupAnnounce(w.ctx, jid, on))
		hears("announce", func(e *events.GroupInfo) bool { return e.Announce != nil && e.Announce.IsAnnounce == on })
		if g.Locked() != on || g.Announce() != on {
			t.Errorf("locked %t, announce %t, want %t", g.Locked(), g.Announce(), on)
		}
	}
	must(t, alice.SetDisappearingTimer(w.ctx, jid, 7*24*time.Hour, time.Time{}))
	hears("timer", func(e *events.GroupInfo) bool { return e.Ephemeral != nil && e.Ephemeral.DisappearingTimer == 604800 })
	must(t, alice.SetDisappearingTimer(w.ctx, jid, 0, time.Time{}))
	hears("no timer", func(e *events.GroupInfo) bool { return e.Ephemeral != nil && !e.Ephemeral.IsEphemeral })
	if err := alice.SetDisappearingTimer(w.ctx, jid, time.Hour, time.Time{}); !errors.Is(err, whatsmeow.ErrInvalidDisappearingTimer) {
		t.Errorf("a timer of an hour: %v", err)
	}
	must(t, alice.SetGroupMemberAddMode(w.ctx, jid, types.GroupMemberAddModeAdmin))
	hears("add mode", func(e *events.GroupInfo) bool {
		return len(e.UnknownChanges) == 1 && e.UnknownChanges[0].Tag == "member_add_mode"
	})
	info, err := bob.GetGroupInfo(w.ctx, jid)
	must(t, err)
	if info.MemberAddMode != types.GroupMemberAddModeAdmin || info.IsLocked || info.IsAnnounce || info.IsEphemeral || info.IsJoinApprovalRequired {
		t.Errorf("info %+v", info)
	}
}

func TestGroupPicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	g := w.Group("Rowing", aliceUser, bobUser)
	jpeg := append([]byte{0xff, 0xd8, 0xff, 0xe0}, "a boat"...)

	id, err := alice.SetGroupPhoto(w.ctx, g.JID(), jpeg)
	must(t, err)
	e := await(w, bob, func(e *events.Picture) bool { return e.JID == g.JID() })
	if e.PictureID != id || e.Author != aliceUser.LID() || g.PictureID() != id {
		t.Errorf("picture %+v, want id %s", e, id)
	}
	info, err := bob.GetProfilePictureInfo(w.ctx, g.JID(), &whatsmeow.GetProfilePictureParams{})
	must(t, err)
	if info.ID != id || info.URL == "" {
		t.Errorf("picture info %+v", info)
	}
	if _, err := alice.SetGroupPhoto(w.ctx, g.JID(), []byte("GIF89a")); !errors.Is(err, whatsmeow.ErrInvalidImageFormat) {
		t.Errorf("a GIF: %v", err)
	}
	must(t, g.SetLocked(aliceUser, true))
	if _, err := bob.SetGroupPhoto(w.ctx, g.JID(), jpeg); !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
		t.Errorf("photo by a plain member of a locked group: %v", err)
	}
	_, err = alice.SetGroupPhoto(w.ctx, g.JID(), nil)
	must(t, err)
	await(w, bob, func(e *events.Picture) bool { return e.JID == g.JID() && e.Remove })
	if _, err := bob.GetProfilePictureInfo(w.ctx, g.JID(), nil); !errors.Is(err, whatsmeow.ErrProfilePictureNotSet) {
		t.Errorf("no picture: %v", err)
	}
}

func TestGroupRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	g := w.Group("Rowing", bob, aliceUser)
	jid := g.JID()
	for what, do := range map[string]func() error{
		"announce":    func() error { return alice.SetGroupAnnounce(w.ctx, jid, true) },
		"lock":        func() error { return alice.SetGroupLocked(w.ctx, jid, true) },
		"approval":    func() error { return alice.SetGroupJoinApprovalMode(w.ctx, jid, true) },
		"add mode":    func() error { return alice.SetGroupMemberAddMode(w.ctx, jid, types.GroupMemberAddModeAdmin) },
		"invite link": func() error { _, err := alice.GetGroupInviteLink(w.ctx, jid, true); return errors.Unwrap(err) },
		"requests":    func() error { _, err := alice.GetGroupRequestParticipants(w.ctx, jid); return err },
		"promote": func() error {
			_, err := alice.UpdateGroupParticipants(w.ctx, jid, lids(aliceUser), whatsmeow.ParticipantChangePromote)
			return err
		},
	} {
		if err := do(); !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
			t.Errorf("%s by a plain member: %v", what, err)
		}
	}
	must(t, alice.SetGroupName(w.ctx, jid, "Sailing"))
	must(t, g.SetLocked(bob, true))
	if err := alice.SetGroupName(w.ctx, jid, "Diving"); !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
		t.Errorf("name of a locked group by a plain member: %v", err)
	}
	must(t, g.SetAdminAdd(bob, true))
	if err := g.Add(aliceUser, carol); groupCode(err) != 401 {
		t.Errorf("add by a plain member: %v", err)
	}
	if err := g.SetSubject(carol, "Diving"); groupCode(err) != 403 {
		t.Errorf("subject by an outsider: %v", err)
	}
	if err := g.Demote(bob, bob); groupCode(err) != 406 {
		t.Errorf("demote the creator: %v", err)
	}
}
