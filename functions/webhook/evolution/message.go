package evolution

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"roost/shared/event"
	"roost/shared/message"
)

type key struct {
	RemoteJID      string `json:"remoteJid"`
	FromMe         bool   `json:"fromMe"`
	ID             string `json:"id"`
	Participant    string `json:"participant,omitempty"`
	RemoteJIDAlt   string `json:"remoteJidAlt,omitempty"`
	ParticipantAlt string `json:"participantAlt,omitempty"`
	AddressingMode string `json:"addressingMode,omitempty"`
}

type upsert struct {
	Key              key             `json:"key"`
	PushName         string          `json:"pushName"`
	Status           message.Status  `json:"status"`
	Message          json.RawMessage `json:"message"`
	ContextInfo      json.RawMessage `json:"contextInfo,omitempty"`
	MessageType      string          `json:"messageType"`
	MessageTimestamp int64           `json:"messageTimestamp"`
	InstanceID       string          `json:"instanceId"`
	Source           string          `json:"source"`
	PollUpdates      []pollUpdate    `json:"pollUpdates,omitempty"`
}

// pollUpdate is an option of a poll and who has chosen it by this vote.
type pollUpdate struct {
	Name   string   `json:"name"`
	Voters []string `json:"voters"`
}

type update struct {
	KeyID       string         `json:"keyId"`
	RemoteJID   string         `json:"remoteJid"`
	FromMe      bool           `json:"fromMe"`
	Participant string         `json:"participant,omitempty"`
	Status      message.Status `json:"status"`
	InstanceID  string         `json:"instanceId"`
	MessageID   string         `json:"messageId"`
}

type deleted struct {
	ID          string         `json:"id"`
	RemoteJID   string         `json:"remoteJid"`
	FromMe      bool           `json:"fromMe"`
	Participant string         `json:"participant,omitempty"`
	Status      message.Status `json:"status"`

	// Of deletions through the API, for which Evolution tells its row of the
	// message: as much of it as is known here.
	InstanceID string `json:"instanceId,omitempty"`
	Key        *key   `json:"key,omitempty"`
}

func messageReceived(e event.Event, m message.Message) ([]Payload, error) {
	if protocol := protocolMessage(m); protocol != nil {
		out := []Payload{{Event: "messages.edited", Data: protocol}} // fired for revokes too
		if act(m) == "revoke" {
			out = append(out, Payload{Event: "messages.delete", Data: revoked(e, m)})
		}
		return out, nil
	}
	return []Payload{{Event: "messages.upsert", Data: newUpsert(e, m, receivedKey(m)), Media: m.Media}}, nil
}

// messageSent is what was sent through the API. Its key has what sending
// answers: no other names.
func messageSent(e event.Event, m message.Message) ([]Payload, error) {
	if protocol := protocolMessage(m); protocol != nil {
		if act(m) == "revoke" {
			d := revoked(e, m)
			d.InstanceID = string(e.Instance)
			d.Key = &key{RemoteJID: d.RemoteJID, FromMe: d.FromMe, ID: d.ID, Participant: d.Participant}
			return []Payload{{Event: "messages.delete", Data: d}}, nil
		}
		return []Payload{{Event: "send.message.update", Data: protocol}}, nil
	}
	data := newUpsert(e, m, key{RemoteJID: m.Chat.String(), FromMe: true, ID: m.ID})
	data.PushName = "Você"
	return []Payload{{Event: "send.message", Data: data, Media: m.Media}}, nil
}

func messageUpdated(e event.Event, u event.Update) ([]Payload, error) {
	out := make([]Payload, 0, len(u.IDs))
	data := update{RemoteJID: u.Chat.String(), FromMe: u.FromMe, Status: u.Status, InstanceID: string(e.Instance)}
	if data.Status == "" {
		data.Status = message.StatusServer
	}
	if group(u.Chat) {
		data.Participant = u.By.String()
	}
	for _, id := range u.IDs {
		data.KeyID, data.MessageID = id, id
		out = append(out, Payload{Event: "messages.update", Data: data})
	}
	return out, nil
}

func newUpsert(e event.Event, m message.Message, k key) upsert {
	kind := m.Kind
	if kind == "" {
		kind = "unknown"
	}
	content := m.Content
	if !isObject(content) {
		content = json.RawMessage("{}")
	}
	about := m.Context
	if !isObject(about) {
		about = nil
	}
	status := m.Status
	if status == "" {
		status = message.StatusDelivered
		if m.FromMe {
			status = message.StatusServer
		}
	}
	return upsert{
		Key: k, PushName: m.PushName, Status: status, Message: content, ContextInfo: about, MessageType: kind,
		MessageTimestamp: max(m.Timestamp.Unix(), 0), InstanceID: string(e.Instance), Source: source(m.ID),
		PollUpdates: pollUpdates(m),
	}
}

func pollUpdates(m message.Message) []pollUpdate {
	if m.Vote == nil {
		return nil
	}
	out := make([]pollUpdate, len(m.Vote.Options))
	for n, option := range m.Vote.Options {
		out[n] = pollUpdate{Name: option, Voters: []string{}}
		if slices.Contains(m.Vote.Chosen, option) {
			out[n].Voters = []string{m.Sender.String()}
		}
	}
	return out
}

// receivedKey is 2.3.7's: a chat that WhatsApp addresses by LID shows under its
// phone number, which remoteJidAlt has too, since flows written for earlier
// versions read the number there. A participant keeps the LID and has the
// number beside it.
func receivedKey(m message.Message) key {
	k := key{RemoteJID: m.Chat.String(), FromMe: m.FromMe, ID: m.ID, AddressingMode: "pn"}
	about := m.Chat
	if m.Group || group(m.Chat) {
		about = m.Sender
		k.Participant = m.Sender.Key()
		if m.Sender.LID != "" {
			k.ParticipantAlt = m.Sender.PN
		}
	} else if m.Chat.LID != "" {
		k.RemoteJIDAlt = m.Chat.PN
	}
	if about.LID != "" {
		k.AddressingMode = "lid"
	}
	return k
}

func revoked(e event.Event, m message.Message) deleted {
	d := deleted{ID: m.Target.ID, RemoteJID: m.Chat.String(), FromMe: ofAccount(e, m), Status: message.StatusDeleted}
	if m.Group || group(m.Chat) {
		author := m.Target.Sender
		if author == (message.Address{}) { // one's own
			author = m.Sender
		}
		d.Participant = author.String()
	}
	return d
}

// ofAccount tells whether the target is a message of this account. A key says
// so from the view of its writer.
func ofAccount(e event.Event, m message.Message) bool {
	if m.FromMe || m.Target.FromMe {
		return m.FromMe && m.Target.FromMe
	}
	return m.Target.Sender.PN != "" && m.Target.Sender.PN == e.Sender
}

func act(m message.Message) string {
	if m.Target == nil {
		return ""
	}
	return m.Target.Act
}

func group(a message.Address) bool {
	return strings.HasSuffix(a.PN, "@g.us") || strings.HasSuffix(a.PN, "@broadcast")
}

// protocolMessage is the part of an edit's or revoke's content that Evolution
// hands out, nil for every other message. When the content does not have it, it
// is made from the target.
func protocolMessage(m message.Message) json.RawMessage {
	var content struct {
		ProtocolMessage json.RawMessage `json:"protocolMessage"`
		EditedMessage   struct {
			Message struct {
				ProtocolMessage json.RawMessage `json:"protocolMessage"`
			} `json:"message"`
		} `json:"editedMessage"`
	}
	// What is of other types than these is no protocol message.
	_ = json.Unmarshal(m.Content, &content)
	for _, found := range []json.RawMessage{content.ProtocolMessage, content.EditedMessage.Message.ProtocolMessage} {
		if isObject(found) {
			return found
		}
	}
	kind := map[string]string{"edit": "MESSAGE_EDIT", "revoke": "REVOKE"}[act(m)]
	if kind == "" {
		return nil
	}
	k := map[string]any{"remoteJid": m.Chat.String(), "fromMe": m.Target.FromMe, "id": m.Target.ID}
	if who := m.Target.Sender.String(); who != "" {
		k["participant"] = who
	}
	made, err := json.Marshal(map[string]any{"key": k, "type": kind})
	if err != nil {
		return nil // strings and a bool always encode
	}
	return made
}

// isObject tells whether raw is a JSON object. json.Unmarshal has seen to it
// that it is JSON.
func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}

// source guesses what wrote a message from the form of its id, as Baileys'
// getDevice does.
func source(id string) string {
	switch {
	case len(id) == 20 && strings.HasPrefix(id, "3A"):
		return "ios"
	case len(id) == 22 && strings.HasPrefix(id, "3E"):
		return "web"
	case len(id) == 21 || len(id) == 32:
		return "android"
	case strings.HasPrefix(id, "3F") || len(id) == 18:
		return "desktop"
	}
	return "unknown"
}
