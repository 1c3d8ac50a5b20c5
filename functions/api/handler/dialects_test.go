package handler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/shared/instance"
)

// triglot asks about an instance in all dialects.
type triglot struct {
	*apitest.World
	t      *testing.T
	bearer string // of the default tenant
}

// newTriglot makes a world whose default tenant has an account.
func newTriglot(t *testing.T) *triglot {
	t.Helper()
	w := &triglot{World: apitest.New(t, apitest.Options{}), t: t}
	keys := w.guid(apitest.AdminKey, "POST", "/tenant/create", `{"tenant":"default","defaultEgress":true}`)
	tokens := w.guid("", "POST", "/tenant/token", fmt.Sprintf(`{"appKey":%q,"appSecret":%q}`, keys["appKey"], keys["appSecret"]))
	w.bearer, _ = tokens["token"].(string)
	return w
}

// guid returns the data of an answer, with its code.
func (w *triglot) guid(token, method, path, body string) map[string]any {
	w.t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	var said struct {
		Code int
		Data map[string]any
	}
	a := w.Send(w.t, method, path, header, strings.NewReader(body))
	if err := json.Unmarshal([]byte(a.Body), &said); err != nil {
		w.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	if said.Data == nil {
		said.Data = map[string]any{}
	}
	said.Data["code"] = said.Code
	return said.Data
}

// words are an instance's state as each dialect says it.
func (w *triglot) words(name, token string, id instance.ID) string {
	w.t.Helper()
	var evolution struct{ Instance struct{ State string } }
	a := w.Do(w.t, http.MethodGet, "/instance/connectionState/"+name, apitest.AdminKey, "")
	_ = json.Unmarshal([]byte(a.Body), &evolution)
	var aspx struct {
		Status               int
		CanRestoreConnection bool
	}
	b := w.Do(w.t, http.MethodGet, "/status.aspx?wid="+token, "", "")
	_ = json.Unmarshal([]byte(b.Body), &aspx)
	c := w.guid(w.bearer, "POST", "/client/getClientStatus", `{"guid":"`+string(id)+`"}`)
	if a.Status != 200 || b.Status != 200 || c["code"] != 0 {
		return fmt.Sprintf("%d %d %v", a.Status, b.Status, c["code"])
	}
	return fmt.Sprintf("%s %d %v %v", evolution.Instance.State, aspx.Status, c["status"], c["canRecover"] == aspx.CanRestoreConnection)
}

// TestOneInstance makes an instance in each dialect that makes some, and has all
// of them tell where it stands, in their words.
func TestOneInstance(t *testing.T) {
	t.Parallel()
	w := newTriglot(t)
	made := w.Create(t, "shop", "the-token")
	client, _ := w.guid(w.bearer, "POST", "/client/createClient", `{"deviceName":"srv-42"}`)["guid"].(string)
	var rows []struct{ ID, Name, Token string }
	a := w.Do(t, http.MethodGet, "/instance/fetchInstances", apitest.AdminKey, "")
	if err := json.Unmarshal([]byte(a.Body), &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%s: %v", a.Body, err)
	}
	for _, row := range rows {
		i, err := w.Instances.Get(t.Context(), instance.ID(row.ID))
		if err != nil || row.ID != string(made.ID) && row.ID != client {
			t.Fatalf("%+v: %v", row, err)
		}
		offer := instance.Offer{Instance: i.ID, QR: apitest.QR, QRUntil: time.Now().Add(time.Hour), Until: time.Now().Add(time.Hour)}
		if err := w.Instances.PutOffer(t.Context(), offer); err != nil {
			t.Fatal(err)
		}
		for _, stand := range []struct {
			state  instance.State
			linked bool
			reason string
			want   string
		}{
			{instance.Created, false, "", "close 0 created true"},
			{instance.Connecting, false, "", "connecting 1 connecting true"},
			{instance.Pairing, false, "", "connecting 3 qr true"},
			{instance.Starting, true, "", "connecting 4 starting true"},
			{instance.Open, true, "", "open 10 online true"},
			{instance.Idle, true, instance.ReasonSilent, "connecting 11 idle true"},
			{instance.Closed, true, instance.ReasonDisconnected, "close 0 released true"},
			{instance.Closed, true, instance.ReasonReplaced, "close 11 released true"},
			{instance.Closed, false, instance.ReasonPairingTimeout, "close 0 created true"},
			{instance.LoggedOut, false, instance.ReasonLoggedOut, "close 13 loggedout true"},
			{instance.LoggedOut, false, instance.ReasonUserLogout, "close 0 loggedout true"},
		} {
			w.Set(t, i, stand.state, func(i *instance.Instance) {
				i.JID, i.Reason, i.Ready = "", instance.Reason{Code: stand.reason}, stand.state == instance.Open
				if stand.linked {
					i.JID = apitest.OwnJID
				}
			})
			if got := w.words(row.Name, row.Token, i.ID); got != stand.want {
				t.Errorf("%s, %s %s: %s, want %s", row.Name, stand.state, stand.reason, got, stand.want)
			}
		}
		if got := w.guid(w.bearer, "DELETE", "/client/"+row.ID, ""); got["code"] != 0 {
			t.Errorf("deleted: %v", got)
		}
		if got := w.words(row.Name, row.Token, i.ID); got != "404 401 10013" {
			t.Errorf("%s, when deleted: %s", row.Name, got)
		}
	}
}

// TestStrangers asks for an instance with keys of others: what they are told of
// one that is there and of one that is not must be the same, where the dialect's
// contract does not demand otherwise. Evolution's does: it says 404 first.
func TestStrangers(t *testing.T) {
	t.Parallel()
	w := newTriglot(t)
	there := w.Create(t, "shop", "6D6307C3-2973-4468-85FA-D047CB8E1F2E")
	w.Create(t, "other", "other-token")
	keys := w.guid(apitest.AdminKey, "POST", "/tenant/create", `{"tenant":"acme","defaultEgress":true}`)
	tokens := w.guid("", "POST", "/tenant/token", fmt.Sprintf(`{"appKey":%q,"appSecret":%q}`, keys["appKey"], keys["appSecret"]))
	acme, _ := tokens["token"].(string)
	for _, route := range []string{"POST /client/getClientStatus", "POST /client/recoverClient", "POST /client/stopClient", "DELETE /client/"} {
		method, path, _ := strings.Cut(route, " ")
		for _, id := range []string{string(there.ID), "0193483a-3f98-7f3e-b4d2-1f9a2b3c4d5e"} {
			target := path
			if method == "DELETE" {
				target += id
			}
			if got := w.guid(acme, method, target, `{"guid":"`+id+`"}`); got["code"] != 10013 || len(got) != 1 {
				t.Errorf("%s of %s: %v", route, id, got)
			}
		}
	}
	// The original's key is the instance's id. Here that opens nothing.
	for _, wid := range []string{string(there.ID), "other", "shop", strings.ToUpper(string(there.ID)), "00000000-0000-0000-0000-000000000000"} {
		if a := w.Do(t, http.MethodGet, "/status.aspx?wid="+wid, "", ""); a.Status != 401 || a.Body != `{"status":0,"error":"invalid wid"}` {
			t.Errorf("wid %s: %d %s", wid, a.Status, a.Body)
		}
	}
	for path, status := range map[string]int{
		"/instance/connectionState/shop": 401, "/instance/connectionState/none": 404, "/instance/connectionState/other": 200,
		"/instance/fetchInstances?instanceName=shop": 401, "/instance/fetchInstances?instanceName=none": 401, "/instance/fetchInstances?instanceId=" + string(there.ID): 401,
		"/instance/archive/shop": 401, "/instance/archive/none": 401,
	} {
		if a := w.Do(t, http.MethodGet, path, "other-token", ""); a.Status != status {
			t.Errorf("%s with another's token: %d %s", path, a.Status, a.Body)
		}
	}
	if got := w.guid(acme, "GET", "/client/list", ""); len(got["items"].([]any)) != 0 {
		t.Errorf("another tenant's list: %v", got)
	}
}
