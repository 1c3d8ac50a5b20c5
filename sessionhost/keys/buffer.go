package keys

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/store"

	"roost/shared/table"
)

// An open event is a decrypted message that no handler has taken yet: its time
// at WhatsApp, its time here, and the plaintext. All of them are known in
// memory by hash, so that asking for one costs a request only if it is there.
const openHeader = 8 + 8

func openSort(hash [32]byte) string { return prefixOpen + hex.EncodeToString(hash[:]) }

// Handled events are remembered in chunks of 40 hashes, below the 1 KiB that a
// write is billed by, the last 2,000 of them in memory. Older ones are stored
// for 14 days but not looked at: should WhatsApp deliver such a message again,
// the ratchet refuses it, which whatsmeow answers with a receipt as well.
const (
	doneSize   = 16 + 8 // hash, cut, and milliseconds
	chunkDone  = 40
	chunksDone = 52
)

type doneHash [16]byte

type doneLog struct {
	loaded bool
	last   int // greatest chunk
	chunks map[int][]byte
	at     map[doneHash]int64
}

func newDoneLog() doneLog {
	return doneLog{chunks: make(map[int][]byte), at: make(map[doneHash]int64)}
}

func doneSort(chunk int) string { return fmt.Sprintf("%s%010d", prefixDone, chunk) }

func doneEntries(value []byte, each func(hash doneHash, at int64)) {
	for entry := range slices.Chunk(value, doneSize) {
		if len(entry) == doneSize {
			each(doneHash(entry), int64(binary.BigEndian.Uint64(entry[16:])))
		}
	}
}

// replace shows a chunk's new content and forgets the oldest if there are many.
func (d *doneLog) replace(sort string, value []byte) {
	chunk, err := strconv.Atoi(strings.TrimPrefix(sort, prefixDone))
	if err != nil {
		return
	}
	d.last = max(d.last, chunk)
	d.chunks[chunk] = value
	doneEntries(value, func(hash doneHash, at int64) { d.at[hash] = at })
	if len(d.chunks) > chunksDone {
		oldest := d.last
		for number := range d.chunks {
			oldest = min(oldest, number)
		}
		doneEntries(d.chunks[oldest], func(hash doneHash, _ int64) { delete(d.at, hash) })
		delete(d.chunks, oldest)
	}
}

// loadDone loads the handled events. io is held.
func (k *Keys) loadDone(ctx context.Context) error {
	if err := k.ready(ctx); err != nil {
		return err
	}
	if k.done.loaded {
		return nil
	}
	query := table.Query{Partition: k.partition, Prefix: prefixDone, Reverse: true, Limit: chunksDone}
	var items []table.Item
	for {
		page, err := k.table.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("load handled events: %w", err)
		}
		items = append(items, page.Items...)
		if query.Cursor = page.Cursor; page.Cursor == "" || len(items) >= chunksDone {
			break
		}
	}
	values := make(map[string][]byte, len(items))
	for _, item := range items {
		value, err := k.decode(ctx, item)
		if err != nil {
			return err
		}
		values[item.Sort] = value
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for sort, value := range values {
		if _, newer := k.pending[sort]; !newer {
			k.done.replace(sort, value)
		}
	}
	k.done.loaded = true
	return nil
}

// GetBufferedEvent implements [store.EventBuffer]. Of a handled event only the
// time it was handled is known. A fault of the table wraps context.Canceled.
func (k *Keys) GetBufferedEvent(ctx context.Context, ciphertextHash [32]byte) (*store.BufferedEvent, error) {
	event, err := k.bufferedEvent(ctx, ciphertextHash)
	if err != nil {
		if k.joined(ctx) == nil && ctx.Err() == nil {
			k.report(err)
		}
		return nil, leaveForLater(err)
	}
	return event, nil
}

func (k *Keys) bufferedEvent(ctx context.Context, hash [32]byte) (*store.BufferedEvent, error) {
	k.mu.Lock()
	loaded := k.done.loaded && !k.stale && k.failed == nil
	k.mu.Unlock()
	if !loaded {
		load := func() error { return k.loadDone(ctx) }
		if k.joined(ctx) != nil {
			if err := load(); err != nil {
				return nil, err
			}
		} else if err := k.exclusively(ctx, load); err != nil {
			return nil, err
		}
	}
	value, err := k.read(ctx, openSort(hash))
	if err != nil {
		return nil, err
	}
	if len(value) >= openHeader {
		return &store.BufferedEvent{
			Plaintext:  slices.Clone(value[openHeader:]),
			ServerTime: time.Unix(int64(binary.BigEndian.Uint64(value)), 0),
			InsertTime: time.UnixMilli(int64(binary.BigEndian.Uint64(value[8:]))),
		}, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, ok := k.done.at[doneHash(hash[:])]; ok {
		return &store.BufferedEvent{InsertTime: time.UnixMilli(at), ServerTime: time.UnixMilli(at)}, nil
	}
	return nil, nil
}

// PutBufferedEvent implements [store.EventBuffer].
func (k *Keys) PutBufferedEvent(ctx context.Context, ciphertextHash [32]byte, plaintext []byte, serverTimestamp time.Time) error {
	now := k.options.Now()
	return k.update(ctx, promptly, func(tx *txn) error {
		value := make([]byte, openHeader, openHeader+len(plaintext))
		binary.BigEndian.PutUint64(value, uint64(serverTimestamp.Unix()))
		binary.BigEndian.PutUint64(value[8:], uint64(now.UnixMilli()))
		return tx.putUntil(openSort(ciphertextHash), append(value, plaintext...), now.Add(eventLife))
	})
}

// ClearBufferedEventPlaintext implements [store.EventBuffer]. The mark travels
// with the next transaction, since a crash before that costs at most a second
// event with the same id; but what the message left behind (its secret, new
// names and pairs) is written now, for its receipt comes next.
func (k *Keys) ClearBufferedEventPlaintext(ctx context.Context, ciphertextHash [32]byte) error {
	handle := func() error {
		err := k.step(ctx, lazily, func(tx *txn) error { return k.handled(ctx, tx, ciphertextHash) })
		if err != nil || !k.owed {
			return err
		}
		return k.flush(ctx)
	}
	if k.joined(ctx) != nil {
		return handle() // io is held
	}
	return k.exclusively(ctx, handle)
}

func (k *Keys) handled(ctx context.Context, tx *txn, hash [32]byte) error {
	if err := k.loadDone(ctx); err != nil {
		return err
	}
	if !k.open[openSort(hash)] {
		return nil
	}
	chunk := k.done.last
	if len(k.done.chunks[chunk]) >= chunkDone*doneSize {
		chunk++
	}
	now := k.options.Now()
	value := slices.Clone(k.done.chunks[chunk])
	value = append(value, hash[:16]...)
	value = binary.BigEndian.AppendUint64(value, uint64(now.UnixMilli()))
	tx.remove(openSort(hash))
	return tx.putUntil(doneSort(chunk), value, now.Add(eventLife))
}

// DeleteOldBufferedHashes implements [store.EventBuffer]: they expire by
// themselves.
func (k *Keys) DeleteOldBufferedHashes(context.Context) error { return nil }
