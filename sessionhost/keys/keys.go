package keys

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/store"
	waLog "go.mau.fi/whatsmeow/util/log"

	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/table"
)

var (
	// ErrFenced means that another owner has taken the instance. Nothing can
	// be stored any more: the connection must be closed.
	ErrFenced = errors.New("another owner holds the keys")
	// ErrClosed means that the Keys were closed or deleted.
	ErrClosed = errors.New("keys are closed")
)

// Options are the settings of Open. The zero value is right for production.
type Options struct {
	// Sessions is how many Signal sessions and sender keys of an instance stay
	// in memory, 0 for 512.
	Sessions int
	// SessionBytes bounds the memory they take, 0 for 4 MiB.
	SessionBytes int
	// Log is the logger of the device, nil for none.
	Log waLog.Logger
	// Now is the clock for expiries, nil for time.Now.
	Now func() time.Time
	// OnFailure is told when a message stays with WhatsApp because it could not
	// be stored, and of [ErrFenced]: it comes again with the next connection
	// only, so the host should reset the connection soon. Called on the
	// client's goroutine without any lock; it must not wait.
	OnFailure func(error)

	facts       int           // how many names, tokens and settings stay in memory, 0 for 2048
	answerLimit time.Duration // 0 for answerLimit
}

// factBytes bounds what is in memory beside the sessions.
const factBytes = 1 << 20

// Keys are the keys of one instance, owned by one process at a time. All
// methods are safe for concurrent use.
type Keys struct {
	table     table.Table
	partition string
	epoch     int64
	wrapper   seal.Wrapper
	options   Options

	// The locks nest in the order they stand here.
	sending gate // a send, from BeginSend to its end, or an answer
	ratchet gate // a decryption, or a send or answer until its sessions are stored
	// io is held by whoever speaks to the table, and by every change from its
	// first read to its write: what is read in between cannot change.
	io gate
	mu sync.Mutex // the fields below; never held while waiting

	failed   error // ErrFenced or ErrClosed
	stale    bool  // a write has not been settled: the table must be read again
	owner    string
	seq      int64 // of the last write of this owner
	sealer   *seal.Sealer
	wrapped  []byte // the data key as stored
	keySaved bool

	cache    *cache
	complete map[string]bool // by prefix: what is not in the cache does not exist
	warmed   map[string]bool // by prefix: has been queried
	parts    map[string]int  // by sort key, of what needs more than one item
	natives  map[string]bool // sort keys of addresses without LID
	open     map[string]bool // sort keys of events that nobody has handled
	done     doneLog
	pairs    pairs

	told   atomic.Bool // of ErrFenced
	answer *answer     // under way, nil for none

	pending map[string]edit // done in memory, written with the next transaction
	owed    bool            // pending holds more than what a crash may forget
	kept    kept            // of pending, what is written together. Whoever holds io has it
}

var (
	_ store.AllStores       = (*Keys)(nil)
	_ store.DeviceContainer = (*Keys)(nil)
)

// Open takes the keys of an instance for the owner with this epoch, at most
// 2^62, and loads what every login needs: two requests, and one of wrapper. From
// then on nothing that an owner with a lower epoch writes is accepted, nor what
// earlier Keys of the same epoch write; an owner with a higher epoch has the
// same effect on these. [ErrFenced] if there is one already.
func Open(ctx context.Context, t table.Table, id instance.ID, epoch int64, wrapper seal.Wrapper, options Options) (*Keys, error) {
	if options.Sessions <= 0 {
		options.Sessions = 512
	}
	if options.SessionBytes <= 0 {
		options.SessionBytes = 4 << 20
	}
	if options.facts <= 0 {
		options.facts = 2048
	}
	if options.answerLimit == 0 {
		options.answerLimit = answerLimit
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = waLog.Noop
	}
	if options.OnFailure == nil {
		options.OnFailure = func(error) {}
	}
	k := &Keys{
		table: t, partition: partitionOf(id), epoch: epoch, wrapper: wrapper, options: options,
		sending: newGate(), ratchet: newGate(), io: newGate(),
		stale:   true,
		pending: make(map[string]edit),
	}
	k.cache = newCache(options, k.evicted)
	if err := k.io.lock(ctx); err != nil {
		return nil, err
	}
	defer k.io.unlock()
	if err := k.ready(ctx); err != nil {
		return nil, fmt.Errorf("open keys of %s: %w", id, err)
	}
	return k, nil
}

// Flush writes what waits for the next transaction. What a crash loses without
// it is learned again: names, LID pairs, and which events were handled (those
// whose receipt was lost come a second time).
func (k *Keys) Flush(ctx context.Context) error {
	return k.exclusively(ctx, func() error { return k.flush(ctx) })
}

// Close flushes and forgets everything in memory. The keys can be opened again.
// Later calls do nothing; all other methods fail with [ErrClosed]. After an
// error nothing is flushed, and closed all the same.
func (k *Keys) Close(ctx context.Context) error {
	if err := k.io.lock(ctx); err != nil {
		return err
	}
	defer k.io.unlock()
	k.mu.Lock()
	failed := k.failed
	k.mu.Unlock()
	if errors.Is(failed, ErrClosed) {
		return nil
	}
	var err error
	if failed == nil {
		err = k.flush(ctx)
	}
	k.end(ErrClosed)
	return err
}

// end makes every later call fail and drops what is in memory.
func (k *Keys) end(reason error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = reason
	k.reset()
	k.pending, k.kept = make(map[string]edit), kept{}
	k.sealer, k.wrapped = nil, nil
}

// reset forgets what was loaded. mu is held.
func (k *Keys) reset() {
	k.cache.clear()
	k.complete = make(map[string]bool)
	k.warmed = make(map[string]bool)
	k.parts = make(map[string]int)
	k.natives = make(map[string]bool)
	k.open = make(map[string]bool)
	k.done = newDoneLog()
	k.pairs = newPairs()
}

func (k *Keys) evicted(sort string) {
	for _, prefix := range [...]string{prefixPeer, prefixKnown} {
		if len(sort) >= len(prefix) && sort[:len(prefix)] == prefix {
			delete(k.complete, prefix)
		}
	}
}

func (k *Keys) key(sort string) table.Key {
	return table.Key{Partition: k.partition, Sort: sort}
}

// undecided is a fault of the table while a message is decrypted. Wrapping
// context.Canceled makes whatsmeow send neither a receipt nor a retry request
// (message.go, decryptMessages), so that the message comes again.
type undecided struct{ err error }

func (u *undecided) Error() string   { return "message left for later: " + u.err.Error() }
func (u *undecided) Unwrap() []error { return []error{u.err, context.Canceled} }

func leaveForLater(err error) error {
	var already *undecided
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &undecided{err}
}
