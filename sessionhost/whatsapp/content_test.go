package whatsapp

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
)

func TestFieldNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"URL": "url", "fileSHA256": "fileSha256", "fileEncSHA256": "fileEncSha256", "mentionedJID": "mentionedJid",
		"JPEGThumbnail": "jpegThumbnail", "stanzaID": "stanzaId", "ID": "id", "PTT": "ptt", "conversation": "conversation",
		"senderTimestampMS": "senderTimestampMs", "remoteJID": "remoteJid", "isForwarded": "isForwarded", "imageMessage": "imageMessage",
		"pollCreationMessageV3": "pollCreationMessageV3", "matchedText": "matchedText", "backgroundARGB": "backgroundArgb",
	} {
		if got := fieldName(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}

func TestContentJSON(t *testing.T) {
	t.Parallel()
	got, err := contentJSON(&waE2E.Message{
		ImageMessage: &waE2E.ImageMessage{URL: new("u"), FileSHA256: []byte{1, 2}, FileLength: new(uint64(1 << 40)), Height: new(uint32(7))},
		ProtocolMessage: &waE2E.ProtocolMessage{
			Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: &waCommon.MessageKey{RemoteJID: new("r"), FromMe: new(true)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"imageMessage":{"fileLength":"1099511627776","fileSha256":"AQI=","height":7,"url":"u"},` +
		`"protocolMessage":{"key":{"fromMe":true,"remoteJid":"r"},"type":"REVOKE"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got) {
		t.Error("not JSON")
	}
}

func BenchmarkContentJSON(b *testing.B) {
	m := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
		Text:        new("a text of ordinary length, as people write it"),
		ContextInfo: &waE2E.ContextInfo{StanzaID: new("3EB0123456789"), Participant: new("1234@lid")},
	}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := contentJSON(m); err != nil {
			b.Fatal(err)
		}
	}
}
