package guid_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
)

// hand is a clock that a test moves.
type hand struct{ at time.Time }

func (h *hand) now() time.Time { return h.at }

func (h *hand) move(d time.Duration) { h.at = h.at.Add(d) }

// newTimedWorld is a world whose tokens and limits go by the hand.
func newTimedWorld(t *testing.T) (*world, *hand) {
	t.Helper()
	clock := &hand{time.Now().Truncate(time.Second)}
	return newWorldOf(t, apitest.Options{Now: clock.now}), clock
}

// keys are what opens a tenant's account, and what came of it.
type keys struct {
	AppKey, AppSecret   string
	Token, RefreshToken string
}

func (w *world) newKeys(t *testing.T, body string) (k keys) {
	t.Helper()
	w.ask(t, apitest.AdminKey, "POST /tenant/create", body).into(t, &k)
	w.ask(t, "", "POST /tenant/token", k.open()).into(t, &k)
	return k
}

func (k keys) open() string { return `{"appKey":"` + k.AppKey + `","appSecret":"` + k.AppSecret + `"}` }

func (k keys) refresh() string { return `{"refreshToken":"` + k.RefreshToken + `"}` }

// TestTokenLife is a program's week: its token is good for two hours, what
// refreshes it for seven days.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	w, clock := newTimedWorld(t)
	k := w.newKeys(t, `{}`)
	list := func(token, msg string) {
		t.Helper()
		r := w.ask(t, token, "GET /client/list", "")
		if status := map[bool]int{true: 200, false: 401}[msg == "ok"]; r.status != status || r.Msg != msg || r.Code != 0 && r.Code != 401 {
			t.Errorf("%d %d %s, want %d %s", r.status, r.Code, r.Msg, status, msg)
		}
	}
	refused := func(body, msg string) {
		t.Helper()
		if r := w.ask(t, "", "POST /tenant/token", body); r.status != 401 || r.Code != 401 || r.Msg != msg || string(r.Data) != "null" {
			t.Errorf("%s: %s, want %s", body, r.body, msg)
		}
	}
	clock.move(2*time.Hour - time.Second)
	list(k.Token, "ok")
	clock.move(time.Second)
	list(k.Token, "token expired")
	list("", "token missing")
	list("made-up", "token invalid")
	first := k
	w.ask(t, "", "POST /tenant/token", k.refresh()).into(t, &k)
	list(k.Token, "ok")
	list(first.Token, "token expired")
	refused(first.refresh(), "token invalid") // it works once
	clock.move(7*24*time.Hour - time.Second)
	w.ask(t, "", "POST /tenant/token", k.refresh()).into(t, &k)
	clock.move(7 * 24 * time.Hour)
	refused(k.refresh(), "token expired")
	w.ask(t, "", "POST /tenant/token", k.open()).into(t, &k)
	list(k.Token, "ok")
}

// TestResetSecret is a program that has lost its secret: the operator gives it
// another.
func TestResetSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := w.newKeys(t, `{"tenant":"acme"}`)
	for _, row := range []struct {
		key, body string
		status    int
		msg       string
	}{
		{"", `{"tenant":"acme"}`, 401, "token missing"},
		{k.Token, `{"tenant":"acme"}`, 401, "token invalid"},
		{apitest.AdminKey, `{}`, 400, "tenant is missing"},
		{apitest.AdminKey, `{"tenant":"nobody"}`, 400, "there is no such tenant"},
	} {
		if r := w.ask(t, row.key, "POST /tenant/resetSecret", row.body); r.status != row.status || r.Code != row.status || r.Msg != row.msg {
			t.Errorf("%s with %q: %s", row.body, row.key, r.body)
		}
	}
	next := k
	w.ask(t, apitest.AdminKey, "POST /tenant/resetSecret", `{"tenant":"acme"}`).into(t, &next)
	if next.AppKey != k.AppKey || next.AppSecret == k.AppSecret || len(next.AppSecret) != 64 {
		t.Errorf("%+v became %+v", k, next)
	}
	for body, what := range map[string]string{k.open(): "the lost secret", k.refresh(): "a refresh token from before"} {
		if r := w.ask(t, "", "POST /tenant/token", body); r.status != 401 {
			t.Errorf("%s: %s", what, r.body)
		}
	}
	if r := w.ask(t, k.Token, "GET /client/list", ""); r.Code != 0 {
		t.Errorf("a token from before: %s", r.body)
	}
	w.ask(t, "", "POST /tenant/token", next.open()).into(t, &next)
	w.ask(t, "", "POST /tenant/token", next.refresh()).into(t, &next)
	if r := w.ask(t, next.Token, "GET /client/list", ""); r.Code != 0 {
		t.Errorf("the next token: %s", r.body)
	}
}

var envelope = regexp.MustCompile(`^\{"code":(\d+),"data":(null|\{.*\}),"msg":"[^"]*","requestId":"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"\}\n$`)

// TestEnvelope looks at answers of each kind, byte for byte.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := map[string]bool{}
	for _, row := range []struct {
		token, route, body string
		status             int
		code               string
	}{
		{w.token, "POST /client/createClient", `{"deviceName":"a"}`, 200, "0"},
		{w.token, "GET /client/list", "", 200, "0"},
		{w.token, "POST /client/heartbeat", `{"guid":"x"}`, 200, "10013"},
		{w.token, "POST /client/heartbeat", `{`, 400, "400"},
		{"", "GET /client/list", "", 401, "401"},
		{w.token, "POST /client/heartbeat", strings.Repeat(" ", 64<<10) + "{}", 413, "413"},
	} {
		r := w.ask(t, row.token, row.route, row.body)
		found := envelope.FindStringSubmatch(r.body)
		if r.status != row.status || found == nil || found[1] != row.code || seen[found[3]] {
			t.Errorf("%s %.20s: %d %s", row.route, row.body, r.status, r.body)
			continue
		}
		seen[found[3]] = true
		if kind := r.header.Get("Content-Type"); kind != "application/json; charset=utf-8" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", row.route, r.header)
		}
	}
	if a := w.Do(t, http.MethodPut, "/client/list", "", ""); a.Status != 404 || envelope.FindString(a.Body) == "" {
		t.Errorf("no route: %d %s", a.Status, a.Body)
	}
}

// TestTenInAMinute makes clients from two addresses: ten pass in any minute of
// each, and neither what is refused nor what has no token counts.
func TestTenInAMinute(t *testing.T) {
	t.Parallel()
	w, clock := newTimedWorld(t)
	create := func(address, token string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/client/createClient", strings.NewReader(`{"deviceName":"a"}`))
		r.RemoteAddr = address
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}, "X-Forwarded-For": {"192.0.2.9"}}
		recorder := httptest.NewRecorder()
		w.Handler.ServeHTTP(recorder, r)
		return recorder.Code, recorder.Header().Get("Retry-After")
	}
	want := func(address string, status int, retry string) {
		t.Helper()
		if got, after := create(address, w.token); got != status || after != retry {
			t.Errorf("%s: %d, Retry-After %q, want %d %q", address, got, after, status, retry)
		}
	}
	const one, other = "192.0.2.1:1000", "192.0.2.2:1000"
	for range 20 {
		create(one, "made-up")
	}
	for range 10 {
		want(one, 200, "")
		clock.move(time.Second)
	}
	want(one, 429, "50")
	want("192.0.2.1:2000", 429, "50")
	want(other, 200, "")
	clock.move(49 * time.Second)
	want(one, 429, "1")
	clock.move(time.Second)
	want(one, 200, "")
	want(one, 429, "1")
}
