package wire

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/binary/token"
	"go.mau.fi/whatsmeow/types"
)

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	good, err := pack(stanza("x", 100))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]byte{
		"nothing":                {},
		"flags only":             {0},
		"more than a node":       append(bytes.Clone(good), 0),
		"not zlib":               append([]byte{flagCompressed}, good[1:]...),
		"no tag":                 {0, token.List8, 1},
		"empty list as node":     {0, token.ListEmpty},
		"zero list as node":      {0, token.List8, 0, 1},
		"list as tag":            {0, token.List8, 1, token.List8, 1, 1},
		"nothing as tag":         {0, token.List8, 1, token.ListEmpty},
		"packed without text":    {0, token.List8, 1, token.Nibble8, 128},
		"wrong nibble":           {0, token.List8, 1, token.Nibble8, 1, 0xcc},
		"unknown token":          {0, token.List8, 1, 240},
		"JID as tag":             {0, token.List8, 1, token.JIDPair, 3, 3},
		"list as attribute":      {0, token.List8, 3, 1, 1, token.List8, 0},
		"JID without server":     {0, token.List8, 3, 1, 1, token.JIDPair, 3, token.ListEmpty},
		"JID of JIDs":            {0, token.List8, 3, 1, 1, token.JIDPair, token.JIDPair, 3, 3, 3},
		"wrong messenger server": {0, token.List8, 3, 1, 1, token.FBJID, 3, 0, 0, 3},
		"more attributes":        {0, token.List16, 0xff, 0xff, 1, 1, 1},
		"more children":          {0, token.List8, 2, 1, token.List16, 0xff, 0xff, token.List8, 1, 1},
		"longer content":         {0, token.List8, 2, 1, token.Binary32, 0xff, 0xff, 0xff, 0xff},
		"deep":                   append(deep(100_000), token.List8, 1, 1),
		"deep JIDs":              append([]byte{0, token.List8, 3, 1, 1}, bytes.Repeat([]byte{token.JIDPair}, 4<<20)...),
		"wide":                   wide(),
		"bomb":                   bomb(t),
	}
	for cut := range good {
		tests["cut at "+strconv.Itoa(cut)] = good[:cut]
	}
	for name, packed := range tests {
		if n, err := unpack(packed); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %v, want ErrMalformed", name, n, err)
		}
	}
	if _, err := unpack(append(deep(maxDepth-1), token.List8, 1, 1)); err != nil {
		t.Errorf("as deep as allowed: %v", err)
	}
}

// deep opens nodes with one child each; the decoder would take a stack frame and
// at times megabytes for each.
func deep(levels int) []byte {
	return append([]byte{0}, bytes.Repeat([]byte{token.List8, 2, 1, token.List8, 1}, levels)...)
}

// wide has more nodes than any honest stanza, each a complete one.
func wide() []byte {
	const each = 1<<16 - 1
	b := []byte{0, token.List8, 2, 1, token.List8, 5}
	for range 5 {
		b = append(b, token.List8, 2, 1, token.List16, 0xff, 0xff)
		b = append(b, bytes.Repeat([]byte{token.List8, 1, 1}, each)...)
	}
	return b
}

// bomb is a small stanza that unpacks to a large one.
func bomb(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteByte(flagCompressed)
	z := zlib.NewWriter(&b)
	// But for its size it is a good node.
	if _, err := z.Write(append([]byte{token.List8, 2, 1, token.Binary32, 1, 0, 0, 0}, make([]byte, 1<<24)...)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLargestHonestStanza is a send to a group of 1,024 members with 5 devices each.
func TestLargestHonestStanza(t *testing.T) {
	t.Parallel()
	to := make([]Node, 5*1024)
	for i := range to {
		to[i] = Node{
			Tag:     "to",
			Attrs:   Attrs{"jid": types.JID{User: strconv.Itoa(1_000_000 + i/5), Device: uint16(i % 5), Server: types.HiddenUserServer}},
			Content: []Node{{Tag: "enc", Attrs: Attrs{"v": "2", "type": "pkmsg"}, Content: make([]byte, 400)}},
		}
	}
	mustSurvive(t, Node{Tag: "message", Attrs: Attrs{"id": "x"}, Content: []Node{{Tag: "participants", Content: to}}})
}

func mustSurvive(t testing.TB, want Node) {
	t.Helper()
	for _, encode := range []func(Node) ([]byte, error){pack, packCompressed} {
		packed, err := encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpack(packed)
		if err != nil {
			t.Fatalf("unpack: %v, of %+v", err, want)
		}
		if !reflect.DeepEqual(want, *got) {
			t.Fatalf("node differs:\n%s", cmp.Diff(want, *got))
		}
	}
}

// seed makes nodes of bytes: all kinds of text, JIDs and content, in the form in
// which they are decoded.
type seed []byte

func (s *seed) pick(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

func (s *seed) raw(most int) []byte {
	n := min(s.pick(most+1), len(*s))
	b := bytes.Clone((*s)[:n])
	*s = (*s)[n:]
	return append([]byte{}, b...)
}

func (s *seed) text() string {
	switch s.pick(5) {
	case 0:
		return token.SingleByteTokens[1+s.pick(len(token.SingleByteTokens)-1)]
	case 1:
		if double, err := token.GetDoubleToken(s.pick(4), s.pick(256)); err == nil && double != "" {
			return double
		}
		return "iq"
	case 2:
		return strings.Repeat(strconv.Itoa(s.pick(256))+"-.", 1+s.pick(20))
	case 3:
		return strings.ToUpper(hex.EncodeToString(append(s.raw(60), 0xab)))[s.pick(2):]
	}
	return "x" + string(s.raw(255)) + strings.Repeat("y", 100*s.pick(4))
}

func (s *seed) jid() types.JID {
	switch s.pick(7) {
	case 0:
		return types.NewJID("", s.server())
	case 1:
		return types.JID{User: s.text(), Server: types.DefaultUserServer, Device: uint16(s.pick(256))}
	case 2:
		return types.JID{User: s.text(), Server: types.HiddenUserServer, Device: uint16(s.pick(256))}
	case 3:
		return types.JID{User: s.text(), Server: types.HostedServer, Device: uint16(s.pick(256))}
	case 4:
		return types.JID{User: s.text(), Server: types.MessengerServer, Device: uint16(s.pick(256) * s.pick(256))}
	case 5:
		return types.JID{User: s.text(), Server: types.InteropServer, Device: uint16(s.pick(256)), Integrator: uint16(s.pick(256) * 3)}
	}
	return types.NewJID(s.text(), s.server())
}

func (s *seed) server() string {
	return []string{types.DefaultUserServer, types.GroupServer, types.BroadcastServer, types.NewsletterServer}[s.pick(4)]
}

func (s *seed) node(depth int) Node {
	n := Node{Tag: s.text()}
	if n.Tag == "0" { // stands for no node
		n.Tag = "iq"
	}
	for range s.pick(6) {
		if n.Attrs == nil {
			n.Attrs = Attrs{}
		}
		if s.pick(2) == 0 {
			n.Attrs[s.text()] = s.jid()
		} else {
			n.Attrs[s.text()] = s.text()
		}
	}
	switch s.pick(4) {
	case 0:
		n.Content = s.raw(255)
	case 1:
		n.Content = token.SingleByteTokens[1+s.pick(len(token.SingleByteTokens)-1)]
	case 2:
		if depth > 0 {
			children := make([]Node, 1+s.pick(5))
			for i := range children {
				children[i] = s.node(depth - 1)
			}
			n.Content = children
		}
	}
	return n
}

func FuzzNode(f *testing.F) {
	good, err := pack(stanza("x", 10))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, 100))
	f.Add(append(deep(5), token.List8, 1, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := unpack(data)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("unpack: %v, want ErrMalformed", err)
		}
		if err == nil {
			if _, err := pack(*n); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
		s := seed(data)
		mustSurvive(t, s.node(4))
	})
}

// TestCheckAgreesWithTheDecoder: what waBinary writes is never refused, see also FuzzNode.
func TestCheckAgreesWithTheDecoder(t *testing.T) {
	t.Parallel()
	for i := range 2000 {
		s := seed(bytes.Repeat([]byte{byte(i), byte(i >> 3), byte(i * 7), byte(i * i)}, 200))
		n := s.node(6)
		packed, err := waBinary.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkNode(packed[1:]); err != nil {
			t.Fatalf("%v: %+v", err, n)
		}
	}
}
