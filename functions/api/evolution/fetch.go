package evolution

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"roost/functions/api/core"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// row is an instance as fetchInstances shows it: a row of Evolution's database.
type row struct {
	ID                      string     `json:"id"`
	Name                    string     `json:"name"`
	ConnectionStatus        string     `json:"connectionStatus"`
	OwnerJID                *string    `json:"ownerJid"`
	ProfileName             *string    `json:"profileName"`
	ProfilePicURL           *string    `json:"profilePicUrl"`
	Integration             string     `json:"integration"`
	Number                  *string    `json:"number"`
	BusinessID              *string    `json:"businessId"`
	Token                   string     `json:"token"`
	ClientName              string     `json:"clientName"`
	DisconnectionReasonCode *int       `json:"disconnectionReasonCode"`
	DisconnectionObject     *string    `json:"disconnectionObject"`
	DisconnectionAt         *stamp     `json:"disconnectionAt"`
	CreatedAt               stamp      `json:"createdAt"`
	UpdatedAt               stamp      `json:"updatedAt"`
	Chatwoot                *struct{}  `json:"Chatwoot"`
	Proxy                   *proxyRow  `json:"Proxy"`
	Rabbitmq                *struct{}  `json:"Rabbitmq"`
	NATS                    *struct{}  `json:"Nats"`
	SQS                     *struct{}  `json:"Sqs"`
	Websocket               *struct{}  `json:"Websocket"`
	Setting                 settingRow `json:"Setting"`
	Count                   *countRow  `json:"_count,omitempty"` // of no more than maxCounted rows
}

// maxCounted is of how many rows the messages, contacts and chats are counted:
// clients ask for all instances often, and counting reads a lot.
const maxCounted = 10

type countRow struct {
	Message int64 `json:"Message"`
	Contact int64 `json:"Contact"`
	Chat    int64 `json:"Chat"`
}

type settingRow struct {
	ID string `json:"id"`
	instance.Settings
	CreatedAt  stamp  `json:"createdAt"`
	UpdatedAt  stamp  `json:"updatedAt"`
	InstanceID string `json:"instanceId"`
}

// disconnection is what disconnectionObject holds as text: why the instance is
// where it is, and what its owner can do.
type disconnection struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Action string `json:"action,omitempty"`
	Until  *stamp `json:"until,omitempty"`
}

// stamp is a time as JavaScript writes it: UTC with three digits of a second.
type stamp time.Time

// MarshalJSON implements json.Marshaler.
func (s stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(s).UTC().Format("2006-01-02T15:04:05.000Z") + `"`), nil
}

func stampOf(at time.Time) *stamp {
	if at.IsZero() {
		return nil
	}
	s := stamp(at)
	return &s
}

// derived makes an id that is always the same for a part of an instance.
func derived(i instance.ID, part string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("roost/"+string(i)+"/"+part)).String()
}

func (h *Handler) rowOf(i instance.Instance) (row, error) {
	token, err := h.core.Token(i)
	if err != nil {
		return row{}, err
	}
	out := row{
		ID: string(i.ID), Name: i.Name, ConnectionStatus: status(i.State), OwnerJID: optional(core.Account(i.JID)),
		ProfileName: optional(i.Profile.PushName), ProfilePicURL: optional(i.Profile.PictureURL), Integration: baileys,
		Number: optional(i.Number), Token: token, ClientName: clientName,
		CreatedAt: stamp(i.CreatedAt), UpdatedAt: stamp(i.UpdatedAt),
		Setting: settingRow{
			ID: derived(i.ID, "setting"), Settings: i.Settings,
			CreatedAt: stamp(i.CreatedAt), UpdatedAt: stamp(i.UpdatedAt), InstanceID: string(i.ID),
		},
	}
	if out.Proxy, err = h.rowOfProxy(i); err != nil {
		return row{}, err
	}
	if i.Reason.Code != "" {
		why := disconnection{Code: i.Reason.Code, Reason: i.Reason.Sentence, Action: i.Reason.Action, Until: stampOf(i.Reason.Until)}
		text := string(encode(why))
		out.DisconnectionObject = &text
		out.DisconnectionAt = stampOf(i.ClosedAt)
		if i.Reason.Status != 0 {
			out.DisconnectionReasonCode = &i.Reason.Status
		}
	}
	return out, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// fetchInstances lists all for the admin key and its own for a token.
func (h *Handler) fetchInstances(r *request) (answer, error) {
	query := r.URL.Query()
	names := slices.DeleteFunc(query["instanceName"], func(n string) bool { return n == "" })
	id, number := query.Get("instanceId"), query.Get("number")
	if !r.admin {
		owned, err := h.core.Owned(r.Context(), r.key)
		if err != nil {
			return answer{}, err
		}
		owned = slices.DeleteFunc(owned, func(i instance.Instance) bool {
			return len(names) > 0 && !slices.Contains(names, i.Name) || id != "" && string(i.ID) != id
		})
		if len(owned) == 0 {
			return answer{}, unauthorized()
		}
		return h.rows(r, owned)
	}
	all, err := h.core.List(r.Context(), tenant.Default)
	if err != nil {
		return answer{}, err
	}
	if id != "" || number != "" {
		all = slices.DeleteFunc(all, func(i instance.Instance) bool {
			return id != "" && string(i.ID) != id || number != "" && !hasNumber(i, number)
		})
		if len(all) == 0 {
			return answer{}, missing([]string{firstOf(id, number)})
		}
		return h.rows(r, all)
	}
	if len(names) > 0 {
		known := all
		all = slices.DeleteFunc(slices.Clone(all), func(i instance.Instance) bool { return !slices.Contains(names, i.Name) })
		absent := slices.DeleteFunc(names, func(n string) bool {
			return slices.ContainsFunc(known, func(i instance.Instance) bool { return i.Name == n })
		})
		if len(absent) > 0 {
			return answer{}, missing(absent)
		}
	}
	return h.rows(r, all)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// hasNumber reports whether an instance is this number's: the one it was made
// for, or the account that it is linked to.
func hasNumber(i instance.Instance, number string) bool {
	digits := core.Digits(beforeAt(number))
	account, _, _ := strings.Cut(core.Account(i.JID), "@")
	return digits != "" && (i.Number == digits || account == digits)
}

func (h *Handler) rows(r *request, instances []instance.Instance) (answer, error) {
	out := make([]row, 0, len(instances))
	for _, i := range instances {
		line, err := h.rowOf(i)
		if err != nil {
			return answer{}, err
		}
		if len(instances) <= maxCounted {
			has, err := h.core.Counts(r.Context(), i)
			if err != nil {
				return answer{}, err
			}
			line.Count = &countRow{Message: has.Messages, Contact: has.Contacts, Chat: has.Chats}
		}
		out = append(out, line)
	}
	return ok(out)
}

var _ json.Marshaler = stamp{}
