package message

import (
	"encoding/json"
	"maps"
)

// Revise is the message after an edit of it: with the new content, kind and
// text. It reports false when the edit does not say what is new. Of a file only
// what the edit names changes, which is its caption.
func (m Message) Revise(edit Message) (Message, bool) {
	var told struct {
		ProtocolMessage struct {
			EditedMessage map[string]json.RawMessage `json:"editedMessage"`
		} `json:"protocolMessage"`
	}
	if json.Unmarshal(edit.Content, &told) != nil {
		return m, false
	}
	revised := told.ProtocolMessage.EditedMessage
	var text struct {
		Text string `json:"text"`
	}
	if extended, ok := revised["extendedTextMessage"]; ok && json.Unmarshal(extended, &text) == nil { // as of every message
		delete(revised, "extendedTextMessage")
		revised["conversation"], _ = json.Marshal(text.Text) // text always encodes
	}
	delete(revised, "messageContextInfo")
	if len(revised) == 0 {
		return m, false
	}
	content := fields(m.Content)
	before := content[m.Kind]
	delete(content, m.Kind)
	for kind, part := range revised {
		if kind == m.Kind {
			part = overlay(before, part)
		}
		content[kind], m.Kind = part, kind
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return m, false
	}
	m.Content, m.Text = encoded, edit.Text
	return m, true
}

// fields are those of an object, none of anything else.
func fields(object json.RawMessage) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	if json.Unmarshal(object, &out) != nil || out == nil {
		return map[string]json.RawMessage{}
	}
	return out
}

// overlay puts the fields of one object over those of another.
func overlay(before, after json.RawMessage) json.RawMessage {
	below, above := fields(before), fields(after)
	if len(below) == 0 || len(above) == 0 {
		return after
	}
	maps.Copy(below, above)
	encoded, err := json.Marshal(below)
	if err != nil {
		return after
	}
	return encoded
}
