package whatsapp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestParseContentReadsWhatContentJSONWrites(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*waE2E.Message{
		"text": {Conversation: new("hello")},
		"picture": {ImageMessage: &waE2E.ImageMessage{
			URL: new("https://a"), MediaKey: []byte{1, 2, 3}, FileLength: new(uint64(1 << 40)), Width: new(uint32(3)), MediaKeyTimestamp: new(int64(-5)),
			ScanLengths: []uint32{1, 2}, JPEGThumbnail: []byte("x"),
		}},
		"place": {LocationMessage: &waE2E.LocationMessage{DegreesLatitude: new(1.5), IsLive: new(true)}},
		"list": {ListMessage: &waE2E.ListMessage{
			ListType: waE2E.ListMessage_SINGLE_SELECT.Enum(), Sections: []*waE2E.ListMessage_Section{{Title: new("a"), Rows: []*waE2E.ListMessage_Row{{RowID: new("r")}}}},
		}},
	} {
		text, err := contentJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, parseContent(text), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-said +read):\n%s", name, diff)
		}
	}
}

func TestParseContentOfPrograms(t *testing.T) {
	t.Parallel()
	want := &waE2E.Message{ImageMessage: &waE2E.ImageMessage{Caption: new("c"), MediaKey: []byte{7, 8}, FileLength: new(uint64(1<<32 + 5))}}
	got := parseContent([]byte(`{"imageMessage":{"caption":"c","mediaKey":{"0":7,"1":8},"fileLength":{"low":5,"high":1,"unsigned":true},"width":"x","what":1,` +
		`"contextInfo":{"stanzaId":"Q"}},"messageContextInfo":{"messageSecret":"AAAA"},"unknown":{}}`))
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, nothing := range []string{``, `null`, `[]`, `"x"`, `{}`, `{"conversation":null}`, `{"conversation":3}`, `{"nothing":1}`} {
		if got := parseContent([]byte(nothing)); got != nil {
			t.Errorf("%s is read as %v", nothing, got)
		}
	}
}

func FuzzParseContent(f *testing.F) {
	for _, seed := range []string{
		`{"conversation":"a"}`, `{"imageMessage":{"mediaKey":"AAAA","fileLength":"12"}}`, `{"viewOnceMessage":{"message":{"listMessage":{"sections":[{}]}}}}`,
		`{"imageMessage":{"mediaKey":{"0":1,"5":2}}}`, `{"audioMessage":{"seconds":-1,"ptt":"x"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := parseContent(text)
		if m == nil {
			return
		}
		if _, err := proto.Marshal(m); err != nil {
			t.Fatalf("%s cannot be sent: %v", text, err)
		}
		again, err := contentJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		if back := parseContent(again); !proto.Equal(back, m) && back != nil {
			t.Errorf("%s is read back as %v, was %v", again, back, m)
		}
	})
}
