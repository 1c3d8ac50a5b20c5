package queuetest

import (
	"errors"
	"time"

	"roost/shared/queue"
)

const settled = 2 * time.Minute // by when a drop is seen everywhere; SQS says one

func testDrop(s *suite) {
	kept := s.open(s.name+"-kept", queue.Options{})
	s.send(message("g", "1"), message("g", "2"))
	if err := kept.Send(s.Context(), message("g", "1")); err != nil {
		s.Fatal(err)
	}
	held := s.receive(1, soon, long, "1")[0]
	s.drop()
	s.gone(func() error {
		_, err := s.queue.Receive(s.Context(), 10, 0, long)
		return err
	})
	s.gone(func() error { return s.queue.Send(s.Context(), message("g", "3")) })
	s.gone(func() error {
		_, err := s.queue.Depth(s.Context())
		return err
	})
	s.fails(s.queue.Purge(s.Context()), queue.ErrNotFound)
	if err := s.queue.Delete(s.Context(), held.Receipt); err != nil {
		s.Errorf("delete a message that is gone with its queue: %v", err)
	}
	s.fails(s.queue.ChangeVisibility(s.Context(), held.Receipt, 0), queue.ErrStaleReceipt)
	s.drop() // again: harmless
	s.fails(s.opener.Drop(s.Context(), "a.b"), queue.ErrInvalid)
	s.receiveFrom(kept, 10, soon, long, "1")

	// The name can be used again, and nothing of the old queue is left.
	for end := time.Now().Add(settled); ; {
		fresh, err := s.opener.Open(s.Context(), s.name, queue.Options{})
		if err == nil {
			s.queue = fresh
			break
		}
		if s.fails(err, queue.ErrUnavailable); time.Now().After(end) {
			s.Fatalf("open again: %v", err)
		}
		<-time.After(time.Second)
	}
	s.receive(10, 0, long)
	s.send(message("g", "2"))
	s.receive(10, soon, long, "2")
}

// testDropWakes: who waits at a dropped queue does not wait on.
func testDropWakes(s *suite) {
	errs := make(chan error, 1)
	go func() {
		for end := time.Now().Add(settled); time.Now().Before(end); {
			if _, err := s.queue.Receive(s.Context(), 1, queue.MaxWait, long); err != nil {
				errs <- err
				return
			}
		}
		errs <- errors.New("no error")
	}()
	s.drop()
	s.fails(<-errs, queue.ErrNotFound)
}

func (s *suite) drop() {
	s.Helper()
	if err := s.opener.Drop(s.Context(), s.name); err != nil {
		s.Fatalf("drop: %v", err)
	}
}

// gone expects ErrNotFound of do, at the latest when the drop has settled.
func (s *suite) gone(do func() error) {
	s.Helper()
	for end := time.Now().Add(settled); ; {
		err := do()
		if errors.Is(err, queue.ErrNotFound) {
			return
		}
		if err != nil || time.Now().After(end) {
			s.Fatalf("of a dropped queue: %v", err)
		}
		<-time.After(time.Second)
	}
}
