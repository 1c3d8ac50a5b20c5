package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"roost/shared/blob"
)

// assemble puts the parts into one object, and beside it the page and the
// manifest. Doing it again gives the same objects.
func (w *work) assemble(ctx context.Context, chats []planned) (*Manifest, error) {
	r := w.claim.Record
	m := newManifest(r)
	for n := range r.Progress.Parts {
		var s summary
		_, about := partKey(r, n)
		if err := w.read(ctx, about, &s); err != nil {
			return nil, err
		}
		m.add(s)
		m.Transcript.Bytes += s.Bytes
	}
	parts := &concatenation{ctx: ctx, work: w}
	defer parts.close()
	sum := sha256.New()
	if _, err := w.cfg.Bucket.Put(ctx, r.Key, io.TeeReader(parts, sum), m.Transcript.Bytes, "application/gzip"); err != nil {
		return nil, fmt.Errorf("store the transcript: %w", err)
	}
	m.Transcript.SHA256 = hex.EncodeToString(sum.Sum(nil))
	var err error
	if m.Media, err = w.media(ctx); err != nil {
		return nil, err
	}
	page, err := w.page(ctx, m, chats)
	if err != nil {
		return nil, err
	}
	pageSum := sha256.Sum256(page)
	m.Page.Bytes, m.Page.SHA256 = int64(len(page)), hex.EncodeToString(pageSum[:])
	if _, err := w.put(ctx, r.PageKey, page, "text/html; charset=utf-8"); err != nil {
		return nil, fmt.Errorf("store the page: %w", err)
	}
	body, err := m.encode()
	if err != nil {
		return nil, err
	}
	if _, err := w.put(ctx, r.ManifestKey, body, "application/json"); err != nil {
		return nil, fmt.Errorf("store the manifest: %w", err)
	}
	return m, nil
}

// concatenation reads the parts one behind the other. Between them it renews
// the claim: the transcript may be large and the bucket slow.
type concatenation struct {
	ctx  context.Context //nolint:containedctx // of the one call of Put that reads it
	work *work
	next int
	part io.ReadCloser
}

func (c *concatenation) Read(p []byte) (int, error) {
	for {
		if c.part == nil {
			if c.next == c.work.claim.Record.Progress.Parts {
				return 0, io.EOF
			}
			if err := c.work.renew(c.ctx); err != nil {
				return 0, err
			}
			key, _ := partKey(c.work.claim.Record, c.next)
			part, _, err := c.work.cfg.Bucket.Get(c.ctx, key, blob.Range{})
			if err != nil {
				return 0, fmt.Errorf("read a part: %w", err)
			}
			c.part = part
			c.next++
		}
		n, err := c.part.Read(p)
		if errors.Is(err, io.EOF) {
			c.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (c *concatenation) close() {
	if c.part != nil {
		_ = c.part.Close()
		c.part = nil
	}
}
