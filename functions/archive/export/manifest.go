package export

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"roost/shared/archive"
)

// schemaVersion is of the transcript's lines and of the manifest.
const schemaVersion = 2

// Manifest says what is in a transcript's object.
type Manifest struct {
	SchemaVersion int       `json:"schemaVersion"`
	Tenant        string    `json:"tenant"`
	Instance      string    `json:"instance"`
	Name          string    `json:"name"`
	AcceptedAt    time.Time `json:"acceptedAt"`
	Live          bool      `json:"live"` // an export: the instance went on
	Transcript    Object    `json:"transcript"`
	Page          Object    `json:"page"`

	Lines int64            `json:"lines"`
	Kinds map[string]int64 `json:"kinds"` // lines by kind
	Chats map[string]int64 `json:"chats"` // lines by chat

	First *time.Time `json:"first"` // null for an empty transcript
	Last  *time.Time `json:"last"`

	// Media are the files that messages name and that were kept.
	Media []Object `json:"media"`
}

// Object is an object in the bucket.
type Object struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hex
}

func newManifest(r archive.Record) *Manifest {
	return &Manifest{
		SchemaVersion: schemaVersion, Tenant: string(r.Tenant), Instance: string(r.Instance), Name: r.Name, AcceptedAt: r.At.UTC(), Live: r.Live,
		Transcript: Object{Key: r.Key}, Page: Object{Key: r.PageKey}, Kinds: map[string]int64{}, Chats: map[string]int64{}, Media: []Object{},
	}
}

// add takes up what is in a part.
func (m *Manifest) add(s summary) {
	m.Lines += s.Lines
	for kind, n := range s.Kinds {
		m.Kinds[kind] += n
	}
	for chat, n := range s.Chats {
		m.Chats[chat] += n
	}
	if m.First == nil || s.First != nil && s.First.Before(*m.First) {
		m.First = s.First
	}
	if m.Last == nil || s.Last != nil && s.Last.After(*m.Last) {
		m.Last = s.Last
	}
}

// encode is the same for the same manifest: maps are written in the order of
// their keys.
func (m *Manifest) encode() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return append(body, '\n'), nil
}

// media lists the files that were kept. Their keys end in their checksum.
func (w *work) media(ctx context.Context) ([]Object, error) {
	prefix := archive.MediaPrefix(w.claim.Record.Tenant, w.claim.Record.Instance)
	out := []Object{}
	for cursor := ""; ; {
		page, err := w.cfg.Bucket.List(ctx, prefix, cursor)
		if err != nil {
			return nil, fmt.Errorf("list media: %w", err)
		}
		for _, o := range page.Objects {
			out = append(out, Object{Key: o.Key, Bytes: o.Size, SHA256: o.Key[len(prefix):]})
		}
		if cursor = page.Cursor; cursor == "" {
			return out, nil
		}
	}
}
