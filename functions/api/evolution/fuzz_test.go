package evolution_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	clean "path"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
)

// fuzzed is a world whose waits are short.
func fuzzed(f *testing.F) *apitest.World {
	f.Helper()
	w, _ := linked(f, apitest.Options{Limits: core.Limits{
		Command: 50 * time.Millisecond, Fetch: 50 * time.Millisecond, Online: 50 * time.Millisecond, QR: 50 * time.Millisecond, Code: 50 * time.Millisecond,
	}})
	return w
}

// inEnvelope: an answer is a success, or a refusal that says why: never one of
// a fault that nobody has foreseen.
func inEnvelope(t *testing.T, what string, a apitest.Answer) {
	t.Helper()
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") && !json.Valid([]byte(a.Body)) {
		t.Errorf("%s: %d %q is no JSON", what, a.Status, a.Body)
	}
	if a.Status >= 500 && strings.Contains(a.Body, `"message":"Internal Server Error"`) {
		t.Errorf("%s: %d %s", what, a.Status, a.Body)
	}
}

// FuzzBody gives bodies of all types to all routes that take one.
func FuzzBody(f *testing.F) {
	w := fuzzed(f)
	routes := []string{"POST /instance/create", "PUT /webhook/default", "PUT /webhook/endpoints/a/main", "POST /verify-creds", "POST /chat/findChats/a"}
	bodies := []string{`{"instanceName":"a","integration":"WHATSAPP-BAILEYS"}`, `{"url":"https://a.example"}`, `{"url":"https://a.example"}`, `{}`, `{"take":1}`}
	for _, c := range everyRoute {
		if c.body != "" {
			routes, bodies = append(routes, c.route+"/a"), append(bodies, strings.ReplaceAll(c.body, "{picture}", "aGVsbG8="))
		}
	}
	for n, body := range bodies {
		f.Add(uint8(n), uint8(0), []byte(body))
	}
	types := []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"}
	for n, odd := range []string{
		`{"number":"1","text":"a"}`,
		`{"number":"1","mediatype":"image","media":"aGVsbG8="}`,
		`{"webhook":{"enabled":true,"url":"https://a"}}`,
		`{"rejectCall":true}`,
		`{"numbers":["1"]}`,
		`{"instanceName":"a","integration":"WHATSAPP-BAILEYS"}`,
		`webhook[url]=a&webhook[events][]=b&a[b][c][d][e][f][g]=1`,
		"--b\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\n1\r\n--b--",
		`{"confirm":true}`,
		`{"delay":1e400000000}`,
		`[`,
		"\xff{",
		`{"number":"1","latitude":1,"longitude":1e999,"name":"a","address":"b"}`,
		`{"number":"1","contact":[{"fullName":"a","phoneNumber":"1234567890"},null]}`,
		`{"key":{"id":"a","remoteJid":"1","fromMe":true},"reaction":"👍"}`,
		`{"number":"1","name":"a","selectableCount":11,"values":["a","b"]}`,
		`{"number":"1","title":"a","footerText":"b","buttonText":"c","sections":[{"title":"d","rows":[{"title":"e","rowId":"f"}]}]}`,
		`{"number":"1","buttons":[{"type":"pix","keyType":"cpf"}]}`,
		`{"type":"text","content":"a","font":1,"backgroundColor":"#zzzzzz","allContacts":true}`,
		`{"number":"1","text":"b","key":{"id":"a","remoteJid":"1","fromMe":true}}`,
		`{"number":"1","callDuration":16}`,
		`{"mimetype":1}`,
		`{"enabled":true,"host":"::","port":"99999","protocol":"socks5"}`,
		`{"url":"https://a","events":[null]}`,
		`{"from":"x","to":1,"all":true,"id":{}}`,
		`{"where":{"key":{"id":["a"]},"messageTimestamp":{"gte":"2026","lte":1}},"offset":-1,"page":"9999999999"}`,
		`{"where":[],"take":1e9,"skip":"x"}`,
		`{"where":{"id":"a","pushName":{}},"page":1e300}`,
		`{"where":{"remoteJid":"@"},"offset":"0"}`,
		`{"message":{"key":{"id":"a"}},"convertToMp4":true}`,
		`{"remoteJid":"@lid","message":{"key":{"id":"a"}}}`,
		`{"readMessages":[{"id":"a","fromMe":false,"remoteJid":"1@g.us"}]}`,
		`{"playedMessages":[{"id":"a","fromMe":true,"remoteJid":""},{}]}`,
		`{"archive":true,"lastMessage":{"key":{"id":"a","remoteJid":"1","fromMe":true},"messageTimestamp":-1}}`,
		`{"chat":"","lastMessage":{"key":null}}`,
		`{"number":"1","presence":"composing","delay":1}`,
		`{"presence":"paused"}`,
		`{"number":"@g.us"}`,
		`{"number":[]}`,
		`{"number":"-"}`,
		`{"name":"\u0000"}`,
		`{"status":" "}`,
		`{"picture":"data:,"}`,
		`{"readreceipts":"all","profile":"all","status":"all","online":"all","last":"all","groupadd":"all"}`,
		`{"number":"1","status":"block"}`,
		`{"number":"1","labelId":"","action":"add"}`,
		`{"subject":"a","participants":["1234567890"],"promoteParticipants":1}`,
		`{"groupJid":"1@g.us","action":"add","participants":["1234567890"]}`,
		`{"groupJid":"1","subject":"a"}`,
		`{"groupJid":"1@g.us","description":""}`,
		`{"groupJid":"1-2","image":"aGVsbG8="}`,
		`{"groupJid":"1@g.us","action":"locked"}`,
		`{"groupJid":"1@g.us","expiration":0.5}`,
		`{"groupJid":"1@g.us","mode":"admin_add"}`,
		`{"groupJid":"1@g.us"}`,
		`{"groupJid":"1@g.us","description":"a","numbers":["1234567890"]}`,
	} {
		for kind := range types {
			f.Add(uint8(7*n+kind), uint8(kind), []byte(odd))
		}
	}
	f.Fuzz(func(t *testing.T, route, kind uint8, body []byte) {
		method, path, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		header := http.Header{"Apikey": {apitest.AdminKey}, "Content-Type": {types[int(kind)%len(types)]}}
		if path == "/instance/create" {
			header.Set("apikey", "x") // else it would fill the table
		}
		if kind >= 128 {
			header.Set("Content-Encoding", "gzip")
		}
		inEnvelope(t, path, w.Send(t, method, path, header, bytes.NewReader(body)))
	})
}

// FuzzQuery gives queries, and odd names in the path, to all routes that look at
// them.
func FuzzQuery(f *testing.F) {
	w := fuzzed(f)
	routes := []string{"GET /instance/fetchInstances", "GET /instance/connect", "GET /instance/qr", "GET /webhook/deliveries", "GET /webhook/deliveries/a"}
	for _, c := range everyRoute {
		if c.query != "" {
			routes = append(routes, c.route)
		}
	}
	for n, query := range []string{
		"instanceName=a&instanceName=b&instanceId=%00&number=+1", "number=%2B49+151@x:1", "format=svg", "state=dead&limit=0&cursor=x&from=z", "webhook=a",
		"groupJid=1", "groupJid=%40g.us", "groupJid=1-2@g.us&groupJid=3", "getParticipants=true&getParticipants=", "getParticipants=yes",
		"inviteCode=https://chat.whatsapp.com/aaaaaaaaaaaaaaaaaaaaaa", "inviteCode=%F0%9F%90%A6", "remoteJid=@lid", "remoteJid=%zz&;", "instanceName=b",
	} {
		for route := range routes {
			f.Add(uint8(route), query, []string{"a", "A", "a%2F", "%00", "%"}[n%5])
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, query, name string) {
		method, path, _ := strings.Cut(routes[int(route)%len(routes)], " ")
		if path != "/instance/fetchInstances" {
			path += "/" + name
		}
		if path != clean.Clean(path) {
			return // it is another route's
		}
		path += "?" + query
		if _, err := url.Parse("http://roost" + path); err != nil || strings.ContainsAny(path, " #") {
			return // Go's client does not send it
		}
		inEnvelope(t, path, w.Send(t, method, path, http.Header{"Apikey": {apitest.AdminKey}}, nil))
	})
}
