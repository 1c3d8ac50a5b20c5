package aspx

import (
	"context"
	"time"

	"roost/functions/api/aspx/connection"
	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
)

// status is what status.aspx, disconnect.aspx and set_config.aspx answer.
type status struct {
	Status               int              `json:"status"`
	StatusString         string           `json:"statusString"`
	Connected            bool             `json:"connected"`
	ConnectionInfo       *connection.Info `json:"ConnectionInfo"` // null before the first pairing
	WebID                string           `json:"WebID"`
	Webhook              string           `json:"Webhook"`
	UserAgent            string           `json:"UserAgent"`
	CanRestoreConnection bool             `json:"CanRestoreConnection"`
	Stats                stats            `json:"stats"`
	Storage              storage          `json:"storage"`
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

// describe is the status object of what was seen.
func (h *Handler) describe(ctx context.Context, s instance.Seen) (status, error) {
	now := time.Now()
	i, c := s.Instance, connection.Of(s, now)
	hook, err := h.core.Webhook(ctx, i)
	if err != nil {
		return status{}, err
	}
	stored, err := h.inventory.of(ctx, i)
	if err != nil {
		return status{}, err
	}
	webID, err := h.core.WebID(ctx, i)
	if err != nil {
		return status{}, err
	}
	stored.storage.Name = webID
	stored.stats.SentBytes, stored.stats.ReceveidBytes = i.SentBytes, i.ReceivedBytes
	out := status{
		Status: int(c), StatusString: c.String(), Connected: c == connection.Authenticated,
		WebID: webID, UserAgent: browserOf(i.Settings.UserAgent), CanRestoreConnection: c.CanRestore(s, now),
		Stats: stored.stats, Storage: stored.storage,
	}
	if i.JID != "" || !i.LinkedAt.IsZero() {
		out.ConnectionInfo = connection.InfoOf(core.Account(i.JID), i.Profile.PushName, out.Connected)
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
