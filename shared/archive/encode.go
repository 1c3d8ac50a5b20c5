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
	if r.PageKey != "" {
		a["page_key"] = r.PageKey
	}
	if r.Live {
		a["live"] = true
	}
	if p := r.Progress; p != (Progress{}) {
		a["progress_done"], a["progress_total"], a["progress_parts"], a["progress_size"] = p.Done, p.Total, int64(p.Parts), p.Size
		a["progress_checksum"], a["progress_whole"] = int64(p.Checksum), p.Whole
		if p.Chat != "" {
			a["progress_chat"], a["progress_after"] = p.Chat, p.After
		}
	}
	if !r.Expires.IsZero() {
		a["expires_at"] = table.Stamp(r.Expires)
	}
	if r.State == Done {
		a["messages"], a["files"], a["bytes"], a["sha256"], a["done_at"] = r.Messages, r.Files, r.Bytes, r.SHA256, table.Stamp(r.DoneAt)
	}
	return table.Item{Key: recordKey(r.Ref()), Attributes: a}
}

func decode(item table.Item) Record {
	return Record{
		Tenant: tenant.ID(item.Text("tenant")), Instance: instance.ID(item.Text("instance")), Name: item.Text("name"),
		At: item.Time("at"), State: State(item.Text("state")), Key: item.Text("key"), ManifestKey: item.Text("manifest_key"),
		PageKey: item.Text("page_key"), Live: item.Flag("live"), Expires: item.Time("expires_at"),
		Progress: Progress{
			Done: item.Number("progress_done"), Total: item.Number("progress_total"), Parts: int(item.Number("progress_parts")),
			Size: item.Number("progress_size"), Checksum: uint32(item.Number("progress_checksum")), Whole: item.Flag("progress_whole"),
			Chat: item.Text("progress_chat"), After: item.Text("progress_after"),
		},
		Messages: item.Number("messages"), Files: item.Number("files"), Bytes: item.Number("bytes"), SHA256: item.Text("sha256"), DoneAt: item.Time("done_at"),
	}
}
