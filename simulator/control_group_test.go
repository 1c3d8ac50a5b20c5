package simulator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
)

type groupAnswer struct {
	JID          types.JID
	Subject      string
	Creator      string
	Participants []struct{ Number, Role string }
}

func (g groupAnswer) roles() map[string]string {
	out := map[string]string{}
	for _, p := range g.Participants {
		out[p.Number] = p.Role
	}
	return out
}

func TestControlGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const alice, bob, carol = "491510000001", "491510000002", "491510000003"
	c, _ := w.pair(alice, "Alice")
	w.phone(bob, "Bob")
	w.phone(carol, "Carol")
	var made struct{ JID types.JID }
	w.ask(201, &made, "POST", "/simulator/groups", `{"subject":"Friends","creator":"`+bob+`","members":["+`+alice+`","`+alice+`"]}`)
	joined := await[*events.JoinedGroup](w, c)
	if joined.JID != made.JID || joined.Name != "Friends" {
		t.Errorf("the client joins %s %q, want %s", joined.JID, joined.Name, made.JID)
	}
	in := w.said(c, `{"to":"`+made.JID.String()+`","text":"hello all"}`)
	if in.Info.Chat != made.JID || in.Info.Sender.ToNonAD() != w.Lookup(bob).LID() {
		t.Errorf("message to the group arrives as %+v", in.Info)
	}

	participants := "/simulator/groups/" + made.JID.String() + "/participants"
	var g groupAnswer
	for _, step := range []struct {
		body string
		want map[string]string
	}{
		{`{"action":"add","by":"` + bob + `","numbers":["` + carol + `"]}`, map[string]string{bob: "superadmin", alice: "", carol: ""}},
		{`{"action":"promote","by":"` + bob + `","numbers":["` + alice + `"]}`, map[string]string{bob: "superadmin", alice: "admin", carol: ""}},
		{`{"action":"demote","by":"` + bob + `","numbers":["` + alice + `"]}`, map[string]string{bob: "superadmin", alice: "", carol: ""}},
		{`{"action":"remove","by":"` + bob + `","numbers":["` + carol + `"]}`, map[string]string{bob: "superadmin", alice: ""}},
	} {
		w.ask(200, &g, "POST", participants, step.body)
		if diff := cmp.Diff(step.want, g.roles()); diff != "" {
			t.Errorf("%s: %s", step.body, diff)
		}
		g = groupAnswer{}
		await[*events.GroupInfo](w, c)
	}
	var all []groupAnswer
	w.ask(200, &all, "GET", "/simulator/groups", "")
	if len(all) != 1 || all[0].JID != made.JID || all[0].Subject != "Friends" || all[0].Creator != bob {
		t.Errorf("groups %+v", all)
	}

	w.ask(409, nil, "POST", participants, `{"action":"add","by":"`+alice+`","numbers":["`+bob+`"]}`)
	w.ask(409, nil, "POST", participants, `{"action":"remove","by":"`+carol+`","numbers":["`+alice+`"]}`)
	w.ask(404, nil, "POST", participants, `{"action":"add","by":"`+bob+`","numbers":["491510000009"]}`)
	w.ask(400, nil, "POST", participants, `{"action":"eat","by":"`+bob+`","numbers":["`+carol+`"]}`)
	w.ask(400, nil, "POST", participants, `{"action":"add","by":"`+bob+`"}`)
}

func TestControlStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, _ := w.pair("491510000001", "Alice")
	bob := w.phone("491510000002", "Bob")
	update := w.said(c, `{"to":"status@broadcast","text":"at the sea"}`)
	if update.Info.Chat != types.StatusBroadcastJID || update.Info.Sender.ToNonAD() != bob.LID() {
		t.Errorf("status arrives as %+v", update.Info)
	}
}
