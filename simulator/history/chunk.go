package history

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"go.mau.fi/whatsmeow/proto/waHistorySync"
)

// MaxChunk bounds what Decode unpacks, in bytes.
const MaxChunk = 256 << 20

// Chunk is one piece of a part, ready to be sent.
type Chunk struct {
	Type Type
	// Order counts the chunks of a part, from 1.
	Order uint32
	// Progress is in percent and ends at 100 in every part, except that
	// INITIAL_BOOTSTRAP counts against the messages of all parts.
	Progress uint32
	// Conversations and Messages are what the chunk holds; a chat cut in two
	// counts in both chunks. Messages includes status messages.
	Conversations, Messages int
	// Oldest is the time of the oldest message; zero if there is none.
	Oldest time.Time
	// SessionID is the stanza id of the request that a chunk on demand answers.
	SessionID string
	// Size is the number of bytes before compression.
	Size int
	// Payload is a HistorySync, marshalled and compressed with zlib.
	Payload []byte
}

// Decode reads the payload of a chunk.
func Decode(payload []byte) (*waHistorySync.HistorySync, error) {
	r, err := zlib.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("decompress history: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, MaxChunk+1))
	if err != nil {
		return nil, fmt.Errorf("decompress history: %w", err)
	}
	if len(raw) > MaxChunk {
		return nil, fmt.Errorf("decompress history: more than %d bytes", MaxChunk)
	}
	var out waHistorySync.HistorySync
	if err := proto.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("parse history: %w", err)
	}
	return &out, nil
}

// packer marshals and compresses; its buffers serve one chunk after another.
type packer struct {
	raw    []byte
	packed bytes.Buffer
	zip    *zlib.Writer
}

func (p *packer) pack(sync *waHistorySync.HistorySync, chunk Chunk) (Chunk, error) {
	sync.SyncType = chunk.Type.Enum()
	sync.ChunkOrder = new(chunk.Order)
	sync.Progress = new(chunk.Progress)
	var err error
	// Deterministic, since equal plans promise equal bytes.
	if p.raw, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(p.raw[:0], sync); err != nil {
		return Chunk{}, fmt.Errorf("encode history: %w", err)
	}
	p.packed.Reset()
	if p.zip == nil {
		p.zip = zlib.NewWriter(&p.packed)
	} else {
		p.zip.Reset(&p.packed)
	}
	if _, err := p.zip.Write(p.raw); err != nil {
		return Chunk{}, fmt.Errorf("compress history: %w", err)
	}
	if err := p.zip.Close(); err != nil {
		return Chunk{}, fmt.Errorf("compress history: %w", err)
	}
	chunk.Conversations = len(sync.GetConversations())
	chunk.Size = len(p.raw)
	chunk.Payload = bytes.Clone(p.packed.Bytes())
	return chunk, nil
}
