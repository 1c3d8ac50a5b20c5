package export

import (
	"encoding/json"
	"fmt"
	"time"

	"roost/shared/archive"
	"roost/shared/transcript"
)

// schemaVersion is of the transcript's lines and of the manifest.
const schemaVersion = 1

// Manifest says what is in a transcript's object.
type Manifest struct {
	SchemaVersion int       `json:"schemaVersion"`
	Tenant        string    `json:"tenant"`
	Instance      string    `json:"instance"`
	Name          string    `json:"name"`
	AcceptedAt    time.Time `json:"acceptedAt"`
	Transcript    Object    `json:"transcript"`

	Lines int64            `json:"lines"`
	Kinds map[string]int64 `json:"kinds"` // lines by kind
	Chats map[string]int64 `json:"chats"` // lines by chat

	First *time.Time `json:"first"` // null for an empty transcript
	Last  *time.Time `json:"last"`
}

// Object is the transcript in the bucket.
type Object struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // lower-case hex
}

func newManifest(r archive.Record) *Manifest {
	return &Manifest{
		SchemaVersion: schemaVersion, Tenant: string(r.Tenant), Instance: string(r.Instance), Name: r.Name, AcceptedAt: r.At.UTC(),
		Transcript: Object{Key: r.Key}, Kinds: map[string]int64{}, Chats: map[string]int64{},
	}
}

func (m *Manifest) count(e transcript.Entry) {
	m.Lines++
	m.Kinds[string(e.Kind)]++
	m.Chats[e.Chat]++
	at := e.At.UTC()
	if m.First == nil || at.Before(*m.First) {
		m.First = &at
	}
	if m.Last == nil || at.After(*m.Last) {
		m.Last = &at
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
