package keys

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/store"
)

// An open event is a decrypted message that no handler has taken yet: its time
// at WhatsApp, its time here, and the plaintext. All of them are known in
// memory by hash, so that asking for one costs a request only if it is there.
const openHeader = 8 + 8

func openSort(hash [32]byte) string { return prefixOpen + hex.EncodeToString(hash[:]) }

// Handled events are remembered in chunks of 40 hashes, below the 1 KiB that a
// write is billed by: the last 2,000 of them in memory, the last chunks in the
// table, where a login loads them with everything else. What is older and comes
// again all the same, the ratchet refuses, which whatsmeow answers with a receipt
// as well.
const (
	doneSize   = 16 + 8 // hash, cut, and milliseconds
	chunkDone  = 40
	chunksDone = 52 // in memory
	storedDone = 4  // in the table
)

type doneHash [16]byte

type doneLog struct {
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

// replace shows a chunk's new content and forgets the oldest if there are many. One
// that leaves the table stays in memory.
func (d *doneLog) replace(sort string, value []byte) {
	chunk, err := strconv.Atoi(strings.TrimPrefix(sort, prefixDone))
	if err != nil || value == nil {
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
	if err := k.fresh(ctx); err != nil {
		return nil, err
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

// ClearBufferedEventPlaintext implements [store.EventBuffer]. With the mark that
// the event was handled everything that the message has changed or left behind
// is written now, for its receipt comes next. The mark of one that a process
// before has decrypted may wait for company, since a crash before costs at most a
// second event with the same id.
func (k *Keys) ClearBufferedEventPlaintext(ctx context.Context, ciphertextHash [32]byte) error {
	handle := func() error {
		err := k.step(ctx, lazily, func(tx *txn) error { return k.handled(tx, ciphertextHash) })
		if err != nil || !k.owed && len(k.kept.sorts) == 0 {
			return err
		}
		return k.flush(ctx)
	}
	if k.joined(ctx) != nil {
		return handle() // io is held
	}
	err := k.exclusively(ctx, handle)
	if err != nil && !errors.Is(err, ErrFenced) { // of which the host is told anyway
		k.report(err) // whatsmeow says that the message has arrived; the changes stay pending
	}
	return err
}

func (k *Keys) handled(tx *txn, hash [32]byte) error {
	sort := openSort(hash)
	if !k.open[sort] {
		return nil
	}
	chunk := k.done.last
	if len(k.done.chunks[chunk]) >= chunkDone*doneSize {
		chunk++
		if chunk >= storedDone {
			tx.remove(doneSort(chunk - storedDone))
		}
	}
	now := k.options.Now()
	value := make([]byte, 0, len(k.done.chunks[chunk])+doneSize)
	value = append(value, k.done.chunks[chunk]...)
	value = append(value, hash[:16]...)
	value = binary.BigEndian.AppendUint64(value, uint64(now.UnixMilli()))
	if !k.forget(sort) {
		tx.remove(sort)
	}
	return tx.putUntil(doneSort(chunk), value, now.Add(eventLife))
}

// DeleteOldBufferedHashes implements [store.EventBuffer]: they expire by
// themselves.
func (k *Keys) DeleteOldBufferedHashes(context.Context) error { return nil }
