package evolution

import (
	"roost/shared/event"
)

type chatSet struct {
	RemoteJID  string `json:"remoteJid"`
	InstanceID string `json:"instanceId"`
	Name       string `json:"name,omitempty"`
}

// historySynced tells a piece of the past. Evolution tells all chats of a part
// of the history at once; here each is told when its messages have been.
func historySynced(e event.Event, h event.History) ([]Payload, error) {
	var out []Payload
	if len(h.Messages) > 0 {
		said := make([]upsert, len(h.Messages))
		for n, m := range h.Messages {
			said[n] = newUpsert(e, m, receivedKey(m))
		}
		out = append(out, Payload{Event: "messages.set", Data: said, Latest: &h.Latest, Progress: &h.Progress})
	}
	if h.Ends {
		out = append(out, Payload{Event: "chats.set", Data: []chatSet{{h.Chat.String(), string(e.Instance), h.Name}}})
	}
	return out, nil
}
