// Package evolution puts Roost's events into the words of Evolution API 2.3.7:
// the webhook bodies that programs written for it expect. It decides nothing
// and reads nothing; the same event gives the same bytes.
package evolution

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"roost/shared/event"
	"roost/shared/message"
)

// Payload is one webhook call. An event gives none, one or several.
type Payload struct {
	Event string // dotted: messages.upsert
	Data  any    // encodes to JSON; nil is null

	// Media is the file that a subscription with base64 gets inside Data, nil
	// for none. WithMedia puts it there.
	Media *message.Media

	// Latest and Progress are those of messages.set, nil for all others.
	Latest   *bool
	Progress *uint32
}

// Name is the event's name in the settings of a webhook: MESSAGES_UPSERT.
func (p Payload) Name() string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(p.Event))
}

// Suffix is what a webhook by events has behind its URL: messages-upsert.
func (p Payload) Suffix() string {
	return strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(p.Event, ".", "-"), "_", "-"))
}

// envelope has Evolution's keys in Evolution's order.
type envelope struct {
	Latest      *bool   `json:"isLatest,omitempty"`
	Progress    *uint32 `json:"progress,omitempty"`
	Event       string  `json:"event"`
	Instance    string  `json:"instance"`
	Data        any     `json:"data"`
	Destination string  `json:"destination"`
	DateTime    string  `json:"date_time"`
	Sender      string  `json:"sender,omitempty"`
	ServerURL   string  `json:"server_url"`
	APIKey      *string `json:"apikey"`
}

// Encode writes the body of a call to destination, the subscription's URL
// without suffix. The time is UTC: Evolution's own writes local time with a Z
// behind it. apikey is null, as where Evolution does not expose its keys.
func (p Payload) Encode(e event.Event, destination, serverURL string) ([]byte, error) {
	body, err := json.Marshal(envelope{ //nolint:gosec // the key in it is always null
		Latest: p.Latest, Progress: p.Progress, Event: p.Event, Instance: e.Name, Data: p.Data, Destination: destination,
		DateTime: isoTime(e.At), Sender: e.Sender, ServerURL: serverURL,
	})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", p.Event, err)
	}
	return body, nil
}

// isoTime is JavaScript's toISOString.
func isoTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Translate puts an event into Evolution's words, in the order in which
// Evolution would say them. An error means that the event cannot be read and
// never will be.
func Translate(e event.Event) ([]Payload, error) {
	switch e.Kind {
	case event.QRUpdated:
		return translate(e, qrUpdated)
	case event.ConnectionUpdated:
		return translate(e, connectionUpdated)
	case event.MessageReceived:
		return translate(e, messageReceived)
	case event.MessageSent:
		return translate(e, messageSent)
	case event.MessageUpdated:
		return translate(e, messageUpdated)
	case event.HistorySynced:
		return translate(e, historySynced)
	case event.InstanceCreated:
		return []Payload{{Event: "instance.create", Data: lifecycle{e.Name, string(e.Instance)}}}, nil
	case event.InstanceDeleted:
		return translate(e, instanceDeleted)
	case event.InstanceLoggedOut:
		return []Payload{{Event: "logout.instance"}}, nil
	case event.AccountLimited, event.ConfigChanged, event.ConnectionHeld: // Evolution has no words for them
		return nil, nil
	case event.InstanceRemoved:
		return []Payload{{Event: "remove.instance"}}, nil
	case event.ContactsUpdated:
		return translate(e, contactsUpdated)
	case event.GroupJoined:
		return translate(e, groupJoined)
	case event.GroupChanged:
		return translate(e, groupChanged)
	case event.MembersMoved:
		return translate(e, membersMoved)
	case event.PresenceChanged:
		return translate(e, presenceChanged)
	case event.ChatChanged:
		return translate(e, chatChanged)
	case event.LabelChanged:
		return translate(e, labelChanged)
	case event.ChatLabelled:
		return translate(e, chatLabelled)
	case event.CallChanged:
		return translate(e, callChanged)
	case event.WebhookDisabled: // Evolution has no such event: its webhooks never end
		return translate(e, webhookDisabled)
	default:
		return nil, nil // nothing that Evolution tells, or of a newer Roost
	}
}

func translate[T any](e event.Event, put func(event.Event, T) ([]Payload, error)) ([]Payload, error) {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return nil, fmt.Errorf("read the body of %s: %w", e.Kind, err)
	}
	return put(e, body)
}

type lifecycle struct {
	InstanceName string `json:"instanceName"`
	InstanceID   string `json:"instanceId"`
}

type disabled struct {
	ID     string `json:"webhookId"`
	Reason string `json:"reason"`
	Since  string `json:"failingSince"`
}

func webhookDisabled(_ event.Event, d event.Disabled) ([]Payload, error) {
	return []Payload{{Event: "webhook.disabled", Data: disabled{d.Webhook, d.Why, isoTime(d.Since)}}}, nil
}
