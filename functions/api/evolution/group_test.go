package evolution_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/functions/api/apitest"
	"roost/shared/command"
	"roost/shared/event"
	groups "roost/shared/group"
	"roost/simulator"
	"roost/simulator/content"
)

// picture is a PNG in base64.
func picture(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

// TestGroups is section 2.6 of the contract, route by route, on a group that
// the account makes.
func TestGroups(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob, carl, dora := w.contact("491510000002", "Bob"), w.contact("491510000003", "Carl"), w.contact("491510000004", "Dora")
	elsewhere := w.Sim.Group("Elsewhere", bob, carl)
	pictures := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		raw, _ := base64.StdEncoding.DecodeString(picture(t))
		_, _ = rw.Write(raw)
	}))
	t.Cleanup(pictures.Close)
	names := map[string]string{
		"code": "", "other": elsewhere.JID().String(), "otherCode": strings.TrimPrefix(elsewhere.InviteLink(), "https://chat.whatsapp.com/"),
		"alice": w.alice.LID().String(), "bob": bob.LID().String(), "carl": carl.LID().String(), "dora": dora.LID().String(),
		"picture": picture(t), "pictureURL": pictures.URL + "/a.png",
	}
	group := func() *simulator.Group {
		jid, err := types.ParseJID(names["id"])
		w.must(err)
		return w.Sim.FindGroup(jid)
	}
	is := func(what string, ok func(*simulator.Group) bool) func() string {
		return func() string {
			if g := group(); g == nil || !ok(g) {
				return "the group is not " + what
			}
			return ""
		}
	}
	const (
		aliceRow = `{"id":"{alice}","phoneNumber":"491510000001@s.whatsapp.net","lid":"{alice}","admin":"superadmin"}`
		bobRow   = `{"id":"{bob}","phoneNumber":"491510000002@s.whatsapp.net","lid":"{bob}","admin":"admin"}`
		carlRow  = `{"id":"{carl}","phoneNumber":"491510000003@s.whatsapp.net","lid":"{carl}","admin":"admin"}`
	)
	w.run(names, []step{
		{
			name: "create", method: "POST", path: "/group/create/a", status: 201, learn: "id",
			body: `{"subject":"Choir","description":"we sing","participants":["491510000002","+49 151 0000003"],"promoteParticipants":true}`,
			want: `{"id":"*@g.us","addressingMode":"lid","subject":"Choir","subjectOwner":"{alice}","subjectOwnerPn":"491510000001@s.whatsapp.net","subjectTime":*,"size":3,"creation":*,` +
				`"owner":"{alice}","ownerPn":"491510000001@s.whatsapp.net","desc":"we sing","descId":"*","restrict":false,"announce":false,` +
				`"isCommunity":false,"isCommunityAnnounce":false,"joinApprovalMode":*,"memberAddMode":true,"participants":[*]}`,
			then: is("made", func(g *simulator.Group) bool { return len(g.Admins()) == 3 && g.Description() == "we sing" }),
		},
		{
			name: "findGroupInfos", method: "GET", path: "/group/findGroupInfos/a?groupJid={id}", status: 200,
			want: `{"id":"{id}","addressingMode":"lid","subject":"Choir","subjectOwner":"{alice}","subjectOwnerPn":"491510000001@s.whatsapp.net","subjectTime":*,"pictureUrl":null,"size":3,"creation":*,` +
				`"owner":"{alice}","ownerPn":"491510000001@s.whatsapp.net","desc":"we sing","descId":"*","restrict":false,"announce":false,"isCommunity":false,"isCommunityAnnounce":false,` +
				`"participants":[` + aliceRow + `,` + bobRow + `,` + carlRow + `]}`,
		},
		{name: "subject", method: "POST", path: "/group/updateGroupSubject/a?groupJid={id}", body: `{"subject":"Band"}`, status: 201, want: `{"update":"success"}`, then: is("renamed", func(g *simulator.Group) bool { return g.Subject() == "Band" })},
		{name: "description", method: "POST", path: "/group/updateGroupDescription/a", body: `{"groupJid":"{id}","description":"loud"}`, status: 201, want: `{"update":"success"}`, then: is("described", func(g *simulator.Group) bool { return g.Description() == "loud" })},
		{name: "picture", method: "POST", path: "/group/updateGroupPicture/a?groupJid={id}", body: `{"image":"{picture}"}`, status: 201, want: `{"update":"success"}`, then: is("shown", func(g *simulator.Group) bool { return g.PictureID() != "" })},
		{name: "picture by URL", method: "POST", path: "/group/updateGroupPicture/a?groupJid={id}", body: `{"image":"{pictureURL}"}`, status: 201, want: `{"update":"success"}`},
		{name: "announcement", method: "POST", path: "/group/updateSetting/a?groupJid={id}", body: `{"action":"announcement"}`, status: 201, want: `{}`, then: is("quiet", (*simulator.Group).Announce)},
		{name: "not_announcement", method: "POST", path: "/group/updateSetting/a?groupJid={id}", body: `{"action":"not_announcement"}`, status: 201, want: `{}`, then: is("open", func(g *simulator.Group) bool { return !g.Announce() })},
		{name: "locked", method: "POST", path: "/group/updateSetting/a?groupJid={id}", body: `{"action":"locked"}`, status: 201, want: `{}`, then: is("locked", (*simulator.Group).Locked)},
		{name: "unlocked", method: "POST", path: "/group/updateSetting/a?groupJid={id}", body: `{"action":"unlocked"}`, status: 201, want: `{}`, then: is("unlocked", func(g *simulator.Group) bool { return !g.Locked() })},
		{name: "ephemeral", method: "POST", path: "/group/toggleEphemeral/a?groupJid={id}", body: `{"expiration":86400}`, status: 201, want: `{"success":true}`, then: is("fleeting", func(g *simulator.Group) bool { return g.Ephemeral() == 24*time.Hour })},
		{name: "not ephemeral", method: "POST", path: "/group/toggleEphemeral/a?groupJid={id}", body: `{"expiration":0}`, status: 201, want: `{"success":true}`, then: is("lasting", func(g *simulator.Group) bool { return g.Ephemeral() == 0 })},
		{name: "admins add", method: "POST", path: "/group/updateMemberAddMode/a?groupJid={id}", body: `{"mode":"admin_add"}`, status: 201, want: `{}`},
		{
			name: "add", method: "POST", path: "/group/updateParticipant/a?groupJid={id}", body: `{"action":"add","participants":["491510000004","491510000002"]}`, status: 201,
			want: `{"updateParticipants":[{"status":"200","jid":"491510000004@s.whatsapp.net","content":{"tag":"participant","attrs":{"jid":"{dora}","phone_number":"491510000004@s.whatsapp.net"}}},` +
				`{"status":"409","jid":"491510000002@s.whatsapp.net","content":{"tag":"participant","attrs":{"error":"409","jid":"{bob}","phone_number":"491510000002@s.whatsapp.net"}}}]}`,
			then: is("larger", func(g *simulator.Group) bool { return len(g.Members()) == 4 }),
		},
		{name: "add nobody", method: "POST", path: "/group/updateParticipant/a?groupJid={id}", body: `{"action":"add","participants":["491519999999"]}`, status: 201, want: `{"updateParticipants":[{"status":"404","jid":"491519999999@s.whatsapp.net",*}]}`},
		{name: "demote", method: "POST", path: "/group/updateParticipant/a?groupJid={id}", body: `{"action":"demote","participants":["491510000003"]}`, status: 201, want: `{"updateParticipants":[{"status":"200",*}]}`, then: is("led by two", func(g *simulator.Group) bool { return len(g.Admins()) == 2 })},
		{name: "promote", method: "POST", path: "/group/updateParticipant/a?groupJid={id}", body: `{"action":"promote","participants":["{carl}"]}`, status: 201, want: `{"updateParticipants":[{"status":"200",*}]}`, then: is("led by three", func(g *simulator.Group) bool { return len(g.Admins()) == 3 })},
		{name: "remove", method: "POST", path: "/group/updateParticipant/a?groupJid={id}", body: `{"action":"remove","participants":["491510000002"]}`, status: 201, want: `{"updateParticipants":[{"status":"200",*}]}`, then: is("smaller", func(g *simulator.Group) bool { return len(g.Members()) == 3 })},
		{name: "participants", method: "GET", path: "/group/participants/a?groupJid={id}", status: 200, want: `{"participants":[` + aliceRow + `,` + carlRow + `,{"id":"{dora}","phoneNumber":"491510000004@s.whatsapp.net","lid":"{dora}","admin":null}]}`},
		{name: "inviteCode", method: "GET", path: "/group/inviteCode/a?groupJid={id}", status: 200, learn: "inviteCode", want: `{"inviteCode":"*","inviteUrl":"https://chat.whatsapp.com/*"}`, then: func() string {
			if group().InviteLink() != "https://chat.whatsapp.com/"+names["inviteCode"] {
				return "another code than the group's"
			}
			return ""
		}},
		{name: "inviteInfo of one's own", method: "GET", path: "/group/inviteInfo/a?inviteCode=https://chat.whatsapp.com/{inviteCode}", status: 200, want: `{"id":"{id}",*"subject":"Band","subjectOwner":"{alice}",*"subjectTime":*,"size":3,"creation":*,"owner":"{alice}",*"desc":"loud","descId":"*","restrict":false,"announce":false,"isCommunity":false,"isCommunityAnnounce":false,"joinApprovalMode":false,"memberAddMode":false,"participants":[]}`},
		{name: "all add", method: "POST", path: "/group/updateMemberAddMode/a?groupJid={id}", body: `{"mode":"all_member_add"}`, status: 201, want: `{}`},
		{name: "inviteInfo when all add", method: "GET", path: "/group/inviteInfo/a?inviteCode={inviteCode}", status: 200, want: `{*"memberAddMode":true,*}`},
		{name: "inviteInfo", method: "GET", path: "/group/inviteInfo/a?inviteCode={otherCode}", status: 200, want: `{"id":"{other}",*"subject":"Elsewhere",*"size":2,*}`},
		{name: "acceptInviteCode", method: "GET", path: "/group/acceptInviteCode/a?inviteCode={otherCode}", status: 200, want: `{"accepted":true,"groupJid":"{other}"}`, then: func() string {
			if len(elsewhere.Members()) != 3 {
				return "not joined"
			}
			return ""
		}},
		{name: "fetchAllGroups", method: "GET", path: "/group/fetchAllGroups/a?getParticipants=false", status: 200, want: `[{"id":"*@g.us",*},{"id":"*@g.us",*}]`},
		{name: "fetchAllGroups with participants", method: "GET", path: "/group/fetchAllGroups/a?getParticipants=true", status: 200, want: `[{*"participants":[*]},{*"participants":[*]}]`},
		{name: "sendInvite", method: "POST", path: "/group/sendInvite/a", body: `{"groupJid":"{id}","description":"come","numbers":["491510000002"]}`, status: 200, want: `{"inviteUrl":"https://chat.whatsapp.com/{inviteCode}","send":true}`, then: func() string {
			if _, err := bob.Await(w.ctx, func(e content.Entry) bool { return e.Text == "come\n\nhttps://chat.whatsapp.com/"+names["inviteCode"] }); err != nil {
				return "nothing came"
			}
			return ""
		}},
		{name: "revokeInviteCode", method: "POST", path: "/group/revokeInviteCode/a?groupJid={id}", status: 201, want: `{"inviteCode":"*","revoked":true}`, then: func() string {
			if group().InviteLink() == "https://chat.whatsapp.com/"+names["inviteCode"] {
				return "the code is the old one"
			}
			return ""
		}},
		{name: "whatsappNumbers", method: "POST", path: "/chat/whatsappNumbers/a", body: `{"numbers":["491510000002","{id}","120363000000000000@g.us"]}`, status: 200, want: `[{"jid":"{id}","exists":true,"number":"{id}","name":"Band"},{"jid":"120363000000000000@g.us","exists":false,"number":"120363000000000000@g.us"},{"jid":"491510000002@s.whatsapp.net","exists":true,*}]`},
		{name: "an old code", method: "GET", path: "/group/acceptInviteCode/a?inviteCode={inviteCode}", status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["Accept invite error","Error: the invite code leads nowhere"]}}`},
		{name: "no code", method: "GET", path: "/group/inviteInfo/a?inviteCode=aaaaaaaaaaaaaaaaaaaaaa", status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["No invite info",*]}}`},
		{name: "no admin", method: "POST", path: "/group/updateParticipant/a?groupJid={other}", body: `{"action":"remove","participants":["491510000002"]}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":["Error updating participants","Error: the account is no admin"]}}`},
		{name: "no admin sees a code", method: "GET", path: "/group/inviteCode/a?groupJid={other}", status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["No invite code",*]}}`},
		{name: "no admin revokes", method: "POST", path: "/group/revokeInviteCode/a?groupJid={other}", status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["Revoke error",*]}}`},
		{name: "no admin invites", method: "POST", path: "/group/sendInvite/a?groupJid={other}", body: `{"description":"x","numbers":["491510000002"]}`, status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["No send invite",*]}}`},
		{name: "no admin sets", method: "POST", path: "/group/updateSetting/a?groupJid={other}", body: `{"action":"locked"}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":["Error updating setting",*]}}`},
		{name: "no picture", method: "POST", path: "/group/updateGroupPicture/a?groupJid={id}", body: `{"image":"!"}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error updating group picture","Error: the picture must be a url or base64"]}}`},
		{name: "another picture", method: "POST", path: "/group/updateGroupPicture/a?groupJid={id}", body: `{"image":"aGVsbG8gd29ybGQ="}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error updating group picture","Error: the picture is no JPEG, PNG, GIF or WebP"]}}`},
		{name: "leaveGroup", method: "DELETE", path: "/group/leaveGroup/a?groupJid={id}", status: 200, want: `{"groupJid":"{id}","leave":true}`, then: is("left", func(g *simulator.Group) bool { return len(g.Members()) == 2 })},
		{name: "of a group that was left", method: "GET", path: "/group/findGroupInfos/a?groupJid={id}", status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["Error fetching group","Error: *"]}}`},
		{name: "participants of no group", method: "GET", path: "/group/participants/a?groupJid=1203630000", status: 404, want: `{"status":404,"error":"Not Found","response":{"message":["No participants",*]}}`},
		{name: "subject of no group", method: "POST", path: "/group/updateGroupSubject/a?groupJid=1203630000", body: `{"subject":"x"}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error updating group subject",*]}}`},
		{name: "description of no group", method: "POST", path: "/group/updateGroupDescription/a?groupJid=1203630000", body: `{"description":"x"}`, status: 500, want: `{"status":500,"error":"Internal Server Error","response":{"message":["Error updating group description",*]}}`},
	})
}

// TestGroupRefusals are what a group's routes refuse before anything is asked of
// WhatsApp.
func TestGroupRefusals(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "X", "token")
	bad := func(message string) string {
		return `{"status":400,"error":"Bad Request","response":{"message":` + message + `}}`
	}
	flat := func(property, message string) string {
		return bad(fmt.Sprintf(`[{"property":%q,"message":%q}]`, property, message))
	}
	noGroup := bad(`["The group id needs to be informed in the query","ex: \"groupJid=120362@g.us\""]`)
	noCode := bad(`["The group invite code id needs to be informed in the query","ex: \"inviteCode=F1EX5QZxO181L3TMVP31gY\" (Obtained from group join link)"]`)
	closed := `{"status":500,"error":"Internal Server Error","response":{"message":"Connection Closed"}}`
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "create", `{}`, bad(`[["instance requires property \"subject\"","instance requires property \"participants\""]]`)},
		{"POST", "create", `{"subject":"a","participants":["1"]}`, bad(`[["\"participants\" must be an array of numeric strings"]]`)},
		{"POST", "create", `{"subject":"a","participants":[]}`, bad(`[["participants does not meet minimum length of 1"]]`)},
		{"POST", "updateGroupSubject", `{"subject":"a"}`, noGroup},
		{"POST", "updateGroupSubject?groupJid=1", `{}`, flat("instance", `instance requires property "subject"`)},
		{"POST", "updateGroupDescription?groupJid=1", `{}`, flat("instance", `instance requires property "description"`)},
		{"POST", "updateGroupPicture?groupJid=1", `{"image":1}`, flat("image", `image is not of a type(s) string`)},
		{"POST", "updateParticipant?groupJid=1", `{"action":"x","participants":["491510000001"]}`, flat("action", "action is not one of enum values: add,remove,promote,demote")},
		{"POST", "updateParticipant?groupJid=1", `{"action":"add","participants":["49"]}`, flat("participants[0]", `"participants" must be an array of numeric strings`)},
		{"POST", "updateSetting?groupJid=1", `{"action":"x"}`, flat("action", "action is not one of enum values: announcement,not_announcement,locked,unlocked")},
		{"POST", "toggleEphemeral?groupJid=1", `{"expiration":1}`, flat("expiration", "expiration is not one of enum values: 0,86400,604800,7776000")},
		{"POST", "updateMemberAddMode?groupJid=1", `{"mode":"x"}`, flat("mode", "mode is not one of enum values: admin_add,all_member_add")},
		{"POST", "sendInvite?groupJid=1", `{"numbers":["491510000001"]}`, flat("instance", `instance requires property "description"`)},
		{"POST", "revokeInviteCode", ``, noGroup},
		{"DELETE", "leaveGroup", ``, noGroup},
		{"GET", "findGroupInfos", ``, noGroup},
		{"GET", "participants", ``, noGroup},
		{"GET", "inviteCode", ``, noGroup},
		{"GET", "inviteInfo", ``, noCode},
		{"GET", "acceptInviteCode", ``, noCode},
		{"GET", "acceptInviteCode?inviteCode=x", ``, flat("inviteCode", `inviteCode does not match pattern "^[a-zA-Z0-9]{22}$"`)},
		{"GET", "fetchAllGroups", ``, bad(`["The getParticipants needs to be informed in the query"]`)},
		{"GET", "fetchAllGroups?getParticipants=maybe", ``, flat("getParticipants", "getParticipants is not one of enum values: true,false")},
		{"GET", "fetchAllGroups?getParticipants=true", ``, closed},
		{"GET", "findGroupInfos?groupJid=1", ``, closed},
		{"POST", "create", `{"subject":"a","participants":["491510000001"]}`, closed},
		{"DELETE", "leaveGroup?groupJid=1", ``, closed},
	} {
		route, query, _ := strings.Cut(c.path, "?")
		status := 400
		if c.want == closed {
			status = 500
		}
		want(t, c.method+" "+c.path+" "+c.body, w.Do(t, c.method, "/group/"+route+"/X?"+query, "token", c.body), status, c.want)
	}
}

// TestNoGroup: what each route says of a group that does not exist, and of one
// that the account is not in.
func TestNoGroup(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	others := w.Sim.Group("Others", bob).JID().String()
	for _, c := range []struct {
		route, body string
		status      int
		says        string // before the reason
	}{
		{"GET /group/findGroupInfos", ``, 404, "Error fetching group"},
		{"GET /group/participants", ``, 404, "No participants"},
		{"GET /group/inviteCode", ``, 404, "No invite code"},
		{"POST /group/revokeInviteCode", ``, 404, "Revoke error"},
		{"POST /group/sendInvite", `{"description":"d","numbers":["491510000002"]}`, 404, "No send invite"},
		{"POST /group/updateGroupSubject", `{"subject":"s"}`, 500, "Error updating group subject"},
		{"POST /group/updateGroupDescription", `{"description":"d"}`, 500, "Error updating group description"},
		{"POST /group/updateGroupPicture", `{"image":"{picture}"}`, 500, "Error updating group picture"},
		{"POST /group/updateParticipant", `{"action":"add","participants":["491510000002"]}`, 400, "Error updating participants"},
		{"POST /group/updateSetting", `{"action":"locked"}`, 400, "Error updating setting"},
		{"POST /group/toggleEphemeral", `{"expiration":86400}`, 400, "Error updating setting"},
		{"POST /group/updateMemberAddMode", `{"mode":"admin_add"}`, 400, "Error updating setting"},
		{"DELETE /group/leaveGroup", ``, 400, "Unable to leave the group"},
	} {
		method, path, _ := strings.Cut(c.route, " ")
		for _, group := range []string{"120363000000000000@g.us", "120363000000000000", others} { // @g.us is appended
			if path == "/group/leaveGroup" && group != others {
				continue // nothing is left to leave, which the library takes for done
			}
			a := w.Do(t, method, path+"/a?groupJid="+group, "t", strings.Replace(c.body, "{picture}", picture(t), 1))
			begin := fmt.Sprintf(`{"status":%d,"error":%q,"response":{"message":[%q,"Error: `, c.status, http.StatusText(c.status), c.says)
			if a.Status != c.status || !strings.HasPrefix(a.Body, begin) || strings.Contains(a.Body, "info query") {
				t.Errorf("%s of %s: %d %s, want %s", c.route, group, a.Status, a.Body, begin)
			}
		}
	}
}

// TestGroupNames: chats and contacts have the names of groups.
func TestGroupNames(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	choir := w.Sim.Group("Choir", bob, w.alice)
	id := choir.JID().String()
	w.told("groups.upsert", `[{*"subject":"Choir",*}]`)
	_, err := bob.Send(choir.JID(), content.Text("hello"))
	w.must(err)
	w.next(event.MessageReceived)
	named := func(name string) []step {
		return []step{
			{name: "the chat", method: "POST", path: "/chat/findChats/a", body: `{"where":{"remoteJid":"` + id + `"}}`, status: 200, want: `[{*"pushName":"` + name + `",*}]`},
			{name: "one chat", method: "GET", path: "/chat/findChatByRemoteJid/a?remoteJid=" + id, status: 200, want: `{*"name":"` + name + `",*}`},
			{name: "the contact", method: "POST", path: "/chat/findContacts/a", body: `{"where":{"remoteJid":"` + id + `"}}`, status: 200, want: `[{*"pushName":"` + name + `",*"isGroup":true,*"type":"group"}]`},
		}
	}
	w.run(nil, named("Choir"))
	w.must(choir.SetSubject(bob, "Band"))
	w.told("groups.update", `[{*"subject":"Band",*}]`)
	w.run(nil, named("Band"))
}

// TestCommunities: a community says that it is one, and its groups lead to it.
func TestCommunities(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	for _, c := range []struct {
		shown groups.Group
		want  string
	}{
		{
			groups.Group{ID: "1203@g.us", Subject: "Town", Community: true, Size: 2, Created: dawn, Owner: maria},
			`{"id":"1203@g.us","addressingMode":"pn","subject":"Town","pictureUrl":null,"size":2,"creation":1795341600,"owner":"4915@s.whatsapp.net","ownerPn":"4915@s.whatsapp.net","restrict":false,"announce":false,"isCommunity":true,"isCommunityAnnounce":false,"participants":[]}`,
		},
		{
			groups.Group{ID: "1204@g.us", Subject: "News", CommunityNotes: true, Announce: true, Locked: true, Parent: "1203@g.us", Ephemeral: 86400, Picture: "https://p"},
			`{"id":"1204@g.us","addressingMode":"pn","subject":"News","pictureUrl":"https://p","size":0,"restrict":true,"announce":true,"isCommunity":false,"isCommunityAnnounce":true,"linkedParent":"1203@g.us","ephemeralDuration":86400,"participants":[]}`,
		},
	} {
		w.Host.Tell(func(h *apitest.Host) { h.Answers = map[command.Kind]any{command.ShowGroup: c.shown} })
		want(t, c.shown.Subject, w.Do(t, "GET", "/group/findGroupInfos/a?groupJid="+c.shown.ID, "t", ""), 200, c.want)
	}
}
