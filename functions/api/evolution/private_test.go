package evolution_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"roost/functions/api/apitest"
)

// TestPrivateAddresses: no route fetches a file from inside the network, whatever
// the address looks like and whoever leads there. Evolution does.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	reached := make(chan string, 100)
	inside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached <- r.URL.Path
		_, _ = w.Write([]byte("secret"))
	})
	w, _ := linked(t, apitest.Options{Mount: map[string]http.Handler{"/inside/": inside}})
	_, port, _ := strings.Cut(strings.TrimPrefix(w.Server.URL, "http://"), ":")
	routes := map[string]string{
		"message/sendMedia": `"mediatype":"image","media":U`, "message/sendPtv": `"video":U`, "message/sendWhatsAppAudio": `"audio":U`, "message/sendSticker": `"sticker":U`,
		"message/sendStatus": `"type":"image","content":U,"statusJidList":["4915112345678"]`, "message/sendButtons": `"title":"T","thumbnailUrl":U,"buttons":[{"type":"reply","id":"1"}]`,
		"chat/updateProfilePicture": `"picture":U`, "group/updateGroupPicture": `"groupJid":"120363@g.us","image":U`,
	}
	for route, body := range routes {
		for _, address := range []string{
			"http://127.0.0.1:" + port, "http://localhost:" + port, "http://[::1]:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port, "http://2130706433:" + port,
			"http://0x7f.0.0.1:" + port, "https://127.1:" + port, "http://10.0.0.1", "https://192.168.0.1", "http://169.254.169.254", "http://[fd00::1]", "http://[fe80::1]", "https://100.64.0.1",
			"file:///etc", "ftp://127.0.0.1",
		} {
			sent := len(w.Host.Sent())
			a := w.Do(t, "POST", "/"+route+"/a", "t", `{"number":"4915112345678",`+strings.Replace(body, "U", `"`+address+`/inside/a.png"`, 1)+`}`)
			refused := a.Status == 400 || a.Status == 500 && strings.Contains(a.Body, `"Error updating `)
			if !refused || strings.Contains(a.Body, "Connection Closed") || len(w.Host.Sent()) != sent {
				t.Errorf("%s takes %s: %d %s", route, address, a.Status, a.Body)
			}
		}
	}
	for _, text := range []string{"http://127.0.0.1:" + port + "/inside/link", "http://localhost:" + port + "/inside/link"} { // a preview is no reason to refuse
		a := w.Do(t, "POST", "/message/sendText/a", "t", `{"number":"4915112345678","text":"`+text+`"}`)
		if a.Status != 201 || last(t, w).Args.Text.Preview != nil {
			t.Errorf("%s: %d %s", text, a.Status, a.Body)
		}
	}
	if len(reached) > 0 {
		t.Errorf("%s was fetched", <-reached)
	}

	leads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+strings.TrimPrefix(r.URL.Path, "/to/"), http.StatusFound)
	})
	other, _ := linked(t, apitest.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Mount: map[string]http.Handler{"/to/": leads}})
	for _, to := range []string{"10.0.0.1/a.png", "169.254.169.254/latest", "[::1]:" + port + "/inside/a.png"} {
		a := other.Do(t, "POST", "/message/sendMedia/a", "t", `{"number":"4915112345678","mediatype":"image","media":"`+other.Server.URL+`/to/`+to+`"}`)
		want(t, "led to "+to, a, 400, `{"status":400,"error":"Bad Request","response":{"message":["the media URL could not be fetched: its address is not a public one"]}}`)
	}
}
