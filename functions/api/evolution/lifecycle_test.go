package evolution_test

import (
	"strings"
	"testing"
)

// TestLifecycle is what webhooks are told of an instance itself, in order, from
// its creation to its end: section 3.3 of the contract.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	id := `"instanceId":"*-*-*-*-*"`
	w.told("instance.create", `{"instanceName":"a",`+id+`}`)
	w.told("connection.update", `{"instance":"a","state":"connecting","statusReason":200}`)
	w.told("qrcode.updated", `{"qrcode":{"instance":"a","pairingCode":null,"code":"*,*,*,*","base64":"data:image/png;base64,*"}}`)
	w.told("connection.update", `{"instance":"a","wuid":"491510000001@s.whatsapp.net","profileName":"*","profilePictureUrl":null,"state":"open","statusReason":200}`)
	state := func(want string) step {
		return step{name: "state", method: "GET", path: "/instance/connectionState/a", status: 200, want: `{"instance":{"instanceName":"a","state":"` + want + `"}}`}
	}
	w.run(nil, []step{state("open")})

	// The phone unlinks it: the record says so at once, and so do all routes.
	w.must(w.alice.Unlink())
	w.told("connection.update", `{"instance":"a","state":"close","statusReason":401}`)
	w.told("status.instance", `{"instance":"a","status":"closed","disconnectionAt":"*Z","disconnectionReasonCode":401,"disconnectionObject":"{*}"}`)
	w.run(nil, []step{
		state("close"),
		{name: "the row", method: "GET", path: "/instance/fetchInstances", status: 200, want: `[{*"connectionStatus":"close","ownerJid":"491510000001@s.whatsapp.net",*"disconnectionReasonCode":401,"disconnectionObject":"{*}","disconnectionAt":"*Z",*}]`},
		{name: "a send", method: "POST", path: "/message/sendText/a", body: `{"number":"491510000002","text":"x"}`, status: 500, want: `{*"Connection Closed"*}`},
		{name: "logout", method: "DELETE", path: "/instance/logout/a", status: 400, want: `{*["The \"a\" instance is not connected"]*}`},
	})

	// Linked again and logged out through the API.
	i, err := w.Instances.ByName(w.ctx, "default", "a")
	w.must(err)
	w.link(i)
	w.told("connection.update", `{*"state":"open"*}`)
	w.run(nil, []step{
		state("open"),
		{name: "logout", method: "DELETE", path: "/instance/logout/a", status: 200, want: `{"status":"SUCCESS","error":false,"response":{"message":"Instance logged out"}}`},
		state("close"),
	})
	w.told("connection.update", `{"instance":"a","state":"close","statusReason":401}`)
	w.told("logout.instance", `null`)

	// Linked once more and deleted.
	w.link(i)
	w.told("connection.update", `{*"state":"open"*}`)
	w.run(nil, []step{
		{name: "delete", method: "DELETE", path: "/instance/delete/a", status: 200, want: `{"status":"SUCCESS","error":false,"response":{"message":"Instance deleted"},"archive":{*}}`},
		{name: "gone", method: "GET", path: "/instance/connectionState/a", status: 404, want: `{*["The \"a\" instance does not exist"]*}`},
	})
	w.told("instance.delete", `{"instanceName":"a",`+id+`}`)
	w.told("connection.update", `{"instance":"a","state":"close","statusReason":401}`)
	w.told("logout.instance", `null`)
	if len(w.alice.Companions()) != 0 {
		t.Error("the phone is still linked")
	}
}

// TestCodesRunOut: a pairing that nobody completes ends, and says so.
func TestCodesRunOut(t *testing.T) {
	t.Parallel()
	w := newLive(t)
	w.Create(t, "b", "t-b")
	a := w.Do(t, "POST", "/settings/set/b", "t-b", `{"qrTimeout":1,"rejectCall":false,"groupsIgnore":false,"alwaysOnline":false,"readMessages":false,"readStatus":false,"syncFullHistory":false}`)
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if a := w.Do(t, "GET", "/instance/connect/b", "t-b", ""); a.Status != 200 || !strings.Contains(a.Body, `"code":"2@`) {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	w.told("qrcode.updated", `{"message":"QR code limit reached, please login again","statusCode":500}`)
	w.told("connection.update", `{"instance":"b","state":"refused","statusReason":428}`)
	want(t, "the state", w.Do(t, "GET", "/instance/connectionState/b", "t-b", ""), 200, `{"instance":{"instanceName":"b","state":"close"}}`)
	if a := w.Do(t, "GET", "/instance/fetchInstances", "t-b", ""); !strings.Contains(a.Body, `"connectionStatus":"close"`) {
		t.Errorf("the row: %s", a.Body)
	}
}
