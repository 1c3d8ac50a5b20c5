package aspx

import (
	"context"
	"time"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
)

// status is what status.aspx, disconnect.aspx and set_config.aspx answer.
type status struct {
	Status               int             `json:"status"`
	StatusString         string          `json:"statusString"`
	Connected            bool            `json:"connected"`
	ConnectionInfo       *connectionInfo `json:"ConnectionInfo"` // null before the first pairing
	WebID                string          `json:"WebID"`
	Webhook              string          `json:"Webhook"`
	UserAgent            string          `json:"UserAgent"`
	CanRestoreConnection bool            `json:"CanRestoreConnection"`
	Stats                stats           `json:"stats"`
	Storage              storage         `json:"storage"`
}

type stats struct {
	Contacts      int64 `json:"Contacts"`
	Chats         int64 `json:"Chats"`
	SentBytes     int64 `json:"SentBytes"`
	ReceveidBytes int64 `json:"ReceveidBytes"` // sic
}

type storage struct {
	Name  string    `json:"Name"`
	Bytes int64     `json:"Bytes"`
	Files int64     `json:"Files"`
	Subs  []storage `json:"Subs"` // null in a leaf
}

// connectionInfo has the keys of WhatsApp Web before it knew several devices.
// What only a phone could say is empty.
type connectionInfo struct {
	LG           string `json:"lg"`
	LC           string `json:"lc"`
	Phone        phone  `json:"phone"`
	Battery      int    `json:"battery"`
	TOS          int    `json:"tos"`
	PushName     string `json:"pushname"`
	ProtoVersion [2]int `json:"protoVersion"`
	Plugged      bool   `json:"plugged"`
	Platform     string `json:"platform"`
	WID          string `json:"wid"`
	Connected    bool   `json:"connected"`
	IsResponse   string `json:"isResponse"` // "false": text, as the contract has it
	BinVersion   int    `json:"binVersion"`
	Locales      string `json:"locales"`
}

type phone struct {
	DeviceModel        string `json:"device_model"`
	WAVersion          string `json:"wa_version"`
	MCC                string `json:"mcc"`
	OSVersion          string `json:"os_version"`
	OSBuildNumber      string `json:"os_build_number"`
	DeviceManufacturer string `json:"device_manufacturer"`
	MNC                string `json:"mnc"`
}

// connectionOf is what is known of a connection, nil before the first pairing.
// 0.17 and 10 are the versions of the protocol that the keys come from.
func connectionOf(i instance.Instance, connected bool) *connectionInfo {
	if i.JID == "" && i.LinkedAt.IsZero() {
		return nil
	}
	return &connectionInfo{
		LG: "en", LC: "US", Phone: phone{OSBuildNumber: "undefined"}, PushName: i.Profile.PushName, ProtoVersion: [2]int{0, 17},
		WID: core.Account(i.JID), Connected: connected, IsResponse: "false", BinVersion: 10, Locales: "en-US,en",
	}
}

// describe is the status object of what was seen.
func (h *Handler) describe(ctx context.Context, s instance.Seen) (status, error) {
	now := time.Now()
	i, c := s.Instance, codeOf(s, now)
	hook, err := h.core.Webhook(ctx, i)
	if err != nil {
		return status{}, err
	}
	stored, err := h.inventory.of(ctx, i)
	if err != nil {
		return status{}, err
	}
	out := status{
		Status: int(c), StatusString: c.String(), Connected: c == authenticated, ConnectionInfo: connectionOf(i, c == authenticated),
		WebID: string(i.ID), UserAgent: browserOf(i.Settings.UserAgent), CanRestoreConnection: canRestore(s, c, now),
		Stats: stored.stats, Storage: stored.storage,
	}
	if hook != nil {
		out.Webhook = hook.URL
	}
	return out, nil
}

// now is the status object of an instance as it is stored now.
func (h *Handler) now(ctx context.Context, i instance.Instance) (status, error) {
	seen, err := h.core.Look(ctx, i)
	if fault.KindOf(err) == fault.NotFound {
		return status{}, errKey // it was deleted meanwhile
	}
	if err != nil {
		return status{}, err
	}
	return h.describe(ctx, seen)
}

// status reads; it opens no connection.
func (h *Handler) status(r *request) (answer, error) {
	s, err := h.now(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	return ok(s)
}
