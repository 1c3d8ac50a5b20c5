package instance

import (
	"encoding/json"
	"fmt"
	"time"

	"roost/shared/table"
	"roost/shared/tenant"
)

// encode writes the record so that a person can read it in a table browser.
// Attributes that are empty are left out, and those this version does not know
// are not kept: the record has one owner at a time.
func encode(i Instance) (table.Item, error) {
	settings, err := json.Marshal(i.Settings)
	if err != nil {
		return table.Item{}, fmt.Errorf("marshal settings: %w", err)
	}
	a := map[string]any{
		"id": string(i.ID), "tenant": string(i.Tenant), "name": i.Name,
		"state": string(i.State), "ready": i.Ready, "wanted": i.Wanted, "releases": i.Releases, "epoch": i.Epoch,
		"settings": string(settings),
	}
	for name, value := range map[string]string{
		"label": i.Label, "param": i.Param, "number": i.Number, "jid": i.JID, "lid": i.LID, "host": i.Host, "client": i.Client,
		"limit_code": i.Limit.Code, "push_name": i.Profile.PushName, "picture_url": i.Profile.PictureURL,
		"reason_code": i.Reason.Code, "reason": i.Reason.Sentence, "reason_action": i.Reason.Action,
	} {
		if value != "" {
			a[name] = value
		}
	}
	for name, n := range map[string]int64{"sent_bytes": i.SentBytes, "received_bytes": i.ReceivedBytes} {
		if n != 0 {
			a[name] = n
		}
	}
	if i.Reason.Status != 0 {
		a["reason_status"] = int64(i.Reason.Status)
	}
	for name, at := range map[string]time.Time{
		"reason_until": i.Reason.Until, "answer_at": i.AnswerAt, "idle_since": i.IdleSince, "limit_until": i.Limit.Until, "linked_at": i.LinkedAt, "closed_at": i.ClosedAt,
		"created_at": i.CreatedAt, "updated_at": i.UpdatedAt,
	} {
		if !at.IsZero() {
			a[name] = table.Stamp(at)
		}
	}
	if p := i.Proxy; !p.SetAt.IsZero() {
		a["proxy_enabled"], a["proxy_login_only"], a["proxy_set_at"] = p.Enabled, p.LoginOnly, table.Stamp(p.SetAt)
		if p.Enabled {
			a["proxy_protocol"], a["proxy_host"], a["proxy_port"] = p.Protocol, p.Host, int64(p.Port)
		}
		if len(p.Sealed) > 0 {
			a["proxy_sealed"] = p.Sealed
		}
	}
	if len(i.TokenHash) > 0 {
		a["token_hash"] = i.TokenHash
	}
	if len(i.SealedToken) > 0 {
		a["token_sealed"] = i.SealedToken
	}
	return table.Item{Key: recordKey(i.ID), Attributes: a}, nil
}

func decode(item table.Item) (Instance, error) {
	i := Instance{
		ID: ID(item.Text("id")), Tenant: tenant.ID(item.Text("tenant")), Name: item.Text("name"), Label: item.Text("label"), Param: item.Text("param"),
		State: State(item.Text("state")), Ready: item.Flag("ready"), Wanted: item.Flag("wanted"), Releases: item.Flag("releases"), Epoch: item.Number("epoch"),
		Number: item.Text("number"), JID: item.Text("jid"), LID: item.Text("lid"), Host: item.Text("host"), Client: item.Text("client"),
		Profile: Profile{PushName: item.Text("push_name"), PictureURL: item.Text("picture_url")},
		Reason: Reason{
			Code: item.Text("reason_code"), Sentence: item.Text("reason"), Action: item.Text("reason_action"),
			Status: int(item.Number("reason_status")), Until: item.Time("reason_until"),
		},
		AnswerAt: item.Time("answer_at"), IdleSince: item.Time("idle_since"), LinkedAt: item.Time("linked_at"), ClosedAt: item.Time("closed_at"),
		CreatedAt: item.Time("created_at"), UpdatedAt: item.Time("updated_at"),
		TokenHash: item.Bytes("token_hash"), SealedToken: item.Bytes("token_sealed"),
		Limit: Limit{Code: item.Text("limit_code"), Until: item.Time("limit_until")},
		Proxy: Proxy{
			Enabled: item.Flag("proxy_enabled"), LoginOnly: item.Flag("proxy_login_only"), SetAt: item.Time("proxy_set_at"),
			Protocol: item.Text("proxy_protocol"), Host: item.Text("proxy_host"), Port: int(item.Number("proxy_port")),
			Sealed: item.Bytes("proxy_sealed"),
		},
		SentBytes: item.Number("sent_bytes"), ReceivedBytes: item.Number("received_bytes"), Revision: item.Revision,
	}
	if err := json.Unmarshal([]byte(item.Text("settings")), &i.Settings); err != nil {
		return Instance{}, fmt.Errorf("read settings of instance %s: %w", i.ID, err)
	}
	return i, nil
}
