package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options of a database. The zero value is right for production.
type Options struct {
	// Readers is how many reads run at the same time, default 4.
	Readers int
	// Now is the clock by which rows expire, default time.Now.
	Now func() time.Time
	// CheckEvery is how late a watcher learns of a commit whose signal was
	// lost, default 1 s.
	CheckEvery time.Duration
}

// DB is an open database file.
type DB struct {
	now     func() time.Time
	dsn     string
	readers chan *Conn // nil for one not yet opened
	gate    *gate
	topics  *topics
	peers   *peers
	syncer  *syncer

	checkpoints *checkpoints
	jobs        chan *job
	hold        time.Duration // maxHold, but for tests
	written     chan struct{} // closed when the writer has ended

	// mu is held for reading while a job is handed over, so that holding it for
	// writing means that no hand-over is under way.
	mu     sync.RWMutex
	closed bool

	// sweepMu guards sweepers.
	sweepMu  sync.Mutex
	sweepers []Sweeper
}

// Open opens the file at path, creates it and its directory if need be, and
// brings its schema up to date. Several processes, and several DBs of one
// process, may open the same file; it must be on a local disk.
func Open(path string, options Options) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if options.Readers <= 0 {
		options.Readers = 4
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.CheckEvery <= 0 {
		options.CheckEvery = time.Second
	}
	db := &DB{
		now:     options.Now,
		dsn:     dsn(path),
		readers: make(chan *Conn, options.Readers),
		jobs:    make(chan *job, maxBatch),
		hold:    maxHold,
		written: make(chan struct{}),
	}
	for range options.Readers {
		db.readers <- nil
	}
	if db.gate, err = openGate(path + "-lock"); err != nil {
		return nil, fmt.Errorf("open database lock: %w", err)
	}
	writer, err := db.openWriter()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), db.gate.close())
	}
	if db.syncer, err = openSyncer(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open database log: %w", err), writer.close(), db.gate.close())
	}
	db.checkpoints = newCheckpoints(db.dsn, db.syncer.broken)
	db.topics = newTopics(db.dsn, options.CheckEvery)
	if db.peers, err = openPeers(path+"-wake", db.topics.publish); err != nil {
		return nil, errors.Join(fmt.Errorf("open wake directory: %w", err), db.checkpoints.close(), db.syncer.close(), writer.close(), db.gate.close())
	}
	go db.write(writer)
	return db, nil
}

// Now is the database's clock.
func (db *DB) Now() time.Time { return db.now() }

// Read runs fn with a connection that sees everything committed before. fn must
// not write. Concurrent reads beyond Options.Readers wait for their turn or ctx.
func (db *DB) Read(ctx context.Context, fn func(*Conn) error) error {
	var conn *Conn
	select {
	case conn = <-db.readers:
	default:
		select {
		case conn = <-db.readers:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer func() { db.readers <- conn }()
	if err := ctx.Err(); err != nil {
		return err
	}
	db.mu.RLock()
	closed := db.closed
	db.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if err := db.syncer.broken(); err != nil {
		return fmt.Errorf("%w: the disk has failed: %w", ErrUnavailable, err)
	}
	if conn == nil {
		opened, err := connect(db.dsn + "&_pragma=query_only(1)")
		if err != nil {
			return fmt.Errorf("open reader: %w: %w", ErrUnavailable, err)
		}
		conn = opened
	}
	return fn(conn)
}

// Close lets every request that was accepted finish, then closes the file.
// Later calls return [ErrClosed], watchers are woken. It may be called twice.
func (db *DB) Close() error {
	db.mu.Lock()
	already := db.closed
	db.closed = true
	if !already {
		close(db.jobs)
	}
	db.mu.Unlock()
	<-db.written
	if already {
		return nil
	}
	errs := []error{db.peers.close(), db.checkpoints.close()}
	db.topics.close()
	for range cap(db.readers) {
		if conn := <-db.readers; conn != nil {
			errs = append(errs, conn.close())
		}
	}
	// Reads that were waiting find the database closed.
	for range cap(db.readers) {
		db.readers <- nil
	}
	return errors.Join(append(errs, db.gate.close())...)
}

func (db *DB) openWriter() (*Conn, error) {
	if err := db.gate.lock(); err != nil {
		return nil, err
	}
	defer db.gate.unlock()
	conn, err := connect(db.dsn)
	if err != nil {
		return nil, err
	}
	if err := migrate(conn); err != nil {
		return nil, errors.Join(err, conn.close())
	}
	return conn, nil
}

func dsn(path string) string {
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)",
		"journal_mode(wal)",
		"synchronous(normal)", // syncer makes commits durable
		"temp_store(memory)",
		"wal_autocheckpoint(32000)", // if checkpoints should ever not keep up
		"journal_size_limit(67108864)",
	}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String()
}
