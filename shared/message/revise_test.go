package message_test

import (
	"encoding/json"
	"testing"

	"roost/shared/message"
)

func TestRevise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ kind, content, edit, wantKind, want string }{
		"text": {
			"conversation", `{"conversation":"a","messageContextInfo":{"messageSecret":"s"}}`, `{"protocolMessage":{"editedMessage":{"conversation":"b"}}}`,
			"conversation", `{"conversation":"b","messageContextInfo":{"messageSecret":"s"}}`,
		},
		"text with a preview": {
			"conversation", `{"conversation":"a"}`, `{"protocolMessage":{"editedMessage":{"extendedTextMessage":{"text":"b \"c\""},"messageContextInfo":{}}}}`,
			"conversation", `{"conversation":"b \"c\""}`,
		},
		"caption": {
			"imageMessage", `{"imageMessage":{"caption":"a","mediaKey":"k"}}`, `{"protocolMessage":{"editedMessage":{"imageMessage":{"caption":"b"}}}}`,
			"imageMessage", `{"imageMessage":{"caption":"b","mediaKey":"k"}}`,
		},
		"another kind": {
			"conversation", `{"conversation":"a"}`, `{"protocolMessage":{"editedMessage":{"listMessage":{"title":"b"}}}}`,
			"listMessage", `{"listMessage":{"title":"b"}}`,
		},
		"says nothing":  {"conversation", `{"conversation":"a"}`, `{"protocolMessage":{}}`, "conversation", `{"conversation":"a"}`},
		"garbled":       {"conversation", `{"conversation":"a"}`, `{"protocolMessage":{"editedMessage":7}}`, "conversation", `{"conversation":"a"}`},
		"of no content": {"", ``, `{"protocolMessage":{"editedMessage":{"conversation":"b"}}}`, "conversation", `{"conversation":"b"}`},
		"null":          {"conversation", `null`, `{"protocolMessage":{"editedMessage":{"conversation":"b"}}}`, "conversation", `{"conversation":"b"}`},
	} {
		m := message.Message{Kind: c.kind, Content: json.RawMessage(c.content), Text: "a"}
		got, changed := m.Revise(message.Message{Content: json.RawMessage(c.edit), Text: "b"})
		if got.Kind != c.wantKind || string(got.Content) != c.want || changed != (c.content != c.want) || (got.Text == "b") != changed {
			t.Errorf("%s: %v %s %s %q", name, changed, got.Kind, got.Content, got.Text)
		}
	}
}
