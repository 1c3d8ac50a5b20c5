package evolution_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"roost/functions/api/apitest"
)

// TestNumbers is section 1.3 of the contract: what is made of a number, in each
// place where one may stand. All people of this world are on WhatsApp.
func TestNumbers(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	for number, jid := range map[string]string{
		// 1 and 2: a device goes, other JIDs stay.
		"4915112345678:12@s.whatsapp.net": "4915112345678@s.whatsapp.net", "4915112345678@s.whatsapp.net": "4915112345678@s.whatsapp.net",
		"123456789012345@lid": "123456789012345@lid", "120363021033254949@g.us": "120363021033254949@g.us", "status@broadcast": "status@broadcast",
		// 3: dress.
		"+49 (151) 12345678": "4915112345678@s.whatsapp.net", "4915112345678@c.us": "4915112345678@s.whatsapp.net", "4915112345678:x": "4915112345678@s.whatsapp.net",
		// 4 and 5: groups.
		"4915112345678-1609459200": "4915112345678-1609459200@g.us", "120363021033254949": "120363021033254949@g.us",
		// 6: Mexico and Argentina.
		"5215512345678": "525512345678@s.whatsapp.net", "5491112345678": "541112345678@s.whatsapp.net",
		// 7: Brazil.
		"5511987654321": "5511987654321@s.whatsapp.net", "5531987654321": "553187654321@s.whatsapp.net", "5531967654321": "5531967654321@s.whatsapp.net",
		// 8: the rest.
		"4930123456": "4930123456@s.whatsapp.net",
	} {
		quoted, _ := json.Marshal(number)
		for route, body := range map[string]string{
			"sendText": `"number":N,"text":"x","linkPreview":false`, "sendLocation": `"number":N,"latitude":1,"longitude":2,"name":"n","address":"a"`,
			"sendReaction": `"key":{"id":"M","remoteJid":N,"fromMe":true},"reaction":"👍"`,
		} {
			a := w.Do(t, "POST", "/message/"+route+"/a", "t", `{`+strings.Replace(body, "N", string(quoted), 1)+`}`)
			if got := last(t, w).Args.To; a.Status != 201 || got != jid {
				t.Errorf("%s to %s: %d %s, to %s, want %s", route, number, a.Status, a.Body, got, jid)
			}
		}
		if strings.HasSuffix(jid, "@g.us") {
			continue // WhatsApp is asked for groups: see TestGroups
		}
		exists := `true`
		if strings.HasSuffix(jid, "@broadcast") {
			exists = `false`
		}
		a := w.Do(t, "POST", "/chat/whatsappNumbers/a", "t", `{"numbers":[`+string(quoted)+`]}`)
		if begin := `[{"jid":"` + jid + `","exists":` + exists + `,"number":` + string(quoted); a.Status != 200 || !strings.HasPrefix(a.Body, begin) {
			t.Errorf("%s is %d %s", number, a.Status, a.Body)
		}
	}
}

// TestSpellings: of a number in Brazil, Mexico or Argentina WhatsApp knows one
// spelling, and both lead to it.
func TestSpellings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ known, other string }{
		{"5511987654321", "551187654321"},
		{"551187654321", "5511987654321"},
		{"558587654321", "5585987654321"},
		{"5585987654321", "558587654321"},
		{"525512345678", "5215512345678"},
		{"5215512345678", "525512345678"},
		{"541112345678", "5491112345678"},
		{"5491112345678", "541112345678"},
	} {
		w, _ := linked(t, apitest.Options{})
		w.Host.Tell(func(h *apitest.Host) { h.Absent[c.other] = true })
		for _, number := range []string{c.known, c.other, "+" + c.other} {
			a := w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"`+number+`","text":"x"}`)
			if got := last(t, w).Args.To; a.Status != 201 || got != c.known+"@s.whatsapp.net" {
				t.Errorf("%s, where %s is known: %d, to %s", number, c.known, a.Status, got)
			}
		}
	}
}

// TestSendsToNowhere: what is said of a receiver that does not exist, and
// nothing goes out. Channels are not served.
func TestSendsToNowhere(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	bob := w.contact("491510000002", "Bob")
	elsewhere := w.Sim.Group("Elsewhere", bob)
	const noGroup = `{"status":400,"error":"Bad Request","response":{"message":["the group does not exist, or the account is not in it"]}}`
	w.run(map[string]string{"elsewhere": elsewhere.JID().String(), "picture": picture(t)}, []step{
		{name: "nobody", method: "POST", path: "/message/sendText/a", body: `{"number":"+49 151 9999999","text":"x"}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":[{"jid":"491519999999@s.whatsapp.net","exists":false,"number":"+49 151 9999999"}]}}`},
		{name: "no group", method: "POST", path: "/message/sendText/a", body: `{"number":"120363000000000000@g.us","text":"x"}`, status: 400, want: noGroup},
		{name: "another's group", method: "POST", path: "/message/sendText/a", body: `{"number":"{elsewhere}","text":"x","mentionsEveryOne":true}`, status: 400, want: noGroup},
		{name: "no group, with a picture", method: "POST", path: "/message/sendMedia/a", body: `{"number":"120363000000000000@g.us","mediatype":"image","media":"{picture}"}`, status: 400, want: noGroup},
		{name: "a reaction in no group", method: "POST", path: "/message/sendReaction/a", body: `{"key":{"id":"M","remoteJid":"120363000000000000@g.us","fromMe":true},"reaction":"👍"}`, status: 400, want: noGroup},
		{name: "a channel", method: "POST", path: "/message/sendText/a", body: `{"number":"120363021033254949@newsletter","text":"x"}`, status: 400, want: `{"status":400,"error":"Bad Request","response":{"message":[{"jid":"120363021033254949@newsletter","exists":false,"number":"120363021033254949@newsletter"}]}}`},
		{name: "a channel looked up", method: "POST", path: "/chat/whatsappNumbers/a", body: `{"numbers":["120363021033254949@newsletter","491510000002"]}`, status: 200, want: `[{"jid":"120363021033254949@newsletter","exists":false,"number":"120363021033254949@newsletter"},{"jid":"491510000002@s.whatsapp.net","exists":true,"number":"491510000002",*}]`},
		{name: "somebody", method: "POST", path: "/message/sendText/a", body: `{"number":"491510000002","text":"here"}`, status: 201, want: `{*}`},
	})
	if got := len(elsewhere.Members()) + len(bob.Inbox()); got != 2 {
		t.Errorf("%d messages have come", got-1)
	}
}

// TestNumbersAtOnce: a check has a bound.
func TestNumbersAtOnce(t *testing.T) {
	t.Parallel()
	w, _ := linked(t, apitest.Options{})
	numbers := make([]string, 1001)
	for n := range numbers {
		numbers[n] = `"4915100` + strings.Repeat("0", 4-len(strconv.Itoa(n))) + strconv.Itoa(n) + `"`
	}
	ask := func(n int) apitest.Answer {
		return w.Do(t, "POST", "/chat/whatsappNumbers/a", "t", `{"numbers":[`+strings.Join(numbers[:n], ",")+`]}`)
	}
	if a := ask(1000); a.Status != 200 || strings.Count(a.Body, `"exists":true`) != 1000 {
		t.Errorf("a thousand: %d %.200s", a.Status, a.Body)
	}
	want(t, "more", ask(1001), 400, `{"status":400,"error":"Bad Request","message":["At most 1000 numbers can be checked at once"]}`)
}
