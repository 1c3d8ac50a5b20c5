package export

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/transcript"
)

// write stores transcript and manifest under the names that the record gives.
func write(ctx context.Context, bucket blob.Bucket, r archive.Record, entries iter.Seq2[transcript.Entry, error]) (*Manifest, error) {
	m := newManifest(r)
	out, in := io.Pipe()
	written := make(chan struct{})
	go func() { // ends when the pipe does, which both sides close
		defer close(written)
		_ = in.CloseWithError(writeLines(in, m, entries))
	}()
	sum := sha256.New()
	counted := &counter{reader: io.TeeReader(out, sum)}
	_, err := bucket.Put(ctx, r.Key, counted, -1, "application/gzip")
	_ = out.CloseWithError(errors.Join(errors.New("the bucket has stopped reading"), err))
	<-written // the manifest is the writer's until then
	if err != nil {
		return nil, fmt.Errorf("store the transcript: %w", err)
	}
	m.Transcript.Bytes, m.Transcript.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	body, err := m.encode()
	if err != nil {
		return nil, err
	}
	if _, err := bucket.Put(ctx, r.ManifestKey, bytes.NewReader(body), int64(len(body)), "application/json"); err != nil {
		return nil, fmt.Errorf("store the manifest: %w", err)
	}
	return m, nil
}

// writeLines writes one entry a line, compressed. The bytes depend on the
// entries only.
func writeLines(to io.Writer, m *Manifest, entries iter.Seq2[transcript.Entry, error]) error {
	buffer := bufio.NewWriterSize(to, 64<<10)
	zipped := gzip.NewWriter(buffer) // its header has no time unless it is set
	lines := json.NewEncoder(zipped)
	lines.SetEscapeHTML(false)
	for e, err := range entries {
		if err != nil {
			return err
		}
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("write entry %s: %w", e.ID, err)
		}
		m.count(e)
	}
	if err := zipped.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return buffer.Flush()
}

type counter struct {
	reader io.Reader
	n      int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.n += int64(n)
	return n, err
}
