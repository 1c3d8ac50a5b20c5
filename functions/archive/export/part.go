package export

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/transcript"
)

// planned is a chat as the plan has it.
type planned struct {
	Key     string    `json:"key"`
	Merged  []string  `json:"merged,omitempty"`
	Title   string    `json:"title"`
	Entries int64     `json:"entries"`
	LastAt  time.Time `json:"lastAt"`
}

func (p planned) chat() transcript.Chat { return transcript.Chat{Key: p.Key, Merged: p.Merged} }

// plan reads which chats are to be stored, or finds that out and stores it.
func (w *work) plan(ctx context.Context) ([]planned, error) {
	key := w.claim.Record.PartPrefix() + "plan.json"
	if w.claim.Record.Progress.Total > 0 || w.claim.Record.Progress.Parts > 0 {
		var chats []planned
		err := w.read(ctx, key, &chats)
		return chats, err
	}
	all, err := w.cfg.Transcripts.Chats(ctx, w.claim.Record.Instance)
	if err != nil {
		return nil, err
	}
	chats := make([]planned, 0, len(all))
	p := archive.Progress{}
	for _, c := range all {
		title := c.Name
		if title == "" {
			title = c.Address.String()
		}
		chats = append(chats, planned{c.Key, c.Merged, title, c.Entries, c.LastAt})
		p.Total += c.Entries
	}
	body, err := json.Marshal(chats)
	if err != nil {
		return nil, fmt.Errorf("marshal the plan: %w", err)
	}
	if _, err := w.put(ctx, key, body, "application/json"); err != nil {
		return nil, fmt.Errorf("store the plan: %w", err)
	}
	w.claim, err = w.cfg.Archives.Advance(ctx, w.claim, p)
	return chats, err
}

// summary is what the manifest wants to know of a part.
type summary struct {
	Bytes  int64            `json:"bytes"`
	SHA256 string           `json:"sha256"`
	Lines  int64            `json:"lines"`
	Kinds  map[string]int64 `json:"kinds"`
	Chats  map[string]int64 `json:"chats"`
	First  *time.Time       `json:"first,omitempty"`
	Last   *time.Time       `json:"last,omitempty"`
}

func (s *summary) count(e transcript.Entry) {
	s.Lines++
	s.Kinds[string(e.Kind)]++
	s.Chats[e.Chat]++
	at := e.At.UTC()
	if s.First == nil || at.Before(*s.First) {
		s.First = &at
	}
	if s.Last == nil || at.After(*s.Last) {
		s.Last = &at
	}
}

// partKey is where the n-th part is, from 0 on, and with it what it holds.
func partKey(r archive.Record, n int) (lines, about string) {
	stem := fmt.Sprintf("%s%06d", r.PartPrefix(), n)
	return stem + ".gz", stem + ".json"
}

// part stores the next part, and says so in the record.
func (w *work) part(ctx context.Context, chats []planned) error {
	p := w.claim.Record.Progress
	packed := newPacker(p)
	s := summary{Kinds: map[string]int64{}, Chats: map[string]int64{}}
	more, err := w.lines(ctx, chats, p, func(e transcript.Entry) (bool, error) {
		if err := packed.line(e); err != nil {
			return false, err
		}
		s.count(e)
		p.Chat, p.After = e.Chat, e.Sort
		return packed.raw < w.cfg.PartBytes, nil
	})
	if err != nil {
		return err
	}
	if err := packed.end(!more); err != nil {
		return err
	}
	p.Checksum, p.Size, p.Whole = packed.checksum, p.Size+packed.raw, !more
	p.Done, p.Parts = p.Done+s.Lines, p.Parts+1
	if p.Whole {
		p.Total = p.Done // of an export, what came too late is not counted
	}
	sum := sha256.Sum256(packed.out.Bytes())
	s.Bytes, s.SHA256 = int64(packed.out.Len()), hex.EncodeToString(sum[:])
	about, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("marshal what is in a part: %w", err)
	}
	lines, aboutKey := partKey(w.claim.Record, p.Parts-1)
	if _, err := w.put(ctx, lines, packed.out.Bytes(), "application/octet-stream"); err != nil {
		return fmt.Errorf("store a part: %w", err)
	}
	if _, err := w.put(ctx, aboutKey, about, "application/json"); err != nil {
		return fmt.Errorf("store what is in a part: %w", err)
	}
	w.claim, err = w.cfg.Archives.Advance(ctx, w.claim, p)
	return err
}

// lines walks the entries that are not stored yet until yield has enough. It
// reports whether there may be more.
func (w *work) lines(ctx context.Context, chats []planned, p archive.Progress, yield func(transcript.Entry) (bool, error)) (bool, error) {
	record := w.claim.Record
	for _, c := range chats {
		if c.Key < p.Chat {
			continue
		}
		after := ""
		if c.Key == p.Chat {
			after = p.After
		}
		for e, err := range w.cfg.Transcripts.EntriesAfter(ctx, record.Instance, c.chat(), after) {
			if err != nil {
				return false, err
			}
			if record.Live && e.Arrival().After(record.At) {
				continue
			}
			if wanted, err := yield(e); err != nil || !wanted {
				return true, err
			}
		}
	}
	return false, nil
}

// packer compresses the lines of a part.
type packer struct {
	out      bytes.Buffer
	flate    *flate.Writer
	raw      int64
	checksum uint32
	size     int64 // of the lines before
}

// gzipHeader has no name, no time and no system (RFC 1952).
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

func newPacker(p archive.Progress) *packer {
	packed := &packer{checksum: p.Checksum, size: p.Size}
	if p.Parts == 0 {
		packed.out.WriteString(gzipHeader)
	}
	packed.flate, _ = flate.NewWriter(&packed.out, flate.DefaultCompression) // the level is valid
	return packed
}

func (p *packer) line(e transcript.Entry) error {
	lines := json.NewEncoder(p)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(e); err != nil {
		return fmt.Errorf("write entry %s: %w", e.ID, err)
	}
	return nil
}

// Write takes a line.
func (p *packer) Write(line []byte) (int, error) {
	p.raw += int64(len(line))
	p.checksum = crc32.Update(p.checksum, crc32.IEEETable, line)
	return p.flate.Write(line)
}

// end brings what was written to a byte's end, and the last part the file's.
func (p *packer) end(last bool) error {
	if !last {
		return p.flate.Flush()
	}
	if err := p.flate.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	trailer := binary.LittleEndian.AppendUint32(nil, p.checksum)
	p.out.Write(binary.LittleEndian.AppendUint32(trailer, uint32(p.size+p.raw)))
	return nil
}

// put stores an object that is in memory.
func (h *Handler) put(ctx context.Context, key string, body []byte, contentType string) (blob.Info, error) {
	return h.cfg.Bucket.Put(ctx, key, bytes.NewReader(body), int64(len(body)), contentType)
}

// read reads an object of JSON.
func (h *Handler) read(ctx context.Context, key string, out any) error {
	stored, _, err := h.cfg.Bucket.Get(ctx, key, blob.Range{})
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	defer stored.Close()
	body, err := io.ReadAll(stored)
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}
