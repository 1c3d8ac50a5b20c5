package guid_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/guid"
	"roost/functions/api/openapi"
)

// FuzzRequest sends anything to any route: the answer is an envelope that the
// document knows, and never a fault of ours.
func FuzzRequest(f *testing.F) {
	document, err := openapi.Read(guid.Document)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	w := apitest.New(f, apitest.Options{Now: func() time.Time { return now }})
	ask := func(token, method, target, body string) (int, string) {
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token}}
		recorder := httptest.NewRecorder()
		w.Handler.ServeHTTP(recorder, r)
		return recorder.Code, recorder.Body.String()
	}
	var said struct {
		Data struct{ AppKey, AppSecret, Token, GUID string }
	}
	learn := func(token, method, target, body string) {
		if _, answer := ask(token, method, target, body); json.Unmarshal([]byte(answer), &said) != nil || strings.Contains(answer, `"data":null`) {
			f.Fatalf("%s: %s", target, answer)
		}
	}
	learn(apitest.AdminKey, "POST", "/tenant/create", `{"defaultEgress":true}`)
	learn("", "POST", "/tenant/token", `{"appKey":"`+said.Data.AppKey+`","appSecret":"`+said.Data.AppSecret+`"}`)
	learn(said.Data.Token, "POST", "/client/createClient", `{"deviceName":"a"}`)
	about := `{"guid":"` + said.Data.GUID + `"`
	for _, seed := range [][3]string{
		{"POST", "/tenant/token", `{"refreshToken":"x"}`},
		{"POST", "/tenant/create", `{"tenant":"a","maxClients":1e2}`},
		{"POST", "/tenant/resetSecret", `{"tenant":""}`},
		{"POST", "/tenant/setConfig", `{"maxIdle":1.0,"notifyUrl":"","legacyWebID":true}`},
		{"POST", "/client/createClient", `{"deviceName":"a","onlyProxyLogin":1e0,"proxyUrl":"socks5://a:b@[::1]:1"}`},
		{"POST", "/client/recoverClient", about + `,"wxId":"49"}`},
		{"DELETE", "/client/%00", ""},
		{"GET", "/client/list?cursor=AAAA", ""},
		{"GET", "/client/list?cursor=%zz", ""},
		{"POST", "/client/setNotifyUrl", about + `,"notifyUrl":"https://[::1]:x/","events":["group"]}`},
		{"POST", "/client/getClientStatus", about + `,"guid":null}`},
		{"POST", "/client/stopClient", about + `}`},
		{"POST", "/client/heartbeat", about + "}\x00"},
		{"POST", "/login/getLoginQrcode", about + `}`},
		{"POST", "/login/checkLoginQrcode", about + `,"qrcodeKey":""}`},
		{"POST", "/login/verifyLoginQrcode", about + `,"qrcodeKey":"k","code":"1"}`},
		{"POST", "/login/getPairCode", about + `,"phone":"+49 (0) 155"}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		path, _, _ := strings.Cut(target, "?")
		if !guid.Serves(path) || http.MethodGet != method && http.MethodPost != method && http.MethodDelete != method {
			return
		}
		now = now.Add(time.Minute) // so that creations are let through
		token := said.Data.Token
		if strings.HasPrefix(path, "/tenant/create") || strings.HasPrefix(path, "/tenant/reset") {
			token = apitest.AdminKey
		}
		status, answer := ask(token, method, target, body)
		if status >= http.StatusInternalServerError || envelope.FindString(answer) == "" && !json.Valid([]byte(answer)) {
			t.Errorf("%s %q %q: %d %s", method, target, body, status, answer)
		}
		if operation, ok := document.Find(method, path); ok {
			if err := operation.Response(status, []byte(answer)); err != nil {
				t.Errorf("%s %q %q: %v", method, target, body, err)
			}
		}
	})
}
