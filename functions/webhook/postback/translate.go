package postback

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"roost/functions/api/aspx/connection"
	"roost/functions/api/qrcode"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
)

const (
	qrTTL   = 20 // seconds that a client shows a code
	qrCodes = 6  // of a pairing (whatsmeow, qrchan.go)
)

type qr struct {
	QR    string `json:"qr"` // an SVG as data URI
	TTL   int    `json:"ttl"`
	Index int    `json:"index"`
	Of    int    `json:"of"`
}

type status struct {
	Status               int    `json:"status"`
	StatusString         string `json:"statusString"`
	Connected            bool   `json:"connected"`
	CanRestoreConnection bool   `json:"CanRestoreConnection"`
	Reason               string `json:"reason"`
}

type msg struct {
	ID       string `json:"Id"`
	JID      string `json:"jid"`
	From     string `json:"from"`
	FromMe   bool   `json:"fromMe"`
	PushName string `json:"pushname"`
	T        int64  `json:"t"` // Unix s
	Type     string `json:"type"`
	Text     string `json:"text"`
	Caption  string `json:"caption"`
	URL      string `json:"Url"`
	Mimetype string `json:"mimetype"`

	file bool // there is one, for which URL is to be made
}

type ack struct {
	ID  []string `json:"Id"`
	JID string   `json:"jid"`
	Ack string   `json:"ack"`
}

type presence struct {
	JID         string `json:"jid"` // of the chat
	State       string `json:"state"`
	Participant string `json:"participant,omitempty"` // who it is, in groups
}

type history struct {
	Progress uint32 `json:"progress"` // percent
	JID      string `json:"jid"`      // of the chat that has come
}

type config struct {
	Webhook    string `json:"Webhook"`
	UserAgent  string `json:"UserAgent"`
	APIVersion string `json:"APIVersion"`
}

// acks are the receipts that the dialect has words for.
var acks = map[message.Status]string{
	message.StatusServer: "sent", message.StatusDelivered: "delivered", message.StatusRead: "read", message.StatusPlayed: "played",
}

// translate puts an event into words, with the name that filters go by; none
// for what the dialect does not tell.
func translate(e event.Event) (string, []said, error) {
	switch e.Kind {
	case event.QRUpdated:
		all, err := put(e, qrShown)
		return "QRCODE_UPDATED", all, err
	case event.ConnectionUpdated:
		all, err := put(e, connected)
		return "CONNECTION_UPDATE", all, err
	case event.ConnectionHeld:
		all, err := put(e, held)
		return "CONNECTION_UPDATE", all, err
	case event.MessageReceived:
		all, err := put(e, messaged)
		return "MESSAGES_UPSERT", all, err
	case event.MessageSent:
		all, err := put(e, sent)
		return "SEND_MESSAGE", all, err
	case event.MessageUpdated:
		all, err := put(e, acknowledged)
		return "MESSAGES_UPDATE", all, err
	case event.PresenceChanged:
		all, err := put(e, presenceChanged)
		return "PRESENCE_UPDATE", all, err
	case event.HistorySynced:
		all, err := put(e, historyCame)
		return "MESSAGES_SET", all, err
	case event.ConfigChanged:
		all, err := put(e, configured)
		return "CONFIG", all, err
	default:
		return "", nil, nil
	}
}

func put[T any](e event.Event, say func(event.Event, T) ([]said, error)) ([]said, error) {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return nil, fmt.Errorf("read the body of %s: %w", e.Kind, err)
	}
	return say(e, body)
}

// qrShown tells of a code, and with the first that one waits for its scan.
func qrShown(e event.Event, q event.QR) ([]said, error) {
	if q.Code == "" { // a pairing code, which the dialect does not have
		return nil, nil
	}
	drawn, err := qrcode.Encode(q.Code)
	if err != nil {
		return nil, fmt.Errorf("draw the QR code: %w", err)
	}
	var all []said
	if q.Count == 1 {
		shown := &instance.Offer{QR: q.Code, Until: e.At.Add(time.Minute)}
		all = append(all, statusOf(instance.Seen{Instance: instance.Instance{State: instance.Pairing}, Offer: shown}, e.At))
	}
	picture := "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(drawn.SVG())
	return append(all, said{"qr", qr{picture, qrTTL, q.Count, qrCodes}}), nil
}

// connected tells where a connection stands, and whose it is once it is open:
// after a scan that makes status 4, Conn, status 10.
func connected(e event.Event, c event.Connection) ([]said, error) {
	seen := instance.Seen{Instance: instance.Instance{State: c.State, Reason: c.Reason, JID: c.JID}}
	var all []said
	if c.State == instance.Open {
		all = append(all, said{"Conn", connection.InfoOf(account(c.JID), c.Profile.PushName, true)})
	}
	return append(all, statusOf(seen, e.At)), nil
}

// held tells whose a connection is that has been told of already.
func held(_ event.Event, c event.Connection) ([]said, error) {
	return []said{{"Conn", connection.InfoOf(account(c.JID), c.Profile.PushName, true)}}, nil
}

func statusOf(s instance.Seen, at time.Time) said {
	code := connection.Of(s, at)
	return said{"status", status{int(code), code.String(), code == connection.Authenticated, code.CanRestore(s, at), s.Instance.Reason.Code}}
}

func messaged(_ event.Event, m message.Message) ([]said, error) {
	out := msg{
		ID: m.ID, JID: m.Chat.String(), From: m.Sender.String(), FromMe: m.FromMe, PushName: m.PushName, T: m.Timestamp.Unix(), Type: m.Kind, Text: m.Text,
	}
	switch {
	case m.Media != nil:
		out.Type, out.Mimetype, out.Text, out.Caption, out.file = m.Media.Kind, m.Media.Mimetype, "", m.Text, true
	case m.Kind == "conversation", m.Kind == "extendedTextMessage":
		out.Type = "text"
	}
	return []said{{"msg", out}}, nil
}

// sent tells of a message of ours, which WhatsApp has by then.
func sent(e event.Event, m message.Message) ([]said, error) {
	all, err := messaged(e, m)
	return append(all, said{"ack", ack{[]string{m.ID}, m.Chat.String(), acks[message.StatusServer]}}), err
}

func acknowledged(_ event.Event, u event.Update) ([]said, error) {
	word, known := acks[u.Status]
	if !known {
		return nil, nil
	}
	return []said{{"ack", ack{append([]string{}, u.IDs...), u.Chat.String(), word}}}, nil
}

func presenceChanged(_ event.Event, p event.Presence) ([]said, error) {
	out := presence{JID: p.Chat.String(), State: p.State}
	if person := p.Person.String(); person != out.JID {
		out.Participant = person
	}
	return []said{{"presence", out}}, nil
}

// historyCame tells of a chat of which all has come: the pieces before say
// nothing new.
func historyCame(_ event.Event, h event.History) ([]said, error) {
	if !h.Ends {
		return nil, nil
	}
	return []said{{"history", history{h.Progress, h.Chat.String()}}}, nil
}

func configured(_ event.Event, c event.Config) ([]said, error) {
	return []said{{"config", config{c.Webhook, c.UserAgent, c.APIVersion}}}, nil
}

// account cuts the device off a JID.
func account(jid string) string {
	user, server, whole := strings.Cut(jid, "@")
	if !whole {
		return jid
	}
	user, _, _ = strings.Cut(user, ":")
	return user + "@" + server
}
