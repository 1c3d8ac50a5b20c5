package evolution_test

import (
	"testing"

	"roost/simulator"
	"roost/simulator/content"
)

// TestPoll: votes are encrypted for their poll, and come out with the names of
// options: in the message that webhooks tell, in the transcript, and counted, of
// each voter the last one.
func TestPoll(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob, carl := w.contact("491510000002", "Bob"), w.contact("491510000003", "Carl")
	group := w.Sim.Group("Choir", bob, w.alice, carl).JID().String()
	vote := func(u *simulator.User, poll string, options ...string) {
		t.Helper()
		_, err := u.Await(w.ctx, func(e content.Entry) bool { return e.ID == poll })
		w.must(err)
		_, err = u.Say(simulator.Saying{Vote: &simulator.Vote{Reference: simulator.Reference{ID: poll}, Options: options}})
		w.must(err)
	}
	told := func(key, chosen, updates string) {
		t.Helper()
		w.told("messages.upsert", `{"key":{`+key+`*},*"message":{*"pollUpdateMessage":{*"selectedOptions":[`+chosen+`]*}*},*"messageType":"pollUpdateMessage",*"pollUpdates":[`+updates+`]}`)
	}
	const own, theirs = "POLLOFTHEACCOUNT", "POLLOFBOBINTHECHOIR"

	w.run(nil, []step{{
		name: "ask Bob", method: "POST", path: "/message/sendPoll/a", status: 201, want: `{*}`,
		body: `{"number":"491510000002","name":"When?","selectableCount":0,"values":["Monday","Tuesday"],"messageId":"` + own + `"}`,
	}})
	vote(bob, own, "Monday", "Tuesday")
	told(`"remoteJid":"491510000002@s.whatsapp.net","fromMe":false`, `"Monday","Tuesday"`,
		`{"name":"Monday","voters":["491510000002@s.whatsapp.net"]},{"name":"Tuesday","voters":["491510000002@s.whatsapp.net"]}`)
	vote(bob, own, "Tuesday")
	told(`"remoteJid":"491510000002@s.whatsapp.net","fromMe":false`, `"Tuesday"`,
		`{"name":"Monday","voters":[]},{"name":"Tuesday","voters":["491510000002@s.whatsapp.net"]}`)
	ask := func(name, chat, id string, status int, want string) {
		t.Helper()
		w.run(nil, []step{{
			name: name, method: "POST", path: "/chat/getPollVote/a", status: status, want: want,
			body: `{"remoteJid":"` + chat + `","message":{"key":{"id":"` + id + `"}}}`,
		}})
	}
	ask("the last vote", "491510000002@s.whatsapp.net", own, 200,
		`{"poll":{"name":"When?","totalVotes":1,"results":{"Monday":{"votes":0,"voters":[]},"Tuesday":{"votes":1,"voters":["491510000002@s.whatsapp.net"]}}}}`)
	w.run(nil, []step{{
		name: "found", method: "POST", path: "/chat/findMessages/a", body: `{"where":{"messageType":"pollUpdateMessage"},"offset":1}`, status: 200,
		want: `{"messages":{"total":2,*"selectedOptions":["Tuesday"]*}`,
	}})
	vote(bob, own)
	told(`"remoteJid":"491510000002@s.whatsapp.net"`, ``, `{"name":"Monday","voters":[]},{"name":"Tuesday","voters":[]}`)
	ask("taken back", "491510000002", own, 200,
		`{"poll":{"name":"When?","totalVotes":0,"results":{"Monday":{"votes":0,"voters":[]},"Tuesday":{"votes":0,"voters":[]}}}}`)

	_, err := bob.Say(simulator.Saying{To: group, ID: theirs, Poll: &simulator.Poll{Question: "Song?", Options: []string{"Z", "A"}, Selectable: 1}})
	w.must(err)
	w.told("messages.upsert", `{*"pollCreationMessage*`)
	vote(carl, theirs, "A")
	told(`"remoteJid":"`+group+`","fromMe":false`, `"A"`, `{"name":"Z","voters":[]},{"name":"A","voters":["491510000003@s.whatsapp.net"]}`)
	vote(w.alice, theirs, "A")
	told(`"remoteJid":"`+group+`","fromMe":true`, `"A"`, `{"name":"Z","voters":[]},{"name":"A","voters":["491510000001@s.whatsapp.net"]}`)
	ask("in a group", group, theirs, 200,
		`{"poll":{"name":"Song?","totalVotes":2,"results":{"Z":{"votes":0,"voters":[]},"A":{"votes":2,"voters":["491510000003@s.whatsapp.net","491510000001@s.whatsapp.net"]}}}}`)

	hello, err := bob.Send(w.alice.PN(), content.Text("hello"))
	w.must(err)
	w.told("messages.upsert", `{*"message":{"conversation":"hello"*`)
	ask("no poll", "491510000002", hello, 400, `{"status":400,"error":"Bad Request","response":{"message":["The message is not a poll"]}}`)
	ask("of another chat", group, own, 404, `{"status":404,"error":"Not Found","response":{"message":["Poll creation message not found"]}}`)
	ask("unknown", "491510000002", "NOTHING", 404, `{"status":404,"error":"Not Found","response":{"message":["Poll creation message not found"]}}`)
	w.run(nil, []step{
		{name: "nothing asked", method: "POST", path: "/chat/getPollVote/a", body: `{}`, status: 400, want: `{*[["instance requires property \"message\"","instance requires property \"remoteJid\""]]*`},
		{name: "no id", method: "POST", path: "/chat/getPollVote/a", body: `{"remoteJid":"1","message":{"key":{}}}`, status: 400, want: `{*[["message.key requires property \"id\""]]*`},
	})
}
