package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	maxBatch = 512                  // requests in one transaction
	maxHold  = 4 * time.Millisecond // of work in one transaction, so that other processes get their turn
)

// Tx is a request's view of the group's transaction: a connection that may
// write, and the topics to signal once it is durable.
type Tx struct {
	*Conn
	touched []Topic
}

// Touch signals everyone who watches topic, after the commit.
func (tx *Tx) Touch(topic Topic) { tx.touched = append(tx.touched, topic) }

// job is one waiting request.
type job struct {
	run    func(*Tx) error
	synced bool         // answer when it is durable, not when it is committed
	state  atomic.Int32 // jobWaiting, then one of the others for good
	err    error        // owned by the writer until done receives
	done   chan struct{}
}

const (
	jobWaiting int32 = iota
	jobTaken
	jobAbandoned
)

// Write runs fn inside the next transaction and returns after its commit is
// durable: neither the end of the process nor a loss of power undoes it. An error of fn rolls back what fn did, nothing else, and is returned
// as it is. fn runs on the writer's goroutine: it must be short, must not call
// the DB, and may still run after Write returned with [ErrUnknownOutcome], so it
// must own what it uses. A ctx that ends before fn started leaves nothing
// written and returns ctx's error.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	return db.do(ctx, &job{run: fn, synced: true, done: make(chan struct{}, 1)})
}

// WriteUnsynced is Write for what its caller does again should a loss of power
// undo it: it returns after the commit, which the end of the process does not
// undo. What is durable later is so only together with it.
func (db *DB) WriteUnsynced(ctx context.Context, fn func(*Tx) error) error {
	return db.do(ctx, &job{run: fn, done: make(chan struct{}, 1)})
}

func (db *DB) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := db.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
	}
	if j.state.CompareAndSwap(jobWaiting, jobAbandoned) {
		return ctx.Err()
	}
	select {
	case <-j.done: // it ended just now
		return j.err
	default:
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, ctx.Err())
	}
}

func (db *DB) enqueue(ctx context.Context, j *job) error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return ErrClosed
	}
	select {
	case db.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the writer's goroutine; it ends when jobs is closed and drained.
func (db *DB) write(conn *Conn) {
	defer close(db.written)
	defer conn.close() // everything acknowledged is durable already
	defer db.syncer.close()
	w := &writer{db: db, tx: Tx{Conn: conn}}
	for j := range db.jobs {
		w.group(j)
	}
}

// writer is the state of the writer's goroutine, owned by it alone.
type writer struct {
	db    *DB
	tx    Tx
	batch []*job
	owed  []*job // of batch, those that are answered when they are durable
	swept time.Time
}

// group runs first and all that wait behind it in one transaction.
func (w *writer) group(first *job) {
	w.batch, w.owed, w.tx.touched = w.batch[:0], w.owed[:0], w.tx.touched[:0]
	if err := w.db.syncer.broken(); err != nil {
		first.answer(fmt.Errorf("%w: the disk has failed: %w", ErrUnavailable, err))
		return
	}
	w.db.checkpoints.finish(w.tx.Conn)
	if err := w.begin(); err != nil {
		first.answer(fmt.Errorf("%w: begin: %w", ErrUnavailable, err))
		return
	}
	err := w.collect(first)
	if err == nil {
		w.sweep()
		err = w.commit()
	} else {
		w.rollback()
	}
	w.db.gate.unlock()
	for _, j := range w.batch {
		if j.err == nil {
			j.err = err
		}
		if j.synced && j.err == nil {
			w.owed = append(w.owed, j)
			continue
		}
		j.done <- struct{}{}
	}
	if len(w.owed) > 0 {
		w.db.syncer.promise(w.owed)
	}
	if len(w.tx.touched) > 0 && !errors.Is(err, ErrUnavailable) {
		w.db.topics.publish(w.tx.touched)
		w.db.peers.poke(w.tx.touched)
	}
	clear(w.batch)
	clear(w.owed)
	w.db.checkpoints.committed(w.tx.executed)
	w.tx.executed = 0
}

func (w *writer) begin() error {
	if err := w.db.gate.lock(); err != nil {
		return err
	}
	if _, err := w.tx.Exec("BEGIN IMMEDIATE"); err != nil {
		w.db.gate.unlock()
		return err
	}
	return nil
}

// collect runs jobs while there are any and the bounds allow. Its error means
// that the transaction is lost as a whole.
func (w *writer) collect(first *job) error {
	started := time.Now()
	for j := first; ; {
		if j.state.CompareAndSwap(jobWaiting, jobTaken) {
			w.batch = append(w.batch, j)
			if err := w.run(j); err != nil {
				return fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		}
		if len(w.batch) == maxBatch || time.Since(started) > w.db.hold {
			return nil
		}
		select {
		case next, ok := <-w.db.jobs:
			if !ok {
				return nil
			}
			j = next
		default:
			return nil
		}
	}
}

// run runs one job in its savepoint and leaves the job's own error in it.
func (w *writer) run(j *job) error {
	touched := len(w.tx.touched)
	if _, err := w.tx.Exec("SAVEPOINT job"); err != nil {
		return err
	}
	j.err = j.run(&w.tx)
	if j.err != nil {
		w.tx.touched = w.tx.touched[:touched]
		// A full disk or an I/O error ends the whole transaction in SQLite;
		// then this fails too.
		if _, err := w.tx.Exec("ROLLBACK TO job"); err != nil {
			return err
		}
	}
	_, err := w.tx.Exec("RELEASE job")
	return err
}

// commit writes the group to the log. A commit that fails may still be found there
// after a restart, hence unknown.
func (w *writer) commit() error {
	if _, err := w.tx.Exec("COMMIT"); err != nil {
		w.rollback()
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return nil
}

// rollback ends a transaction that SQLite may have ended already.
func (w *writer) rollback() { _, _ = w.tx.Exec("ROLLBACK") }

func (j *job) answer(err error) {
	if j.state.CompareAndSwap(jobWaiting, jobTaken) {
		j.err = err
		j.done <- struct{}{}
	}
}
