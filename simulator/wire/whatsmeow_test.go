package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"go.mau.fi/whatsmeow/util/keys"
)

// detour sends every request to one host, whatever host it asks for, and notes
// what the answers say of compression.
type detour struct {
	to         *url.URL
	transport  *http.Transport
	extensions chan string
}

func (d *detour) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", d.to.Host
	resp, err := d.transport.RoundTrip(r)
	if err == nil {
		d.extensions <- resp.Header.Get("Sec-WebSocket-Extensions")
	}
	return resp, err
}

// realClient connects an unmodified, unpaired whatsmeow client.
func realClient(t *testing.T, o Options) (server *Conn, device *store.Device, extensions string, codes <-chan []string) {
	t.Helper()
	address, results := listen(t, o)
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	identity := keys.NewKeyPair()
	copied := *store.NoopDevice
	device = &copied
	device.NoiseKey, device.IdentityKey = keys.NewKeyPair(), identity
	device.SignedPreKey = identity.CreateSignedPreKey(1)
	device.ID = nil
	device.RegistrationID = 12345
	device.AdvSecretKey = make([]byte, 32)

	d := &detour{to: to, transport: new(http.Transport), extensions: make(chan string, 1)}
	cli := whatsmeow.NewClient(device, nil)
	cli.SetWebsocketHTTPClient(&http.Client{Transport: d})
	cli.SetPreLoginHTTPClient(&http.Client{Transport: d})
	qr := make(chan []string, 1)
	gone := make(chan struct{})
	cli.AddEventHandler(func(e any) {
		switch e := e.(type) {
		case *events.QR:
			qr <- e.Codes
		case *events.Disconnected:
			close(gone)
		}
	})
	if err := cli.ConnectContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	server = mustAccept(t, results)
	t.Cleanup(func() {
		// One after the other: whatsmeow races with itself when it disconnects
		// while it learns that it was disconnected (NoiseSocket.Stop, FrameSocket.Close).
		server.Drop()
		<-gone
		cli.Disconnect()
	})
	return server, device, <-d.extensions, qr
}

// pairDevice asks an unpaired client to show QR codes.
func pairDevice(id string) Node {
	return Node{
		Tag:   "iq",
		Attrs: Attrs{"from": types.ServerJID, "type": "set", "id": id, "xmlns": "md"},
		Content: []Node{{Tag: "pair-device", Content: []Node{
			{Tag: "ref", Content: []byte("first")},
			{Tag: "ref", Content: []byte("second")},
		}}},
	}
}

func TestWhatsmeow(t *testing.T) {
	t.Parallel()
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprintf("compress %t", compress), func(t *testing.T) {
			t.Parallel()
			server, device, extensions, codes := realClient(t, Options{Compress: compress})
			if got := strings.HasPrefix(extensions, "permessage-deflate"); got != compress {
				t.Errorf("Sec-WebSocket-Extensions: %q", extensions)
			}
			if server.StaticKey() != *device.NoiseKey.Pub {
				t.Error("not the client's Noise key")
			}
			if got := server.Payload().GetDevicePairingData().GetEIdent(); string(got) != string(device.IdentityKey.Pub[:]) {
				t.Errorf("payload has identity %x", got)
			}
			if server.Payload().GetUserAgent().GetPlatform() != waWa6.ClientPayload_UserAgent_WEB {
				t.Errorf("payload has user agent %v", server.Payload().GetUserAgent())
			}
			// A garbled stanza is lost, the ones after it are not.
			if err := server.WriteGarbled(pairDevice("lost")); err != nil {
				t.Fatal(err)
			}
			for id, write := range map[string]func() error{
				"plain":      func() error { return server.Write(pairDevice("plain")) },
				"compressed": func() error { return server.WriteCompressed(pairDevice("compressed")) },
			} {
				if err := write(); err != nil {
					t.Fatal(err)
				}
				mustRead(t, server, Node{Tag: "iq", Attrs: Attrs{"to": types.ServerJID, "type": "result", "id": id}})
				if got := <-codes; len(got) != 2 || !strings.Contains(got[0], "#first,") || !strings.Contains(got[1], "#second,") {
					t.Errorf("%s: QR codes %q", id, got)
				}
			}
			if err := server.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// Stanzas of one Write share websocket messages: here 60 of them several.
func TestWhatsmeowReadsFramesTogether(t *testing.T) {
	t.Parallel()
	server, _, _, codes := realClient(t, Options{})
	nodes := make([]Node, 60)
	total := 0
	for i := range nodes {
		nodes[i] = pairDevice(fmt.Sprintf("together-%d", i))
		packed, err := pack(nodes[i])
		if err != nil {
			t.Fatal(err)
		}
		total += lengthSize + len(packed) + tagSize
	}
	if total < togetherMax || total > 10*togetherMax {
		t.Fatalf("%d bytes in all are no test for messages of %d", total, togetherMax)
	}
	mustWrite(t, server, nodes...)
	for _, n := range nodes {
		mustRead(t, server, Node{Tag: "iq", Attrs: Attrs{"to": types.ServerJID, "type": "result", "id": n.Attrs["id"]}})
		if got := <-codes; len(got) != 2 || !strings.Contains(got[0], "#first,") {
			t.Fatalf("%s: QR codes %q", n.Attrs["id"], got)
		}
	}
}

func TestTogether(t *testing.T) {
	t.Parallel()
	of := func(sizes ...int) [][]byte {
		packed := make([][]byte, len(sizes))
		for i, size := range sizes {
			packed[i] = make([]byte, size)
		}
		return packed
	}
	const frame = lengthSize + tagSize
	for _, c := range []struct {
		packed [][]byte
		want   int
	}{
		{of(1), 1},
		{of(10 * togetherMax), 1},
		{of(10*togetherMax, 1), 1},
		{of(1, 10*togetherMax), 1},
		{of(1, 2, 3), 3},
		{of(100, togetherMax-100-2*frame), 2},
		{of(100, togetherMax-100-2*frame+1), 1},
	} {
		if got := together(c.packed); got != c.want {
			t.Errorf("%d of %d stanzas of which the first has %d bytes, want %d", got, len(c.packed), len(c.packed[0]), c.want)
		}
	}
}

// TestWhatsmeowLosesSplitFrames is why no frame is spread over websocket
// messages. When it fails whatsmeow has learned to join them.
func TestWhatsmeowLosesSplitFrames(t *testing.T) {
	t.Parallel()
	server, _, _, codes := realClient(t, Options{})
	if err := server.WriteSplit(pairDevice("split")); err != nil {
		t.Fatal(err)
	}
	if err := server.Write(pairDevice("after")); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil { // the client has read all when it answers
		t.Fatal(err)
	}
	select {
	case got := <-codes:
		t.Errorf("QR codes %q", got)
	default:
	}
}
