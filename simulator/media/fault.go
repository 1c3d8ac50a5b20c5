package media

import (
	"context"
	"maps"
	"time"
)

// Forever as Faults.Slow lets requests wait until the client gives up.
const Forever time.Duration = -1

// Faults are the ways in which a store misbehaves. The zero value is a store
// without faults.
type Faults struct {
	// FailUpload is the HTTP status that uploads are refused with, after the
	// body was read. 0 means none.
	FailUpload int
	// FailDownload is the HTTP status that downloads are refused with. 0 means
	// none. whatsmeow asks again up to four times, seconds apart, at 429, 502,
	// 503 and 504 (download.go, shouldRetryMediaDownload), else gives up.
	FailDownload int
	// FailPath is FailDownload for single direct paths; it goes first. Queries
	// in its keys are ignored.
	FailPath map[string]int
	// Times is how many requests the three above hit in total before they
	// stop. 0 means that they go on.
	Times int
	// Slow is how long each request waits for its answer. A client that hangs
	// up earlier ends the wait. Forever means no answer at all.
	Slow time.Duration
	// Corrupt flips one bit in the middle of each downloaded body. What is
	// stored stays whole.
	Corrupt bool
}

// SetFaults replaces the faults; it does not touch what is Gone.
func (s *Store) SetFaults(faults Faults) {
	paths := make(map[string]int, len(faults.FailPath))
	for directPath, status := range faults.FailPath {
		paths[withoutQuery(directPath)] = status
	}
	faults.FailPath = paths

	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
	s.left = faults.Times
}

// Faults returns the faults as they were set.
func (s *Store) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := s.faults
	faults.FailPath = maps.Clone(faults.FailPath)
	return faults
}

// Gone makes the media servers answer downloads of directPath with status, as
// they do when a file has expired: 404 or 410. Get still returns the body, so
// that a phone can put it again for a media retry, which ends this.
func (s *Store) Gone(directPath string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[withoutQuery(directPath)] = status
}

// failUpload returns the status that the next upload fails with, or 0.
func (s *Store) failUpload() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spend(s.faults.FailUpload)
}

// failDownload returns the status that the next download of path fails with,
// or 0.
func (s *Store) failDownload(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, ok := s.faults.FailPath[path]
	if !ok {
		status = s.faults.FailDownload
	}
	if status = s.spend(status); status != 0 {
		return status
	}
	return s.gone[path]
}

// spend counts a fault against Times. It needs mu.
func (s *Store) spend(status int) int {
	if status == 0 || s.faults.Times == 0 {
		return status
	}
	if s.left == 0 {
		return 0
	}
	s.left--
	return status
}

// wait serves Faults.Slow and reports whether there is still a client.
func (s *Store) wait(ctx context.Context) bool {
	slow := s.Faults().Slow
	if slow == 0 {
		return true
	}
	var elapsed <-chan time.Time
	if slow > 0 {
		timer := time.NewTimer(slow)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-elapsed:
		return true
	case <-ctx.Done():
		return false
	}
}
