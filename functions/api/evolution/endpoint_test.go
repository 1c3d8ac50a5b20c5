package evolution_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/shared/backlog"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/tenant"
)

func decode(t *testing.T, a apitest.Answer, status int) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != status {
		t.Fatalf("%d %s, want %d", a.Status, a.Body, status)
	}
	return out
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	do := func(method, path, body string) apitest.Answer { return w.Do(t, method, path, "t", body) }
	made := decode(t, do("POST", "/webhook/endpoints/a", `{"url":"https://one.example/x","events":["MESSAGES_UPSERT"],"headers":{"X":"y"}}`), 201)
	id, secret := made["id"].(string), made["secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") || made["enabled"] != true || made["format"] != "evolution" {
		t.Fatalf("made %v", made)
	}
	other := decode(t, do("POST", "/webhook/endpoints/a", `{"url":"https://two.example/","enabled":false}`), 201)["id"].(string)
	listed := do("GET", "/webhook/endpoints/a", "")
	if all := decode(t, listed, 200)["endpoints"].([]any); len(all) != 2 || strings.Contains(listed.Body, secret) || strings.Contains(listed.Body, "whsec_") {
		t.Errorf("listed %s", listed.Body)
	}
	if one := decode(t, do("GET", "/Webhook/Endpoints/a/"+id+"/", ""), 200); one["url"] != "https://one.example/x" || one["secret"] != nil {
		t.Errorf("shown %v", one)
	}
	changed := decode(t, do("PUT", "/webhook/endpoints/a/"+id, `{"url":"https://three.example/","events":["WEBHOOK_DISABLED"],"base64":true}`), 200)
	if changed["url"] != "https://three.example/" || changed["secret"] != nil || changed["createdAt"] != made["createdAt"] {
		t.Errorf("changed %v", changed)
	}
	rotated := decode(t, do("POST", "/webhook/rotate/a/"+id, `{}`), 200)
	if next := rotated["secret"].(string); next == secret || rotated["oldSecretUntil"] == nil || rotated["url"] != "https://three.example/" {
		t.Errorf("rotated %v", rotated)
	}
	stored, err := w.Webhooks.Get(t.Context(), i.ID, id)
	if err != nil || stored.Retiring != secret || stored.Secret != rotated["secret"] {
		t.Errorf("stored %+v, %v", stored, err)
	}
	decode(t, do("DELETE", "/webhook/endpoints/a/"+other, ""), 200)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/webhook/endpoints/a/" + other, "", 404},
		{"DELETE", "/webhook/endpoints/a/" + other, "", 404},
		{"PUT", "/webhook/endpoints/a/nobody", `{"url":"https://a.example"}`, 404},
		{"POST", "/webhook/rotate/a/nobody", "", 404},
		{"POST", "/webhook/endpoints/a", `{}`, 400},
		{"POST", "/webhook/endpoints/a", `{"url":"ftp://a"}`, 400},
		{"POST", "/webhook/endpoints/a", `{"url":"http://a.example"}`, 400},
		{"POST", "/webhook/endpoints/a", `{"url":"https://"}`, 400},
		{"POST", "/webhook/endpoints/a", `{"url":"https://127.1/"}`, 400},
		{"POST", "/webhook/endpoints/a", `{"url":"https://a.example","events":["NO_SUCH"]}`, 400},
		{"POST", "/webhook/endpoints/a", `{"url":"https://a.example","format":"morse"}`, 400},
		{"GET", "/webhook/endpoints/a/x/y", "", 404},
	} {
		if a := do(c.method, c.path, c.body); a.Status != c.status {
			t.Errorf("%s %s %s: %d %s, want %d", c.method, c.path, c.body, a.Status, a.Body, c.status)
		}
	}
	// Evolution's one webhook is among them and can get a secret to verify with.
	want(t, "set", do("POST", "/webhook/set/a", `{"webhook":{"enabled":true,"url":"https://main.example","events":["CALL"]}}`), 201,
		`{"id":"UUID","url":"https://main.example","headers":null,"enabled":true,"events":["CALL"],"webhookByEvents":false,"webhookBase64":false,"createdAt":"TIME","updatedAt":"TIME","instanceId":"UUID"}`)
	if main := decode(t, do("POST", "/webhook/rotate/a/main", `{}`), 200); !strings.HasPrefix(main["secret"].(string), "whsec_") {
		t.Errorf("rotated %v", main)
	}
	refused := func(sentence string) string {
		return `{"status":400,"error":"Bad Request","response":{"message":["` + sentence + `"]}}`
	}
	for address, sentence := range map[string]string{
		"http://a.example": "Only https is called", "https://": `Invalid \"url\" property`, "a.example": `Invalid \"url\" property`,
		"https://169.254.169.254/": `Invalid \"url\" property: its address is not a public one`,
	} {
		want(t, address, do("POST", "/webhook/set/a", `{"webhook":{"enabled":true,"url":"`+address+`"}}`), 400, refused(sentence))
		want(t, "created with "+address, w.Do(t, "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"b","integration":"WHATSAPP-BAILEYS","webhook":{"url":"`+address+`"}}`),
			400, refused(sentence))
	}
	if a := do("POST", "/webhook/set/a", `{"webhook":{"enabled":false,"url":"http://old","events":[]}}`); a.Status != 201 {
		t.Errorf("turned off: %d %s", a.Status, a.Body)
	}
	if stored, err := w.Webhooks.Get(t.Context(), i.ID, "main"); err != nil || stored.Enabled {
		t.Errorf("turned off: %+v, %v", stored, err)
	}
	for n := range 20 {
		a := do("POST", "/webhook/endpoints/a", fmt.Sprintf(`{"url":"https://many.example/%d"}`, n))
		if enough := n >= 18; enough != (a.Status == 400) {
			t.Fatalf("endpoint %d: %d %s", n+3, a.Status, a.Body)
		}
	}
}

func TestDefaultWebhook(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "a", "t")
	admin := func(method, path, body string) apitest.Answer { return w.Do(t, method, path, apitest.AdminKey, body) }
	if a := admin("GET", "/webhook/default", ""); a.Status != 404 {
		t.Errorf("none: %d %s", a.Status, a.Body)
	}
	if made := decode(t, admin("PUT", "/webhook/default", `{"url":"https://all.example"}`), 201); made["secret"] == nil || made["id"] != "default" {
		t.Errorf("made %v", made)
	}
	if changed := decode(t, admin("PUT", "/webhook/default", `{"url":"https://all.example/2"}`), 200); changed["secret"] != nil {
		t.Errorf("changed %v", changed)
	}
	if rotated := decode(t, admin("POST", "/webhook/rotateDefault", `{}`), 200); rotated["secret"] == nil || rotated["oldSecretUntil"] == nil {
		t.Errorf("rotated %v", rotated)
	}
	if a := w.Do(t, "GET", "/webhook/default", "t", ""); a.Status != 401 {
		t.Errorf("an instance's token: %d", a.Status)
	}
	decode(t, admin("DELETE", "/webhook/default", ""), 200)
	if a := admin("DELETE", "/webhook/default", ""); a.Status != 404 {
		t.Errorf("removed twice: %d", a.Status)
	}
}

// letters lays deliveries of an instance in both states, an hour apart.
func letters(t *testing.T, w *apitest.World, i instance.Instance, webhook string) []string {
	t.Helper()
	var ids []string
	for n := range 3 {
		at := time.Date(2026, 11, 25, 8+n, 0, 0, 0, time.UTC)
		d := backlog.NewDelivery(event.Event{
			ID: fmt.Sprintf("dead%d", n), Tenant: tenant.Default, Instance: i.ID, Name: i.Name, Kind: event.InstanceCreated, At: at, Body: []byte(`{"reason":{}}`),
		}, webhook).Tried(backlog.Attempt{At: at, Status: 502, Latency: 30 * time.Millisecond, Error: "answered 502"})
		if err := w.Backlog.Record(t.Context(), backlog.Note{Delivery: d, State: backlog.Dead}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.String())
	}
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	d := backlog.NewDelivery(event.Event{ID: "late", Tenant: tenant.Default, Instance: i.ID, Kind: event.InstanceCreated, Chat: "c", At: at, Body: []byte(`{}`)}, webhook)
	if _, err := w.Backlog.Append(t.Context(), d.Tried(backlog.Attempt{At: at, Error: "it took too long"}), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return append(ids, d.String())
}

func TestDeliveriesAndReplay(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "a", "t")
	w.Create(t, "b", "u")
	do := func(method, path, body string) apitest.Answer { return w.Do(t, method, path, "t", body) }
	hook := decode(t, do("POST", "/webhook/endpoints/a", `{"url":"https://one.example/"}`), 201)["id"].(string)
	ids := letters(t, w, i, hook)

	list := func(query string) (out []string, cursor string) {
		t.Helper()
		body := decode(t, do("GET", "/webhook/deliveries/a"+query, ""), 200)
		for _, d := range body["deliveries"].([]any) {
			out = append(out, d.(map[string]any)["event"].(string))
		}
		cursor, _ = body["cursor"].(string)
		return out, cursor
	}
	for query, want := range map[string]string{
		"": "late dead2 dead1 dead0", "?state=dead": "dead2 dead1 dead0", "?state=waiting": "late", "?state=delivered": "",
		"?state=dead&from=2026-11-25T09:00:00Z": "dead2 dead1", "?state=dead&to=2026-11-25T09:00:00Z": "dead1 dead0", "?webhook=other": "",
		"?webhook=" + hook: "late dead2 dead1 dead0",
	} {
		if got, _ := list(query); strings.Join(got, " ") != want {
			t.Errorf("%s lists %v, want %s", query, got, want)
		}
	}
	first, cursor := list("?state=dead&limit=2")
	second, _ := list("?state=dead&limit=2&cursor=" + url.QueryEscape(cursor))
	if strings.Join(append(first, second...), " ") != "dead2 dead1 dead0" {
		t.Errorf("pages %v, %v", first, second)
	}
	detail := decode(t, do("GET", "/webhook/deliveries/a/"+ids[0], ""), 200)
	if detail["status"] != 502.0 || detail["attempts"] != 1.0 || detail["latencyMs"] != 30.0 || detail["error"] != "answered 502" || detail["body"] == nil || detail["webhook"] != hook {
		t.Errorf("detail %v", detail)
	}
	if waiting := decode(t, do("GET", "/webhook/deliveries/a/"+ids[3], ""), 200); waiting["state"] != "waiting" || waiting["nextAttemptAt"] == nil {
		t.Errorf("detail %v", waiting)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/webhook/deliveries/a?state=odd", "", 400},
		{"GET", "/webhook/deliveries/a?limit=0", "", 400},
		{"GET", "/webhook/deliveries/a?from=noon&state=dead", "", 400},
		{"GET", "/webhook/deliveries/a?from=2026-11-25T09:00:00Z", "", 400},
		{"GET", "/webhook/deliveries/a?cursor=%2A", "", 400},
		{"GET", "/webhook/deliveries/a/nothing", "", 404},
		{"GET", "/webhook/deliveries/a/no." + hook, "", 404},
		{"POST", "/webhook/replay/a", `{}`, 400},
		{"POST", "/webhook/replay/a", `{"id":"` + ids[0] + `","all":true}`, 400},
		{"POST", "/webhook/replay/a", `{"id":"no.` + hook + `"}`, 404},
		{"POST", "/webhook/replay/a", `{"all":true,"webhook":"other"}`, 400},
		{"POST", "/webhook/replay/a", `{"from":"x"}`, 400},
		{"POST", "/webhook/replay/b", `{"all":true}`, 401},
	} {
		if a := do(c.method, c.path, c.body); a.Status != c.status {
			t.Errorf("%s %s %s: %d %s, want %d", c.method, c.path, c.body, a.Status, a.Body, c.status)
		}
	}
	woken := func() int {
		t.Helper()
		got, err := w.Wakeups.Receive(t.Context(), 10, 0, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got {
			if err := w.Wakeups.Delete(t.Context(), d.Receipt); err != nil {
				t.Fatal(err)
			}
		}
		return len(got)
	}
	want(t, "one", do("POST", "/webhook/replay/a", `{"id":"`+ids[0]+`"}`), 200, `{"replayed":1,"hurried":0,"more":false}`)
	want(t, "a range", do("POST", "/webhook/replay/a", `{"from":"2026-11-25T09:30:00Z","to":"2026-11-25T11:00:00Z"}`), 200, `{"replayed":1,"hurried":0,"more":false}`)
	want(t, "all", do("POST", "/webhook/replay/a", `{"all":true}`), 200, `{"replayed":1,"hurried":1,"more":false}`)
	if n := woken(); n < 2 {
		t.Errorf("%d wake-ups", n)
	}
	if got, _ := list("?state=waiting"); len(got) != 4 {
		t.Errorf("waiting %v", got)
	}
	want(t, "again", do("POST", "/webhook/replay/a", `{"all":true}`), 200, `{"replayed":0,"hurried":0,"more":false}`)
	// One that is off gets nothing.
	decode(t, do("PUT", "/webhook/endpoints/a/"+hook, `{"url":"https://one.example/","enabled":false}`), 200)
	if a := do("POST", "/webhook/replay/a", `{"id":"`+ids[0]+`"}`); a.Status != http.StatusBadRequest || !strings.Contains(a.Body, "turn it on first") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
