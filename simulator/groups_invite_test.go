package simulator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
)

func TestGroupInviteLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	g := w.Group("Rowing", aliceUser)

	link, err := alice.GetGroupInviteLink(w.ctx, g.JID(), false)
	must(t, err)
	if link != g.InviteLink() || len(strings.TrimPrefix(link, whatsmeow.InviteLinkPrefix)) != 22 {
		t.Errorf("link %s, the group says %s", link, g.InviteLink())
	}
	if _, err := bob.GetGroupInviteLink(w.ctx, g.JID(), false); !errors.Is(err, whatsmeow.ErrNotInGroup) {
		t.Errorf("link for an outsider: %v", err)
	}
	fresh, err := alice.GetGroupInviteLink(w.ctx, g.JID(), true)
	must(t, err)
	e := await(w, alice, inGroup(g.JID(), func(e *events.GroupInfo) bool { return e.NewInviteLink != nil }))
	if *e.NewInviteLink != fresh || fresh == link {
		t.Errorf("new link %s after %s, told %s", fresh, link, *e.NewInviteLink)
	}
	for code, want := range map[string]error{link: whatsmeow.ErrInviteLinkRevoked, "nonsense": whatsmeow.ErrInviteLinkInvalid} {
		if _, err := bob.GetGroupInfoFromLink(w.ctx, code); !errors.Is(err, want) {
			t.Errorf("info by %s: %v, want %v", code, err, want)
		}
		if _, err := bob.JoinGroupWithLink(w.ctx, code); !errors.Is(err, want) {
			t.Errorf("join by %s: %v, want %v", code, err, want)
		}
	}
	info, err := bob.GetGroupInfoFromLink(w.ctx, fresh)
	must(t, err)
	if info.JID != g.JID() || info.Name != "Rowing" || info.ParticipantCount != 1 || len(info.Participants) != 0 {
		t.Errorf("info by link %+v", info)
	}
	jid, err := bob.JoinGroupWithLink(w.ctx, fresh)
	must(t, err)
	if jid != g.JID() {
		t.Errorf("joined %s", jid)
	}
	if e := await(w, bob, joined(jid)); e.Reason != "invite" || len(e.Participants) != 2 {
		t.Errorf("joined %+v", e)
	}
	if e := await(w, alice, inGroup(jid, func(e *events.GroupInfo) bool { return slices.Equal(e.Join, lids(bobUser)) })); e.JoinReason != "invite" {
		t.Errorf("join reason %q", e.JoinReason)
	}
	if _, err := bob.JoinGroupWithLink(w.ctx, fresh); err == nil {
		t.Error("joined twice")
	}
}

func TestGroupApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	carol := w.phone("491510000003", "Carol")
	g := w.Group("Rowing", aliceUser)
	jid := g.JID()
	must(t, alice.SetGroupJoinApprovalMode(w.ctx, jid, true))
	await(w, alice, inGroup(jid, func(e *events.GroupInfo) bool { return e.MembershipApprovalMode != nil }))

	got, err := bob.JoinGroupWithLink(w.ctx, g.InviteLink())
	must(t, err)
	if got != jid {
		t.Errorf("request to %s", got)
	}
	requested := func(e *events.GroupInfo) bool {
		return len(e.UnknownChanges) == 1 && e.UnknownChanges[0].Tag == "created_membership_requests"
	}
	if e := await(w, alice, inGroup(jid, requested)); e.Sender == nil || *e.Sender != bobUser.LID() {
		t.Errorf("request by %v", e.Sender)
	}
	must(t, g.Join(carol, g.InviteLink()))
	wantMembers(t, g, aliceUser)
	waiting, err := alice.GetGroupRequestParticipants(w.ctx, jid)
	must(t, err)
	if len(waiting) != 2 || waiting[0].JID != bobUser.LID() || waiting[0].RequestedAt.IsZero() {
		t.Errorf("waiting %+v", waiting)
	}
	decide := func(action whatsmeow.ParticipantRequestChange, who ...types.JID) []types.GroupParticipant {
		t.Helper()
		list, err := alice.UpdateGroupRequestParticipants(w.ctx, jid, who, action)
		must(t, err)
		return list
	}
	if list := decide(whatsmeow.ParticipantChangeReject, carol.LID(), aliceUser.LID()); len(list) != 2 || list[0].Error != 0 || list[1].Error != 404 {
		t.Errorf("rejected %+v", list)
	}
	if list := decide(whatsmeow.ParticipantChangeApprove, bobUser.LID()); len(list) != 1 || list[0].Error != 0 {
		t.Errorf("approved %+v", list)
	}
	await(w, bob, joined(jid))
	wantMembers(t, g, aliceUser, bobUser)
	if n := len(g.Requests()); n != 0 {
		t.Errorf("%d requests are left", n)
	}
	// A plain member cannot let somebody in.
	must(t, g.Add(bobUser, carol))
	wantMembers(t, g, aliceUser, bobUser)
	must(t, g.Approve(aliceUser, carol))
	wantMembers(t, g, aliceUser, bobUser, carol)
}

func TestGroupInvitation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob, bobUser := w.pair("491510000002", "Bob")
	g := w.Group("Rowing", aliceUser)
	must(t, bobUser.SetPrivacy("groupadd", "none"))

	list, err := alice.UpdateGroupParticipants(w.ctx, g.JID(), lids(bobUser), whatsmeow.ParticipantChangeAdd)
	must(t, err)
	if len(list) != 1 || list[0].Error != 403 || list[0].AddRequest == nil {
		t.Fatalf("added %+v, want an add request", list)
	}
	request := list[0].AddRequest
	until := request.Expiration.Unix()
	if d := time.Until(request.Expiration); d < 71*time.Hour || d > 72*time.Hour {
		t.Errorf("the invitation holds for %s", d)
	}
	info, err := bob.GetGroupInfoFromInvite(w.ctx, g.JID(), aliceUser.PN(), request.Code, until)
	must(t, err)
	if info.Name != "Rowing" {
		t.Errorf("info %+v", info)
	}
	if err := bob.JoinGroupWithInvite(w.ctx, g.JID(), aliceUser.PN(), "wrong", until); !errors.Is(err, whatsmeow.ErrIQNotAcceptable) {
		t.Errorf("wrong code: %v", err)
	}
	must(t, bob.JoinGroupWithInvite(w.ctx, g.JID(), aliceUser.PN(), request.Code, until))
	await(w, bob, joined(g.JID()))
	wantMembers(t, g, aliceUser, bobUser)

	m, err := w.Group("Sailing", bobUser).Invite(bobUser, aliceUser)
	must(t, err)
	_, err = bobUser.Send(aliceUser.PN(), m)
	must(t, err)
	e := await(w, alice, func(e *events.Message) bool { return e.Message.GetGroupInviteMessage() != nil })
	invite := e.Message.GetGroupInviteMessage()
	second, err := types.ParseJID(invite.GetGroupJID())
	must(t, err)
	must(t, alice.JoinGroupWithInvite(w.ctx, second, e.Info.Sender.ToNonAD(), invite.GetInviteCode(), invite.GetInviteExpiration()))
	await(w, alice, joined(second))
}

func TestCommunity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice, aliceUser := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	community, err := alice.CreateGroup(w.ctx, whatsmeow.ReqCreateGroup{Name: "Club", GroupParent: types.GroupParent{IsParent: true}})
	must(t, err)
	if !community.IsParent {
		t.Errorf("community %+v", community)
	}
	child, err := alice.CreateGroup(w.ctx, whatsmeow.ReqCreateGroup{
		Name: "Rowing", Participants: []types.JID{bob.PN()},
		GroupLinkedParent: types.GroupLinkedParent{LinkedParentJID: community.JID},
	})
	must(t, err)
	list, err := alice.GetSubGroups(w.ctx, community.JID)
	must(t, err)
	if len(list) != 1 || list[0].JID != child.JID || list[0].Name != "Rowing" {
		t.Errorf("sub groups %+v", list)
	}
	people, err := alice.GetLinkedGroupsParticipants(w.ctx, community.JID)
	must(t, err)
	if !slices.Equal(people, lids(aliceUser, bob)) {
		t.Errorf("participants %v", people)
	}
	must(t, alice.UnlinkGroup(w.ctx, community.JID, child.JID))
	list, err = alice.GetSubGroups(w.ctx, community.JID)
	must(t, err)
	if len(list) != 0 {
		t.Errorf("sub groups after unlinking %+v", list)
	}
	must(t, alice.LinkGroup(w.ctx, community.JID, child.JID))
}

var _ error = (*simulator.GroupError)(nil)
