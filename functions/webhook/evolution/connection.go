package evolution

import (
	"encoding/json"
	"fmt"
	"strings"

	"roost/shared/event"
	"roost/shared/instance"
)

type qrcode struct {
	QRCode struct {
		Instance    string  `json:"instance"`
		PairingCode *string `json:"pairingCode"`
		Code        string  `json:"code"`
		Base64      string  `json:"base64"`
	} `json:"qrcode"`
}

type qrLimit struct {
	Message    string `json:"message"`
	StatusCode int    `json:"statusCode"`
}

func qrUpdated(e event.Event, q event.QR) ([]Payload, error) {
	var data qrcode
	data.QRCode.Instance, data.QRCode.Code = e.Name, instance.BareQR(q.Code)
	if q.PairingCode != "" {
		data.QRCode.PairingCode = &q.PairingCode
	}
	if q.Code != "" {
		image, err := dataURI(q.Code)
		if err != nil {
			return nil, fmt.Errorf("draw the QR code: %w", err)
		}
		data.QRCode.Base64 = image
	}
	return []Payload{{Event: "qrcode.updated", Data: data}}, nil
}

type connecting struct {
	Instance     string `json:"instance"`
	State        string `json:"state"`
	StatusReason int    `json:"statusReason"`
}

type opened struct {
	Instance          string  `json:"instance"`
	WUID              string  `json:"wuid"`
	ProfileName       string  `json:"profileName"`
	ProfilePictureURL *string `json:"profilePictureUrl"`
	State             string  `json:"state"`
	StatusReason      int     `json:"statusReason"`
}

type refused struct {
	Instance          string  `json:"instance"`
	State             string  `json:"state"`
	StatusReason      int     `json:"statusReason"`
	WUID              string  `json:"wuid,omitempty"`
	ProfileName       string  `json:"profileName,omitempty"`
	ProfilePictureURL *string `json:"profilePictureUrl,omitempty"`
}

type statusInstance struct {
	Instance            string `json:"instance"`
	Status              string `json:"status"`
	DisconnectionAt     string `json:"disconnectionAt"`
	DisconnectionCode   int    `json:"disconnectionReasonCode"`
	DisconnectionObject string `json:"disconnectionObject"` // JSON as text
}

// connectionUpdated tells what Evolution tells: states that it does not know
// (pairing, idle, deleting) say nothing, and a close that mends itself shows as
// the next connecting only.
func connectionUpdated(e event.Event, c event.Connection) ([]Payload, error) {
	switch c.State { //nolint:exhaustive // the others have no words
	case instance.Connecting, instance.Starting:
		return []Payload{{Event: "connection.update", Data: connecting{e.Name, "connecting", 200}}}, nil
	case instance.Open:
		return []Payload{{Event: "connection.update", Data: opened{
			Instance: e.Name, WUID: account(c.JID), ProfileName: c.Profile.PushName, ProfilePictureURL: optional(c.Profile.PictureURL),
			State: "open", StatusReason: 200,
		}}}, nil
	case instance.Closed, instance.LoggedOut:
		if c.Reason.Code == instance.ReasonPairingTimeout {
			return []Payload{
				{Event: "qrcode.updated", Data: qrLimit{"QR code limit reached, please login again", 500}},
				{Event: "connection.update", Data: refused{
					Instance: e.Name, State: "refused", StatusReason: 428, WUID: account(c.JID),
					ProfileName: c.Profile.PushName, ProfilePictureURL: optional(c.Profile.PictureURL),
				}},
			}, nil
		}
		status := statusReason(c)
		object, err := disconnection(status, c.Reason)
		if err != nil {
			return nil, err
		}
		return []Payload{
			{Event: "connection.update", Data: connecting{e.Name, "close", status}},
			{Event: "status.instance", Data: statusInstance{
				Instance: e.Name, Status: "closed", DisconnectionAt: isoTime(e.At), DisconnectionCode: status, DisconnectionObject: object,
			}},
		}, nil
	}
	return nil, nil
}

// instanceDeleted tells also that an instance is logged out, which Evolution does
// before it removes one.
func instanceDeleted(e event.Event, l event.Lifecycle) ([]Payload, error) {
	out := []Payload{{Event: "instance.delete", Data: lifecycle{e.Name, string(e.Instance)}}}
	if !l.Linked {
		return out, nil
	}
	closed, err := connectionUpdated(e, event.Connection{State: instance.LoggedOut, Reason: instance.Reason{
		Code: instance.ReasonUserLogout, Status: 401, Sentence: "Logged out through the API.",
	}})
	return append(append(out, closed...), Payload{Event: "logout.instance"}), err
}

// statusReasons are the numbers of Baileys' DisconnectReason, and of WhatsApp
// itself for what only that knows (402 temporary ban, 405 outdated client).
var statusReasons = map[string]int{
	instance.ReasonLoggedOut: 401, instance.ReasonUserLogout: 401, instance.ReasonBanned: 402, instance.ReasonAccountLocked: 403,
	instance.ReasonOutdated: 405, instance.ReasonUnreachable: 408, instance.ReasonDisconnected: 428, instance.ReasonReplaced: 440,
	instance.ReasonStorage: 500, instance.ReasonPairingFailed: 500,
}

func statusReason(c event.Connection) int {
	if c.Reason.Status != 0 {
		return c.Reason.Status
	}
	if status := statusReasons[c.Reason.Code]; status != 0 {
		return status
	}
	if c.State == instance.LoggedOut {
		return 401
	}
	return 428 // connection closed
}

// disconnection is the text of the Boom error that Evolution keeps.
func disconnection(status int, reason instance.Reason) (string, error) {
	object := map[string]any{"error": map[string]any{
		"data": map[string]any{"reason": reason.Code, "action": reason.Action}, "isBoom": true, "isServer": false,
		"output": map[string]any{"statusCode": status, "payload": map[string]any{"statusCode": status, "message": reason.Sentence}},
	}}
	text, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("encode the disconnection: %w", err)
	}
	return string(text), nil
}

// account cuts the device off a JID.
func account(jid string) string {
	user, server, ok := strings.Cut(jid, "@")
	if !ok {
		return jid
	}
	user, _, _ = strings.Cut(user, ":")
	return user + "@" + server
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
