package queuetest

import (
	"fmt"
	"slices"
	"time"

	"roost/shared/queue"
)

const (
	soon = 5 * time.Second // for what must come
	long = time.Minute     // a visibility that does not end
)

func testOrder(s *suite) {
	var want []string
	var messages []queue.Message
	for i := range 25 { // more than two requests of 10
		want = append(want, fmt.Sprintf("m%02d", i))
		messages = append(messages, message("g", want[i]))
	}
	s.send(messages...)
	var got []string
	for len(got) < len(want) {
		deliveries, err := s.queue.Receive(s.Context(), 10, soon, long)
		if err != nil || len(deliveries) == 0 {
			s.Fatalf("after %d: %d messages, %v", len(got), len(deliveries), err)
		}
		for _, d := range deliveries {
			got = append(got, string(d.Body))
		}
		s.remove(deliveries...)
	}
	if !slices.Equal(got, want) {
		s.Errorf("got %q", got)
	}
	s.receive(10, 0, long)
}

func testFields(s *suite) {
	m := queue.Message{
		Group:         "chat:123@s.whatsapp.net!\"#$%&'()*+,-./;<=>?[\\]^_`{|}~",
		Deduplication: "id-1~",
		Body:          []byte("{\"text\":\"grüße 😀\t\r\n<&>\"}"),
	}
	before := time.Now()
	s.send(m)
	d := s.receive(1, soon, time.Second, string(m.Body))[0]
	if d.Group != m.Group || d.Deduplication != m.Deduplication || d.Receives != 1 || d.ID == "" || d.Receipt == "" {
		s.Errorf("delivery %+v", d)
	}
	if d.Sent.Before(before.Add(-time.Minute)) || d.Sent.After(time.Now().Add(time.Minute)) {
		s.Errorf("sent at %v, now is %v", d.Sent, time.Now())
	}
	again := s.receive(1, soon, long, string(m.Body))[0]
	if again.ID != d.ID || again.Receives != 2 || again.Receipt == d.Receipt {
		s.Errorf("second delivery %+v after %+v", again, d)
	}
}

func testGroupBlocks(s *suite) {
	s.send(message("a", "a1"), message("a", "a2"), message("b", "b1"))
	a1 := s.receive(1, soon, long, "a1")
	b1 := s.receive(10, soon, long, "b1")
	s.receive(10, 0, long)
	s.send(message("a", "a3"), message("b", "b2"))
	s.receive(10, time.Second, long)
	s.remove(b1...)
	s.receive(10, soon, long, "b2")
	s.remove(a1...)
	a2 := s.receive(1, soon, long, "a2")
	s.receive(10, 0, long)
	s.remove(a2...)
	s.receive(1, soon, long, "a3")
}

func testSeveralOfAGroup(s *suite) {
	s.send(message("g", "1"), message("g", "2"), message("g", "3"))
	// The contract lets one receive hand out one or more of a group.
	deliveries, err := s.queue.Receive(s.Context(), 2, soon, long)
	if err != nil || len(deliveries) == 0 || string(deliveries[0].Body) != "1" {
		s.Fatalf("receive = %v, %v", deliveries, err)
	}
	// While any of them is in flight the rest waits.
	s.receive(10, 0, long)
	s.remove(deliveries[1:]...)
	s.receive(10, 0, long)
	s.remove(deliveries[0])
	next, err := s.queue.Receive(s.Context(), 1, soon, long)
	if err != nil || len(next) != 1 || string(next[0].Body) != fmt.Sprint(len(deliveries)+1) {
		s.Errorf("after %d: %v, %v", len(deliveries), next, err)
	}
}

func testVisibilityEnds(s *suite) {
	s.queue = s.open(s.name+"-short", queue.Options{Visibility: time.Second})
	s.send(message("g", "1"), message("g", "2"))
	old := s.receive(1, soon, 0, "1")
	s.receive(1, 0, 0)
	again := s.receive(1, soon, long, "1")
	if again[0].Receives != 2 {
		s.Errorf("receives %d, want 2", again[0].Receives)
	}
	// The first receiver comes late: it neither deletes nor hides.
	s.remove(old...)
	s.fails(s.queue.ChangeVisibility(s.Context(), old[0].Receipt, 0), queue.ErrStaleReceipt)
	s.receive(1, 0, long)
	s.remove(again...)
	s.remove(again...) // gone: harmless
	s.receive(1, soon, long, "2")
}

func testGiveBack(s *suite) {
	s.send(message("g", "1"), message("g", "2"))
	for i := range 3 {
		d := s.receive(1, soon, long, "1")[0]
		if d.Receives != i+1 {
			s.Errorf("receives %d, want %d", d.Receives, i+1)
		}
		if err := s.queue.ChangeVisibility(s.Context(), d.Receipt, 0); err != nil {
			s.Fatalf("give back: %v", err)
		}
	}
}

func testExtend(s *suite) {
	s.send(message("g", "1"))
	d := s.receive(1, soon, time.Second, "1")[0]
	if err := s.queue.ChangeVisibility(s.Context(), d.Receipt, long); err != nil {
		s.Fatalf("extend: %v", err)
	}
	s.receive(1, 2*time.Second, long)
	if err := s.queue.ChangeVisibility(s.Context(), d.Receipt, time.Second); err != nil {
		s.Fatalf("shorten: %v", err)
	}
	s.receive(1, soon, long, "1")
}

func testDeduplication(s *suite) {
	first := message("g", "first")
	second := first
	second.Body = []byte("second, same id")
	s.send(first, second)
	s.send(second)
	d := s.receive(10, soon, long, "first")
	s.send(second)
	s.remove(d...)
	// The id outlives its message.
	s.send(second, message("g", "other"))
	s.receive(10, soon, long, "other")
}

func testDeadLetter(s *suite) {
	dead := s.open(s.name+"-dead", queue.Options{})
	s.queue = s.open(s.name+"-main", queue.Options{MaxReceives: 2, DeadLetter: s.name + "-dead"})
	s.send(message("g", "poison"), message("g", "good"), message("h", "fine"))
	for range 2 {
		d := s.receive(1, soon, long, "poison")[0]
		if err := s.queue.ChangeVisibility(s.Context(), d.Receipt, 0); err != nil {
			s.Fatalf("give back: %v", err)
		}
	}
	s.receiveFrom(dead, 1, 0, long)
	var rest []string
	for len(rest) < 2 {
		deliveries, err := s.queue.Receive(s.Context(), 1, soon, long)
		if err != nil || len(deliveries) == 0 {
			s.Fatalf("receive: %v, %v", deliveries, err)
		}
		rest = append(rest, string(deliveries[0].Body))
	}
	slices.Sort(rest)
	if !slices.Equal(rest, []string{"fine", "good"}) {
		s.Errorf("after the poison: %q", rest)
	}
	d := s.receiveFrom(dead, 10, soon, long, "poison")[0]
	if d.Receives < 1 {
		s.Errorf("dead letter received %d times", d.Receives)
	}
	if d.Group != "g" {
		s.Errorf("dead letter of group %q", d.Group)
	}
	if err := dead.Delete(s.Context(), d.Receipt); err != nil {
		s.Errorf("delete dead letter: %v", err)
	}
	s.receiveFrom(dead, 10, 0, long)

	// Who waits for dead letters is woken.
	main := s.queue
	s.send(message("i", "again"))
	for range 2 {
		again := s.receive(1, soon, long, "again")[0]
		if err := main.ChangeVisibility(s.Context(), again.Receipt, 0); err != nil {
			s.Fatalf("give back: %v", err)
		}
	}
	s.queue = dead
	s.wakes(func() { s.receiveFrom(main, 1, 0, long) }, "again")
}

func testQueuesApart(s *suite) {
	other := s.open(s.name+"-other", queue.Options{})
	s.send(message("g", "here"))
	if err := other.Send(s.Context(), message("g", "there"), message("g", "here")); err != nil {
		s.Fatal(err)
	}
	s.receive(10, soon, long, "here")
	s.receiveFrom(other, 1, soon, long, "there")
}
