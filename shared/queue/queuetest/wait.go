package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"roost/shared/queue"
)

func testLongPoll(s *suite) {
	s.wakes(func() { s.send(message("g", "1")) }, "1")
}

// testLongPollFreed: a waiting receiver gets what a delete, a return or a dead
// letter sets free.
func testLongPollFreed(s *suite) {
	s.send(message("g", "1"), message("g", "2"))
	first := s.receive(1, soon, long, "1")
	second := s.wakes(func() { s.remove(first...) }, "2")
	second = s.wakes(func() {
		if err := s.queue.ChangeVisibility(s.Context(), second[0].Receipt, 0); err != nil {
			s.Errorf("give back: %v", err)
		}
	}, "2")
	s.wakes(func() {
		if err := s.queue.ChangeVisibility(s.Context(), second[0].Receipt, time.Second); err != nil {
			s.Errorf("shorten: %v", err)
		}
	}, "2")
}

// wakes lets a receiver wait, calls act, and expects the receiver to return
// soon with these bodies.
func (s *suite) wakes(act func(), want ...string) []queue.Delivery {
	s.Helper()
	type answer struct {
		deliveries []queue.Delivery
		err        error
	}
	answers := make(chan answer, 1)
	go func() {
		deliveries, err := s.queue.Receive(s.Context(), 1, 20*time.Second, long)
		answers <- answer{deliveries, err}
	}()
	// Nothing yet, so the receiver is on its way into the wait.
	select {
	case a := <-answers:
		s.Fatalf("received too early: %v, %v", a.deliveries, a.err)
	case <-time.After(200 * time.Millisecond):
	}
	start := time.Now()
	act()
	a := <-answers
	var got []string
	for _, d := range a.deliveries {
		got = append(got, string(d.Body))
	}
	if a.err != nil || !slices.Equal(got, want) {
		s.Fatalf("received %q, %v, want %q", got, a.err, want)
	}
	if took := time.Since(start); took > soon {
		s.Errorf("the receiver woke after %v", took)
	}
	return a.deliveries
}

// testLongPollVisibility: a waiting receiver gets what comes back by itself.
func testLongPollVisibility(s *suite) {
	s.send(message("g", "1"))
	s.receive(1, soon, time.Second, "1")
	start := time.Now()
	s.receive(1, 20*time.Second, long, "1")
	if took := time.Since(start); took > 10*time.Second {
		s.Errorf("the receiver woke after %v", took)
	}
}

func testWaitEnds(s *suite) {
	start := time.Now()
	s.receive(1, time.Second, long)
	if took := time.Since(start); took < 900*time.Millisecond || took > 10*time.Second {
		s.Errorf("waited %v, want 1 s", took)
	}
}

func testCanceled(s *suite) {
	ctx, cancel := context.WithCancel(s.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := s.queue.Receive(ctx, 1, 20*time.Second, long)
		errs <- err
	}()
	cancel()
	select {
	case err := <-errs:
		s.fails(err, context.Canceled)
	case <-time.After(soon):
		s.Error("receive goes on after its context ended")
	}
	s.fails(s.queue.Send(ctx, message("g", "1")), context.Canceled)
}

func testLimits(s *suite) {
	large := message("g", "large")
	large.Body = bytes.Repeat([]byte("x"), queue.MaxBodySize)
	s.send(large)
	d := s.receive(1, soon, long, string(large.Body))
	s.remove(d...)

	tooLarge := message("h", "too-large")
	tooLarge.Body = append(bytes.Clone(large.Body), 'x')
	err := s.queue.Send(s.Context(), message("i", "before"), tooLarge, message("j", "after"))
	s.fails(err, queue.ErrTooLarge)
	var each *queue.SendError
	if !errors.As(err, &each) || len(each.Errors) != 3 || each.Errors[0] != nil || each.Errors[1] == nil || each.Errors[2] != nil {
		s.Fatalf("errors %#v", err)
	}
	got := map[string]bool{}
	for len(got) < 2 {
		deliveries, err := s.queue.Receive(s.Context(), 10, soon, long)
		if err != nil || len(deliveries) == 0 {
			s.Fatalf("received %v, then %v", got, err)
		}
		for _, d := range deliveries {
			got[string(d.Body)] = true
		}
	}
	if !got["before"] || !got["after"] {
		s.Errorf("received %v", got)
	}

	// Several large ones in one call, more than one request may carry.
	var heavy []queue.Message
	for i := range 3 {
		m := message("heavy", fmt.Sprint(i))
		m.Body = bytes.Repeat([]byte{byte('0' + i)}, 200<<10)
		heavy = append(heavy, m)
	}
	s.send(heavy...)
}

func testInvalid(s *suite) {
	for name, change := range map[string]func(*queue.Message){
		"no group":         func(m *queue.Message) { m.Group = "" },
		"group with space": func(m *queue.Message) { m.Group = "a b" },
		"group not ASCII":  func(m *queue.Message) { m.Group = "ü" },
		"long group":       func(m *queue.Message) { m.Group = strings.Repeat("g", 129) },
		"no id":            func(m *queue.Message) { m.Deduplication = "" },
		"long id":          func(m *queue.Message) { m.Deduplication = strings.Repeat("d", 129) },
		"no body":          func(m *queue.Message) { m.Body = nil },
		"binary":           func(m *queue.Message) { m.Body = []byte{0xff} },
		"control":          func(m *queue.Message) { m.Body = []byte{'a', 0} },
		"not a character":  func(m *queue.Message) { m.Body = []byte("\uffff") },
	} {
		m := message("g", "1")
		change(&m)
		if err := s.queue.Send(s.Context(), m); !errors.Is(err, queue.ErrInvalid) {
			s.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	for _, c := range []struct {
		limit            int
		wait, visibility time.Duration
	}{{0, 0, 0}, {11, 0, 0}, {1, -1, 0}, {1, 21 * time.Second, 0}, {1, 0, -1}, {1, 0, 13 * time.Hour}} {
		_, err := s.queue.Receive(s.Context(), c.limit, c.wait, c.visibility)
		s.fails(err, queue.ErrInvalid)
	}
	for name, options := range map[string]queue.Options{
		"":                        {},
		"a.b":                     {},
		strings.Repeat("a", 76):   {},
		s.name + "-no-dead":       {MaxReceives: 1},
		s.name + "-no-end":        {DeadLetter: "x"},
		s.name + "-self":          {MaxReceives: 1, DeadLetter: s.name + "-self"},
		s.name + "-bad-dead":      {MaxReceives: 1, DeadLetter: "a b"},
		s.name + "-hidden":        {Visibility: -1},
		s.name + "-many-receives": {MaxReceives: 1001, DeadLetter: "x"},
	} {
		_, err := s.opener.Open(s.Context(), name, options)
		s.fails(err, queue.ErrInvalid)
	}
	if err := s.queue.Send(s.Context()); err != nil {
		s.Errorf("send nothing: %v", err)
	}
	if err := s.queue.Delete(s.Context()); err != nil {
		s.Errorf("delete nothing: %v", err)
	}
	s.receive(1, 0, 0)
}

func testDepthAndPurge(s *suite) {
	s.send(message("a", "1"), message("a", "2"), message("b", "3"))
	s.receive(1, soon, long, "1")
	want := queue.Depth{Waiting: 2, InFlight: 1}
	if got, err := s.queue.Depth(s.Context()); err != nil || got != want {
		s.Errorf("depth %+v, %v, want %+v", got, err, want)
	}
	if err := s.queue.Purge(s.Context()); err != nil {
		s.Fatalf("purge: %v", err)
	}
	if got, err := s.queue.Depth(s.Context()); err != nil || got != (queue.Depth{}) {
		s.Errorf("depth after purge %+v, %v", got, err)
	}
	s.send(message("a", "fresh"))
	s.receive(1, soon, long, "fresh")
}

// testConcurrent sends and receives from many sides: every message once (no
// visibility ends here) and each group in order.
func testConcurrent(s *suite) {
	const groups, each, receivers = 12, 12, 6
	var senders, takers sync.WaitGroup
	for g := range groups {
		senders.Go(func() {
			for i := range each {
				if err := s.queue.Send(s.Context(), message(fmt.Sprint("g", g), fmt.Sprint(i))); err != nil {
					s.Errorf("send: %v", err)
				}
			}
		})
	}
	var mu sync.Mutex
	got := make(map[string][]string)
	count := 0
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	for range receivers {
		takers.Go(func() {
			for {
				deliveries, err := s.queue.Receive(ctx, 4, 20*time.Second, long)
				if err != nil {
					return // canceled when all were there
				}
				mu.Lock()
				receipts := make([]string, 0, len(deliveries))
				for _, d := range deliveries {
					got[d.Group] = append(got[d.Group], string(d.Body))
					receipts = append(receipts, d.Receipt)
					count++
				}
				done := count >= groups*each
				mu.Unlock()
				if err := s.queue.Delete(s.Context(), receipts...); err != nil {
					s.Errorf("delete: %v", err)
				}
				if done {
					cancel()
				}
			}
		})
	}
	senders.Wait()
	takers.Wait()
	for g := range groups {
		for i := range each {
			bodies := got[fmt.Sprint("g", g)]
			if len(bodies) != each || bodies[i] != fmt.Sprint(i) {
				s.Errorf("group %d: %q", g, bodies)
				break
			}
		}
	}
}
