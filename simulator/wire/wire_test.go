package wire

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"roost/simulator/knownraces"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"go.uber.org/goleak"
)

// testRoot is the root of all authorities that clients should trust: whatsmeow
// knows one for the whole process.
var testRoot = keys.NewKeyPair()

func TestMain(m *testing.M) {
	knownraces.Suppress()
	if dialIdleAndExit() {
		return
	}
	whatsmeow.WACertPubKey = *testRoot.Pub
	goleak.VerifyTestMain(m)
}

// accepted is what Accept returned.
type accepted struct {
	conn *Conn
	err  error
}

// listen starts a server and returns its URL and what it accepts.
func listen(t testing.TB, o Options) (string, <-chan accepted) {
	t.Helper()
	return listenWith(t, newAuthority(t, testRoot, time.Now()), o)
}

func listenWith(t testing.TB, a *Authority, o Options) (string, <-chan accepted) {
	t.Helper()
	results := make(chan accepted, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, a, o)
		if c != nil {
			t.Cleanup(c.Drop)
		}
		results <- accepted{c, err}
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http") + "/ws/chat", results
}

func newAuthority(t testing.TB, root *keys.KeyPair, now time.Time) *Authority {
	t.Helper()
	a, err := NewAuthority(root, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// connect returns both sides of a connection.
func connect(t testing.TB, o Options, d Dialer) (server, client *Conn) {
	t.Helper()
	url, results := listen(t, o)
	d.Root = *testRoot.Pub
	client, err := Dial(t.Context(), url, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Drop)
	return mustAccept(t, results), client
}

func mustAccept(t testing.TB, results <-chan accepted) *Conn {
	t.Helper()
	r := <-results
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.conn
}

func mustRead(t testing.TB, c *Conn, want Node) {
	t.Helper()
	got, err := c.Read()
	if err != nil {
		t.Fatalf("read <%s>: %v", want.Tag, err)
	}
	if reflect.DeepEqual(want, *got) { // cmp takes seconds for megabytes
		return
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Fatalf("stanza differs (-want +got):\n%s", diff)
	}
}

func mustWrite(t testing.TB, c *Conn, nodes ...Node) {
	t.Helper()
	if err := c.Write(nodes...); err != nil {
		t.Fatal(err)
	}
}

func wantReadError(t testing.TB, c *Conn, want error) {
	t.Helper()
	if n, err := c.Read(); !errors.Is(err, want) {
		t.Fatalf("Read() = %v, %v, want error %v", n, err, want)
	}
	// Only Read knows it yet if the other side's Close waits for its answer.
	if n, err := c.Read(); !errors.Is(err, want) {
		t.Fatalf("second Read() = %v, %v, want the same error %v", n, err, want)
	}
}

// stanza is a message of the given size, told apart by id.
func stanza(id string, size int) Node {
	return Node{
		Tag: "message",
		Attrs: Attrs{
			"id":   id,
			"type": "text",
			"from": types.JID{User: "123456789", Server: types.HiddenUserServer, Device: 3},
			"t":    "1700000000",
		},
		Content: []Node{{Tag: "enc", Attrs: Attrs{"v": "2", "type": "msg"}, Content: []byte(strings.Repeat("x", size))}},
	}
}

func TestStanzasBothWays(t *testing.T) {
	t.Parallel()
	for _, compress := range []bool{false, true} {
		server, client := connect(t, Options{Compress: compress}, Dialer{Compress: compress})
		for _, size := range []int{0, 1, 200, 5_000, 300_000, 3_000_000} {
			mustWrite(t, server, stanza("down", size))
			mustRead(t, client, stanza("down", size))
			// The far side must read while a large stanza is written.
			written := make(chan error, 1)
			go func() { written <- client.Write(stanza("up", size)) }()
			mustRead(t, server, stanza("up", size))
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		}
		si, so := server.Traffic()
		ci, co := client.Traffic()
		if si != co || so != ci || si < 3_000_000 {
			t.Errorf("server counts %d in, %d out, client %d in, %d out", si, so, ci, co)
		}
	}
}

func TestWriteKinds(t *testing.T) {
	t.Parallel()
	server, client := connect(t, Options{}, Dialer{})
	go func() {
		for _, err := range []error{
			server.WriteCompressed(stanza("compressed", 9000)),
			server.WriteSplit(stanza("split", 100)),
			server.Write(stanza("a", 1), stanza("b", 2), stanza("c", 3), stanza("d", 4), stanza("e", 5)),
			server.WriteGarbled(stanza("garbled", 100)),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	}()
	mustRead(t, client, stanza("compressed", 9000))
	if in, _ := client.Traffic(); in > 2000 {
		t.Errorf("%d bytes read, the stanza was not compressed", in)
	}
	mustRead(t, client, stanza("split", 100))
	for i, id := range []string{"a", "b", "c", "d", "e"} {
		mustRead(t, client, stanza(id, i+1))
	}
	wantReadError(t, client, ErrMalformed)
	<-client.Done()
}

func TestWriteRefusesWhatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	server, client := connect(t, Options{}, Dialer{})
	bad := Node{Tag: "iq", Content: struct{}{}}
	for name, err := range map[string]error{
		"Write":           server.Write(stanza("never sent", 1), bad),
		"WriteCompressed": server.WriteCompressed(bad),
		"WriteSplit":      server.WriteSplit(bad),
		"WritePacked":     server.WritePacked(make([]byte, maxFrame)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	mustWrite(t, server, stanza("sent", 1))
	mustRead(t, client, stanza("sent", 1))
}

func TestConcurrentWrites(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 50
	server, client := connect(t, Options{}, Dialer{})
	errs := make(chan error, writers)
	for w := range writers {
		go func() {
			for i := range each {
				pair := []Node{stanza(string(rune('a'+w)), i), stanza(string(rune('a'+w)), i)}
				if err := server.Write(pair...); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	sizes := map[any]int{}
	for range writers * each {
		first, err := client.Read()
		if err != nil {
			t.Fatal(err)
		}
		id := first.Attrs["id"]
		want := stanza(id.(string), sizes[id])
		if diff := cmp.Diff(want, *first); diff != "" {
			t.Fatalf("not the next stanza of its writer:\n%s", diff)
		}
		mustRead(t, client, want) // the second of the same call follows at once
		sizes[id]++
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func TestCloseIsOrderly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"server", "client"} {
		server, client := connect(t, Options{}, Dialer{})
		closing, other := server, client
		if name == "client" {
			closing, other = client, server
		}
		reading := make(chan error, 1)
		go func() {
			_, err := closing.Read()
			reading <- err
		}()
		mustWrite(t, closing, stanza("last", 10))
		closed := make(chan error, 1)
		go func() { closed <- closing.Close() }()
		mustRead(t, other, stanza("last", 10))
		wantReadError(t, other, io.EOF)
		if err := <-closed; err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
		if err := <-reading; !errors.Is(err, io.EOF) {
			t.Errorf("%s: Read beside Close: %v", name, err)
		}
		<-closing.Done()
		<-other.Done()
		for _, c := range []*Conn{closing, other} {
			if err := c.Write(stanza("late", 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: Write after the end: %v", name, err)
			}
			if err := c.Close(); err != nil {
				t.Errorf("%s: Close after the end: %v", name, err)
			}
		}
	}
}

func TestDropIsNot(t *testing.T) {
	t.Parallel()
	server, client := connect(t, Options{}, Dialer{})
	reading := make(chan error, 1)
	go func() {
		_, err := server.Read()
		reading <- err
	}()
	server.Drop()
	<-server.Done()
	if err := <-reading; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read beside Drop: %v", err)
	}
	n, err := client.Read()
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, ErrMalformed) {
		t.Errorf("Read on the other side = %v, %v, want an error that is no orderly end", n, err)
	}
	<-client.Done()
	server.Drop()
	if err := server.Close(); err != nil {
		t.Errorf("Close after Drop: %v", err)
	}
}

// TestConnectionOutlivesRequest also shows that many connections share a server.
func TestConnectionOutlivesRequest(t *testing.T) {
	t.Parallel()
	url, results := listen(t, Options{})
	for range 3 {
		client, err := Dial(t.Context(), url, Dialer{Root: *testRoot.Pub})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Drop()
		server := mustAccept(t, results) // the handler has returned or is about to
		mustWrite(t, client, stanza("x", 1))
		mustRead(t, server, stanza("x", 1))
	}
}
