package guid

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
)

// releaseAfter is how long an idle client keeps its connection
// (sessionhost/session).
const releaseAfter = 10 * time.Minute

// pageSize is how many clients a page of the list has.
const pageSize = 100

// state is where a client stands.
type state struct {
	GUID          instance.ID `json:"guid"`
	Status        string      `json:"status"`
	WxID          string      `json:"wxId"`
	DeviceName    string      `json:"deviceName"`
	CustomerParam string      `json:"customerParam"`
	LastBeat      *time.Time  `json:"lastBeat"`
	IdleSince     *time.Time  `json:"idleSince"`
	ReleaseAt     *time.Time  `json:"releaseAt"`
	Reason        string      `json:"reason"` // code, "" for none
	CanRecover    bool        `json:"canRecover"`
}

func stateOf(i instance.Instance) state {
	s := state{
		GUID: i.ID, Status: statusOf(i), WxID: wxID(i.JID), DeviceName: i.Label, CustomerParam: i.Param,
		LastBeat: optional(i.AnswerAt), IdleSince: optional(i.IdleSince), Reason: reasonOf(i.Reason.Code),
		CanRecover: i.JID != "" && i.State != instance.LoggedOut,
	}
	if s.DeviceName == "" { // made in another dialect
		s.DeviceName = i.Name
	}
	if i.Releases && !i.IdleSince.IsZero() {
		s.ReleaseAt = optional(i.IdleSince.Add(releaseAfter))
	}
	return s
}

// reasonOf is a reason's code in the dialect's words.
func reasonOf(code string) string {
	if code == instance.ReasonMaxIdle {
		return "maxIdle"
	}
	return code
}

// statusOf is an instance's state in the dialect's words.
func statusOf(i instance.Instance) string {
	switch i.State {
	case instance.Pairing:
		return "qr"
	case instance.Open:
		return "online"
	case instance.LoggedOut:
		return "loggedout"
	case instance.Closed:
		if i.JID == "" { // nobody has scanned
			return "created"
		}
		return "released"
	default:
		return string(i.State)
	}
}

// wxID is the user part of a JID: who is logged in.
func wxID(jid string) string {
	user, _, _ := strings.Cut(core.Account(jid), "@")
	return user
}

func optional(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// find returns the client that a request is about.
func (h *Handler) find(ctx context.Context, q request) (instance.Instance, error) {
	return h.core.ByID(ctx, q.tenant, instance.ID(q.guid))
}

func (h *Handler) status(ctx context.Context, q request) (any, error) {
	i, err := h.find(ctx, q)
	if err != nil {
		return nil, err
	}
	return stateOf(i), nil
}

// heartbeat is a caller's own beat. The connection has its own, so that only
// whether the client exists is worth an answer.
func (h *Handler) heartbeat(ctx context.Context, q request) (any, error) {
	_, err := h.find(ctx, q)
	return nil, err
}

type page struct {
	Items  []state `json:"items"`
	Cursor string  `json:"cursor"` // "" at the end
}

func (h *Handler) list(ctx context.Context, q request) (any, error) {
	after, err := base64.RawURLEncoding.DecodeString(q.URL.Query().Get("cursor"))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "cursor is none of ours")
	}
	all, err := h.core.List(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(i instance.Instance) bool {
		return i.ID <= instance.ID(after) || i.State == instance.Deleting || i.State == instance.Deleted
	})
	slices.SortFunc(all, func(a, b instance.Instance) int { return strings.Compare(string(a.ID), string(b.ID)) })
	out := page{Items: []state{}}
	for n, i := range all {
		if n == pageSize {
			out.Cursor = base64.RawURLEncoding.EncodeToString([]byte(all[n-1].ID))
			break
		}
		out.Items = append(out.Items, stateOf(i))
	}
	return out, nil
}
