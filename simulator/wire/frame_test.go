package wire

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/socket"
)

// cut takes what f makes of a stream that arrives in messages of these sizes,
// repeated; 0 means one message.
func cut(f *frames, stream []byte, sizes []byte) ([][]byte, error) {
	var got [][]byte
	for i := 0; ; i++ {
		for {
			frame, ok, err := f.next()
			if err != nil {
				return got, err
			}
			if !ok {
				break
			}
			got = append(got, bytes.Clone(frame))
		}
		if len(stream) == 0 {
			return got, nil
		}
		n := len(stream)
		if len(sizes) > 0 && sizes[i%len(sizes)] > 0 {
			n = min(n, int(sizes[i%len(sizes)]))
		}
		if err := f.fill(bytes.NewReader(stream[:n])); err != nil {
			return got, err
		}
		stream = stream[n:]
	}
}

func TestFramesInAnyMessages(t *testing.T) {
	t.Parallel()
	want := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte("two"), 50_000), []byte("three")}
	var stream []byte
	for _, f := range want {
		stream = append(appendLength(stream, len(f)), f...)
	}
	for name, intro := range map[string][]byte{
		"header":         socket.WAConnHeader,
		"routing":        append(RoutingIntro([]byte("info")), socket.WAConnHeader...),
		"routing, empty": append(RoutingIntro(nil), socket.WAConnHeader...),
	} {
		for _, sizes := range [][]byte{nil, {1}, {2}, {3}, {5, 1, 250}} {
			f := &frames{max: maxFrame, intro: introAny}
			got, err := cut(f, append(bytes.Clone(intro), stream...), sizes)
			if err != nil {
				t.Errorf("%s, sizes %v: %v", name, sizes, err)
			}
			if !slicesEqual(got, want) {
				t.Errorf("%s, sizes %v: got %d frames, want %d", name, sizes, len(got), len(want))
			}
			if f.buf != nil {
				t.Errorf("%s, sizes %v: an empty one keeps a buffer", name, sizes)
			}
		}
	}
}

func slicesEqual(a, b [][]byte) bool {
	return bytes.Equal(bytes.Join(a, []byte("|")), bytes.Join(b, []byte("|"))) && len(a) == len(b)
}

func TestFramesRefuse(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string][]byte{
		"too large": {'W', 'A', 6, 3, 0, 1, 1},
		"header":    {'W', 'A', 5},
		"routing":   {'E', 'D', 1},
	} {
		f := &frames{max: 256, intro: introAny}
		if got, err := cut(f, stream, []byte{1}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v, want ErrMalformed", name, got, err)
		}
	}
}

// TestFramesFromAClient spreads and joins frames on a real connection.
func TestFramesFromAClient(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 7} {
		server, client := connect(t, Options{}, Dialer{})
		stream := sealAll(t, client, stanza("a", 10), stanza("b", 0), stanza("c", 900))
		n := size
		if n == 0 {
			n = len(stream)
		}
		for len(stream) > 0 {
			n = min(n, len(stream))
			if err := client.ws.Write(t.Context(), websocket.MessageBinary, stream[:n]); err != nil {
				t.Fatal(err)
			}
			stream = stream[n:]
		}
		mustRead(t, server, stanza("a", 10))
		mustRead(t, server, stanza("b", 0))
		mustRead(t, server, stanza("c", 900))
	}
}

// sealAll returns the frames of stanzas as c would send them.
func sealAll(t testing.TB, c *Conn, nodes ...Node) []byte {
	t.Helper()
	var stream []byte
	for _, n := range nodes {
		packed, err := pack(n)
		if err != nil {
			t.Fatal(err)
		}
		stream = c.sealing.seal(appendLength(stream, len(packed)+tagSize), packed, nil)
	}
	return stream
}

// TestHostileFrames: after each the connection is over.
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind    websocket.MessageType
		message func(client *Conn) []byte
	}{
		"empty frame":  {websocket.MessageBinary, func(*Conn) []byte { return []byte{0, 0, 0} }},
		"short frame":  {websocket.MessageBinary, func(*Conn) []byte { return []byte{0, 0, 3, 1, 2, 3} }},
		"not sealed":   {websocket.MessageBinary, func(*Conn) []byte { return append([]byte{0, 0, 40}, make([]byte, 40)...) }},
		"text":         {websocket.MessageText, func(c *Conn) []byte { return sealAll(t, c, stanza("x", 1)) }},
		"header again": {websocket.MessageBinary, func(c *Conn) []byte { return append([]byte{'W', 'A', 6, 3}, make([]byte, 6<<20)...) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := connect(t, Options{}, Dialer{})
			mustWrite(t, client, stanza("good", 1))
			message := test.message(client)
			go func() { _ = client.ws.Write(t.Context(), test.kind, message) }()
			mustRead(t, server, stanza("good", 1))
			wantReadError(t, server, ErrMalformed)
			<-server.Done()
		})
	}
}

// TestNothingAfterAMalformedFrame: good stanzas behind a bad one are not read.
func TestNothingAfterAMalformedFrame(t *testing.T) {
	t.Parallel()
	server, client := connect(t, Options{}, Dialer{})
	stream := sealAll(t, client, stanza("bad", 10), stanza("good", 10))
	stream[lengthSize] ^= 1
	if err := client.ws.Write(t.Context(), websocket.MessageBinary, stream); err != nil {
		t.Fatal(err)
	}
	wantReadError(t, server, ErrMalformed)
}

// TestTruncatedFrame: a peer that leaves within a frame gives no stanza.
func TestTruncatedFrame(t *testing.T) {
	t.Parallel()
	server, client := connect(t, Options{}, Dialer{})
	stream := sealAll(t, client, stanza("x", 10))
	if err := client.ws.Write(t.Context(), websocket.MessageBinary, stream[:len(stream)-1]); err != nil {
		t.Fatal(err)
	}
	client.Drop()
	if n, err := server.Read(); err == nil || errors.Is(err, ErrMalformed) {
		t.Errorf("Read = %v, %v, want a cut", n, err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("WA\x06\x03\x00\x00\x02hi"), []byte{3}, []byte("routing"))
	f.Add([]byte("ED\x00\x01\x00\x00\x01xWA\x06\x03\x00\x00\x00"), []byte{}, []byte{})
	f.Add([]byte("WA\x06\x03\xff\xff\xffmore"), []byte{1, 0}, []byte{0})
	f.Fuzz(func(t *testing.T, data, sizes, routing []byte) {
		// As a stream from nowhere: the same however it is cut.
		once, err1 := cut(&frames{max: 1 << 10, intro: introAny}, data, nil)
		again, err2 := cut(&frames{max: 1 << 10, intro: introAny}, data, sizes)
		if (err1 == nil) != (err2 == nil) || !slicesEqual(once, again) {
			t.Fatalf("in one message %q, %v; in several %q, %v", once, err1, again, err2)
		}
		// As content: frames of the sizes named come out as they went in.
		stream := append(RoutingIntro(routing), socket.WAConnHeader...)
		var want [][]byte
		for rest, i := data, 0; len(rest) > 0; i++ {
			n := len(rest)
			if len(sizes) > 0 {
				n = min(n, int(sizes[i%len(sizes)])+1)
			}
			want = append(want, rest[:n])
			stream = append(appendLength(stream, n), rest[:n]...)
			rest = rest[n:]
		}
		got, err := cut(&frames{max: maxFrame, intro: introAny}, stream, sizes)
		if diff := cmp.Diff(fmt.Sprintf("%q", want), fmt.Sprintf("%q", got)); err != nil || diff != "" {
			t.Fatalf("error %v, frames differ:\n%s", err, diff)
		}
	})
}
