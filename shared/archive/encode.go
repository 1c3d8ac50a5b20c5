package archive

import (
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/tenant"
)

// encode writes the record so that a person can read it in a table browser.
func encode(r Record) table.Item {
	a := map[string]any{
		"tenant": string(r.Tenant), "instance": string(r.Instance), "name": r.Name, "at": table.Stamp(r.At),
		"state": string(r.State), "key": r.Key, "manifest_key": r.ManifestKey,
	}
	if r.State == Done {
		a["messages"], a["bytes"], a["sha256"], a["done_at"] = r.Messages, r.Bytes, r.SHA256, table.Stamp(r.DoneAt)
	}
	return table.Item{Key: recordKey(r.Instance), Attributes: a}
}

func decode(item table.Item) Record {
	return Record{
		Tenant: tenant.ID(item.Text("tenant")), Instance: instance.ID(item.Text("instance")), Name: item.Text("name"),
		At: item.Time("at"), State: State(item.Text("state")), Key: item.Text("key"), ManifestKey: item.Text("manifest_key"),
		Messages: item.Number("messages"), Bytes: item.Number("bytes"), SHA256: item.Text("sha256"), DoneAt: item.Time("done_at"),
	}
}
