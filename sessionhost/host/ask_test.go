package host_test

import (
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/group"
	"roost/simulator"
	"roost/simulator/appstate"
	"roost/simulator/content"
)

// jpeg is as much of a picture as the simulator looks at.
var jpeg = []byte{0xff, 0xd8, 0xff, 0xe0, 1, 2, 3}

// people makes contacts.
func (w *world) people(numbers ...string) []*simulator.User {
	w.t.Helper()
	out := make([]*simulator.User, len(numbers))
	for n, number := range numbers {
		var err error
		out[n], err = w.Contact(number, "Contact "+number)
		must(w.t, err)
	}
	return out
}

// TestGroups goes through the life of a group that the account makes, as its
// members see it.
func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("grouper")
	alice := w.link(i, "491510000001")
	others := w.people("491510000002", "491510000003", "491510000004")
	bob, carl, dora := others[0], others[1], others[2]

	var made group.Group
	w.do(i, command.CreateGroup, command.CreateGroupArgs{
		Subject: "Choir", Description: "we sing", People: []string{bob.PN().String(), carl.PN().String()}, Promote: true,
	}, &made)
	jid, err := types.ParseJID(made.ID)
	must(t, err)
	g := w.FindGroup(jid)
	if g == nil || g.Subject() != "Choir" || g.Description() != "we sing" || len(g.Admins()) != 3 {
		t.Fatalf("made %+v", made)
	}
	if made.Subject != "Choir" || made.Description != "we sing" || made.Owner.PN != alice.PN().String() || made.Owner.LID != alice.LID().String() || made.Size != 3 {
		t.Errorf("told %+v", made)
	}
	for _, m := range made.Members {
		if m.Address.PN == "" || m.Address.LID == "" || m.Rank == "" {
			t.Errorf("member %+v", m)
		}
	}

	yes, no, day, subject, text := true, false, 86400, "Band", ""
	w.do(i, command.ChangeGroup, command.ChangeGroupArgs{Group: made.ID, Settings: group.Settings{
		Subject: &subject, Description: &text, Announce: &yes, Locked: &yes, Ephemeral: &day, MembersAdd: &no,
	}}, nil)
	if g.Subject() != "Band" || g.Description() != "" || !g.Announce() || !g.Locked() || g.Ephemeral() != 24*time.Hour {
		t.Errorf("the group is %q %q %v %v %v", g.Subject(), g.Description(), g.Announce(), g.Locked(), g.Ephemeral())
	}
	w.do(i, command.SetPicture, command.SetPictureArgs{Group: made.ID, JPEG: jpeg}, nil)
	var shown group.Group
	w.do(i, command.ShowGroup, command.GroupArgs{Group: made.ID, Picture: true}, &shown)
	if shown.Subject != "Band" || !shown.Announce || !shown.Locked || shown.Ephemeral != day || shown.MembersAdd || shown.Picture == "" {
		t.Errorf("shown %+v", shown)
	}

	var moved command.Moved
	w.do(i, command.MoveMembers, command.MoveMembersArgs{Group: made.ID, Action: group.Add, People: []string{dora.PN().String(), bob.PN().String()}}, &moved)
	if len(moved.Members) != 2 || moved.Members[0].Status != 200 || moved.Members[0].Address.PN != dora.PN().String() || moved.Members[1].Status != 409 {
		t.Errorf("added %+v", moved)
	}
	w.do(i, command.MoveMembers, command.MoveMembersArgs{Group: made.ID, Action: group.Demote, People: []string{carl.PN().String()}}, nil)
	w.do(i, command.MoveMembers, command.MoveMembersArgs{Group: made.ID, Action: group.Remove, People: []string{bob.PN().String()}}, nil)
	if len(g.Members()) != 3 || len(g.Admins()) != 1 {
		t.Errorf("members %d, admins %d", len(g.Members()), len(g.Admins()))
	}

	var first, second command.InviteCode
	w.do(i, command.ShowInvite, command.InviteArgs{Group: made.ID}, &first)
	w.do(i, command.ShowInvite, command.InviteArgs{Group: made.ID, Revoke: true}, &second)
	if first.Code == "" || first == second || g.InviteLink() != "https://chat.whatsapp.com/"+second.Code {
		t.Errorf("codes %v %v, the group's %s", first, second, g.InviteLink())
	}
	if err := w.try(i, command.JoinGroup, first, nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an old code: %v", err)
	}
	elsewhere := w.Group("Elsewhere", bob, carl)
	code := command.InviteCode{Code: elsewhere.InviteLink()[len("https://chat.whatsapp.com/"):]}
	var there group.Group
	w.do(i, command.ReadInvite, code, &there)
	var joined command.JoinedGroup
	w.do(i, command.JoinGroup, code, &joined)
	if there.Subject != "Elsewhere" || joined.Group != elsewhere.JID().String() || len(elsewhere.Members()) != 3 {
		t.Errorf("joined %v, which is %+v", joined, there)
	}
	if err := w.try(i, command.MoveMembers, command.MoveMembersArgs{Group: joined.Group, Action: group.Remove, People: []string{bob.PN().String()}}, nil); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("removing without being an admin: %v", err)
	}
	var all command.Groups
	w.do(i, command.ListGroups, command.ListGroupsArgs{Members: true, Pictures: true}, &all)
	if len(all.Groups) != 2 {
		t.Errorf("groups %+v", all)
	}
	w.do(i, command.LeaveGroup, command.GroupArgs{Group: made.ID}, nil)
	if err := w.try(i, command.ShowGroup, command.GroupArgs{Group: made.ID}, nil); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("after leaving: %v", err)
	}
	if err := w.try(i, command.ShowGroup, command.GroupArgs{Group: "1@g.us"}, nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no group: %v", err)
	}
	if err := w.try(i, command.ShowGroup, command.GroupArgs{Group: bob.PN().String()}, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a person: %v", err)
	}
}

// TestProfile asks what others say of themselves and changes what the account
// says.
func TestProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("profile")
	alice := w.link(i, "491510000001")
	bob := w.people("491510000002")[0]
	bob.SetPicture(jpeg)
	bob.SetAbout("busy")
	bob.SetBusinessProfile(&simulator.Business{
		Name: "Bob's", Description: "we sell", Address: "Street 1", Email: "b@example.org", Website: "https://example.org", Category: "Shop",
		TimeZone: "Europe/Berlin", Hours: []simulator.BusinessHours{{Day: "mon", Mode: "specific_hours", Open: 540, Close: 1080}},
	})
	var p command.Profile
	w.do(i, command.ShowProfile, command.PersonArgs{JID: bob.PN().String()}, &p)
	b := p.Business
	if p.About != "busy" || p.Picture.URL == "" || b == nil || b.Description != "we sell" || b.Address != "Street 1" ||
		b.Email != "b@example.org" || b.Category != "Shop" || len(b.Websites) != 1 || b.TimeZone != "Europe/Berlin" || len(b.Hours) != 1 || b.Hours[0].Open != "540" {
		t.Errorf("profile %+v, business %+v", p, b)
	}
	must(t, bob.SetPrivacy("profile", "none"))
	var picture command.Picture
	w.do(i, command.ShowPicture, command.PersonArgs{JID: bob.PN().String()}, &picture)
	if picture != (command.Picture{}) {
		t.Errorf("a hidden picture %+v", picture)
	}

	name, about := "Alice B.", "at work"
	w.do(i, command.SetProfile, command.SetProfileArgs{Name: &name, About: &about}, nil)
	w.do(i, command.SetPicture, command.SetPictureArgs{JPEG: jpeg}, nil)
	_, err := alice.AwaitMutation(w.ctx, func(m appstate.Mutation) bool { return m.Action.GetPushNameSetting().GetName() == name })
	must(t, err)
	if alice.About() != about || alice.PictureID() == "" {
		t.Errorf("about %q, picture %q", alice.About(), alice.PictureID())
	}
	w.do(i, command.SetPicture, command.SetPictureArgs{}, nil)
	if alice.PictureID() != "" {
		t.Error("the picture is still there")
	}
	if err := w.try(i, command.SetPicture, command.SetPictureArgs{JPEG: []byte("GIF")}, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no JPEG: %v", err)
	}

	var privacy command.Privacy
	w.do(i, command.SetPrivacy, command.Privacy{Settings: map[string]string{"last": "none", "readreceipts": "all"}}, &privacy)
	if alice.Privacy()["last"] != "none" || privacy.Settings["last"] != "none" || privacy.Settings["groupadd"] != "all" {
		t.Errorf("privacy %v", privacy)
	}
	if err := w.try(i, command.SetPrivacy, command.Privacy{Settings: map[string]string{"nothing": "all"}}, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown setting: %v", err)
	}

	w.do(i, command.Block, command.BlockArgs{Person: bob.PN().String(), Block: true}, nil)
	if blocked := alice.Blocked(); len(blocked) != 1 || blocked[0] != bob.PN().User {
		t.Errorf("blocked %v", blocked)
	}
	w.do(i, command.Block, command.BlockArgs{Person: bob.PN().String()}, nil)
	if len(alice.Blocked()) != 0 {
		t.Errorf("blocked %v", alice.Blocked())
	}
}

// TestFlags sets what all devices of an account keep equal.
func TestFlags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("flags")
	alice := w.link(i, "491510000001")
	bob := w.people("491510000002")[0]
	must(t, alice.SetLabel("3", "Important", 2))
	id, err := bob.Send(alice.PN(), content.Text("hello"))
	must(t, err)
	m := w.said(w.next(event.MessageReceived))
	yes, no := true, false
	last := command.LastMessage{ID: id, At: m.Timestamp}
	chat := func() simulator.ChatSettings { return alice.Settings().Chats[bob.LID()] }
	w.do(i, command.MarkChat, command.MarkChatArgs{Chat: bob.PN().String(), Archived: &yes, Unread: &yes, Last: last}, nil)
	w.do(i, command.LabelChat, command.LabelChatArgs{Chat: bob.PN().String(), Label: "3", On: true}, nil)
	if c := chat(); !c.Archived || !c.Unread || len(c.Labels) != 1 {
		t.Errorf("the phone shows %+v", c)
	}
	w.do(i, command.MarkChat, command.MarkChatArgs{Chat: bob.PN().String(), Archived: &no, Unread: &no}, nil)
	w.do(i, command.LabelChat, command.LabelChatArgs{Chat: bob.PN().String(), Label: "3"}, nil)
	if c := chat(); c.Archived || c.Unread || len(c.Labels) != 0 {
		t.Errorf("the phone shows %+v", c)
	}
}
