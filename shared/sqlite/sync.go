package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// syncer makes commits durable. It syncs the log while the writer is at work on
// the next group; one sync is for all commits that wait for it. The log is read
// up to the first frame that is not whole, so what one commit's answer promises
// holds for everything committed before it, by any process.
type syncer struct {
	sync func() error // syncs the log; its caller is run alone
	log  *os.File

	mu      sync.Mutex // guards waiting
	waiting []*job

	// failed is the error of a sync. Nothing can be promised from then on, nor
	// may anybody take what he reads for durable: the database has ended.
	failed atomic.Pointer[error]

	wake chan struct{}
	done chan struct{}
}

// openSyncer opens the log of the database at path, which a connection keeps
// from being removed until close.
func openSyncer(path string) (*syncer, error) {
	log, err := os.OpenFile(path+"-wal", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		_ = log.Close()
		return nil, err
	}
	s := &syncer{
		sync: func() error { return syncData(log) },
		log:  log,
		wake: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	go s.run()
	return s, nil
}

// promise answers a job once what it wrote is durable.
func (s *syncer) promise(jobs []*job) {
	s.mu.Lock()
	s.waiting = append(s.waiting, jobs...)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the syncer's goroutine.
func (s *syncer) run() {
	defer close(s.done)
	var jobs []*job
	for range s.wake {
		s.mu.Lock()
		jobs, s.waiting = s.waiting, jobs[:0]
		s.mu.Unlock()
		if len(jobs) == 0 {
			continue
		}
		err := s.flush()
		for _, j := range jobs {
			j.err = err
			j.done <- struct{}{}
		}
		clear(jobs)
	}
}

// flush syncs the log. After a sync that failed the system may have forgotten
// what it could not write, so that a later success would prove nothing.
func (s *syncer) flush() error {
	err := s.broken()
	if err == nil {
		if err = s.sync(); err == nil {
			return nil
		}
		s.failed.Store(&err)
	}
	return fmt.Errorf("%w: sync: %w", ErrUnknownOutcome, err)
}

// broken is the error of the sync that failed, if one has.
func (s *syncer) broken() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// close ends the syncer when everyone has an answer.
func (s *syncer) close() error {
	s.promise(nil)
	close(s.wake)
	<-s.done
	return s.log.Close()
}

// syncDirectory makes the names of the files in a directory durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	return syncNames(directory)
}
