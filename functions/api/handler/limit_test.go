package handler_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
)

// from asks as a caller at another address does.
func from(w *apitest.World, address, method, path string, header http.Header, body string) apitest.Answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Header = address, header
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	recorder := httptest.NewRecorder()
	w.Handler.ServeHTTP(recorder, r)
	return apitest.Answer{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.String()}
}

// dialect is how each of them is asked with a key that opens nothing, and what
// it answers then and when it is asked too often.
var dialects = []struct {
	name, method, path string
	wrong              http.Header
	status             int
	tooMany            string
}{
	{"evolution", "GET", "/instance/fetchInstances", http.Header{"Apikey": {"wrong"}}, 401, `{"status":429,"error":"Too Many Requests","response":{"message":["Too many requests"]}}`},
	{"aspx", "GET", "/status.aspx?wid=wrong", http.Header{}, 401, `{"status":0,"error":"rate limit","ttl":RETRY}`},
	{"guid", "GET", "/client/list", http.Header{"Authorization": {"Bearer wrong"}}, 401, `{"code":429,"data":null,"msg":"too many requests","requestId":"ID"}`},
}

var requestID = regexp.MustCompile(`"requestId":"[0-9a-f-]{36}"`)

// TestGuessing has an address try keys in each dialect: it is refused then, in
// all of them and with any key, and others are not.
func TestGuessing(t *testing.T) {
	t.Parallel()
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			w := apitest.New(t, apitest.Options{})
			const guesser = "192.0.2.1:1234"
			var last apitest.Answer
			for n := range 200 { // more than time gives back on a slow machine
				if last = from(w, guesser, d.method, d.path, d.wrong.Clone(), ""); last.Status != d.status {
					if n < 60 {
						t.Errorf("refused after %d tries: %d %s", n, last.Status, last.Body)
					}
					break
				}
			}
			retry := last.Header.Get("Retry-After")
			last.Body = requestID.ReplaceAllString(last.Body, `"requestId":"ID"`)
			if want := strings.Replace(d.tooMany, "RETRY", retry, 1); last.Status != 429 || retry == "" || strings.TrimSpace(last.Body) != want {
				t.Errorf("%d %s, Retry-After %q", last.Status, last.Body, retry)
			}
			if a := from(w, "192.0.2.2:1234", d.method, d.path, d.wrong.Clone(), ""); a.Status != d.status {
				t.Errorf("another address: %d %s", a.Status, a.Body)
			}
			for _, other := range dialects {
				if a := from(w, guesser, other.method, other.path, http.Header{"Apikey": {apitest.AdminKey}}, ""); a.Status != 429 {
					t.Errorf("the same address in %s: %d %s", other.name, a.Status, a.Body)
				}
			}
			if a := from(w, "127.0.0.1:1234", d.method, d.path, d.wrong.Clone(), ""); a.Status != d.status {
				t.Errorf("this machine: %d %s", a.Status, a.Body)
			}
		})
	}
}

// TestRates asks very often, from one address and with one key.
func TestRates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := apitest.New(t, apitest.Options{Now: func() time.Time { return now }})
	w.Create(t, "shop", "the-token")
	path := "/"
	until429 := func(address string, header http.Header, most int) {
		t.Helper()
		for n := range 50_000 {
			a := from(w, address, "GET", path, header.Clone(), "")
			if a.Status == http.StatusTooManyRequests {
				if n != most || a.Header.Get("Retry-After") == "" {
					t.Errorf("refused after %d calls, %v", n, a.Header)
				}
				return
			}
		}
		t.Error("never refused")
	}
	until429("127.0.0.1:1", http.Header{"Apikey": {"the-token"}}, 500)
	now = now.Add(time.Second)
	until429("127.0.0.1:1", http.Header{"Apikey": {"the-token"}}, 100)
	path = "/client/list" // a tenant's token stands for all its clients
	until429("127.0.0.1:1", http.Header{"Authorization": {"Bearer a-tenant's"}}, 2000)
	now = now.Add(time.Second)
	until429("127.0.0.1:1", http.Header{"Authorization": {"Bearer a-tenant's"}}, 400)
	path = "/"
	if a := w.Do(t, http.MethodGet, "/", apitest.AdminKey, ""); a.Status != 200 {
		t.Errorf("the admin's key: %d", a.Status)
	}
	until429("[2001:db8:0:1::1]:1", http.Header{}, 2000)
	if a := from(w, "[2001:db8:0:1::2]:1", "GET", "/", http.Header{}, ""); a.Status != 429 {
		t.Errorf("a neighbour in the same network: %d", a.Status)
	}
	if a := from(w, "[2001:db8:0:2::1]:1", "GET", "/", http.Header{}, ""); a.Status != 200 {
		t.Errorf("another network: %d", a.Status)
	}
}

// TestLargeBodies sends more than each dialect takes.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{MaxBody: 1 << 20})
	w.Create(t, "shop", "the-token")
	large := `{"x":"` + strings.Repeat("x", 1<<20) + `"}`
	for path, header := range map[string]http.Header{
		"/message/sendText/shop":         {"Apikey": {"the-token"}},
		"/set_config.aspx?wid=the-token": {},
		"/client/getClientStatus":        {"Authorization": {"Bearer x"}},
	} {
		if a := from(w, "127.0.0.1:1", "POST", path, header, large); a.Status != 413 || !json.Valid([]byte(a.Body)) {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

// TestTooLargeEndsTheConnection sends from another address a body that is a
// little too large: what is left of it must not be taken for a request.
func TestTooLargeEndsTheConnection(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{MaxBody: 1000})
	w.Create(t, "shop", "the-token")
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "192.0.2.1:1234"
		w.Handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	for path, limit := range map[string]int{"/message/sendText/shop": 1000, "/set_config.aspx": 1 << 20, "/tenant/token": 64 << 10} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(strings.Repeat("a", limit+100)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Content-Type": {"application/json"}, "Apikey": {"the-token"}, "Authorization": {"Bearer the-token"}}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _ = response.Body.Close(); response.StatusCode != http.StatusRequestEntityTooLarge || !response.Close {
			t.Errorf("%s: %d, the connection ends: %v", path, response.StatusCode, response.Close)
		}
	}
}
