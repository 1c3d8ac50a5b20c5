package sqlite_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"roost/shared/queue"
	database "roost/shared/sqlite"
)

const modelReceives = 3 // MaxReceives of the queue under test

// held is one message as the model knows it.
type held struct {
	body     string
	visible  time.Time // zero while not in flight
	receives int
	receipt  string
}

// model is a FIFO queue in twenty lines of slices: what it forbids is a bug.
type model struct {
	*testing.T
	queue, dead queue.Queue
	now         time.Time
	dice        *rand.Rand
	groups      map[string][]*held
	accepted    map[string]time.Time // deduplication id to when it was accepted
	receipts    []string             // every receipt ever given
	alive       map[string]bool      // bodies sent and not deleted
	sent        int
}

// TestAgainstModel runs random operations and compares each answer.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	for range 2 {
		seed := rand.Uint64()
		m := &model{
			T: t, now: time.UnixMilli(1_700_000_000_000), dice: rand.New(rand.NewPCG(seed, 0)),
			groups: make(map[string][]*held), accepted: make(map[string]time.Time), alive: make(map[string]bool),
		}
		queues := open(t, database.Options{Now: func() time.Time { return m.now }})
		for name, q := range map[string]*queue.Queue{"main": &m.queue, "dead": &m.dead} {
			options := queue.Options{}
			if name == "main" {
				options = queue.Options{MaxReceives: modelReceives, DeadLetter: "dead"}
			}
			opened, err := queues.Open(t.Context(), name, options)
			if err != nil {
				t.Fatal(err)
			}
			*q = opened
		}
		for range 250 {
			switch m.dice.IntN(10) {
			case 0, 1, 2:
				m.send()
			case 3, 4, 5:
				m.receive(1 + m.dice.IntN(10))
			case 6, 7:
				m.finish()
			case 8:
				m.changeVisibility()
			case 9:
				m.now = m.now.Add(time.Duration(m.dice.IntN(40_000)) * time.Millisecond)
			}
			if t.Failed() {
				break
			}
		}
		m.drain()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func (m *model) send() {
	var messages []queue.Message
	for range 1 + m.dice.IntN(12) {
		group := fmt.Sprint("g", m.dice.IntN(5))
		body := fmt.Sprintf("%s-%05d", group, m.sent)
		m.sent++
		id := group + fmt.Sprint("-id", m.dice.IntN(60))
		messages = append(messages, queue.Message{Group: group, Deduplication: id, Body: []byte(body)})
		if at, known := m.accepted[id]; known && m.now.Sub(at) < queue.DeduplicationWindow {
			continue
		}
		m.accepted[id] = m.now
		m.groups[group] = append(m.groups[group], &held{body: body})
		m.alive[body] = true
	}
	if err := m.queue.Send(m.Context(), messages...); err != nil {
		m.Errorf("send: %v", err)
	}
}

func (m *model) free(group string) bool {
	for _, h := range m.groups[group] {
		if h.visible.After(m.now) {
			return false
		}
	}
	return true
}

func (m *model) receive(limit int) []queue.Delivery {
	visibility := time.Duration(1+m.dice.IntN(30)) * time.Second
	deliveries, err := m.queue.Receive(m.Context(), limit, 0, visibility)
	if err != nil || len(deliveries) > limit {
		m.Errorf("receive %d: %d messages, %v", limit, len(deliveries), err)
	}
	if len(deliveries) == 0 {
		for group, messages := range m.groups {
			if m.free(group) && slices.ContainsFunc(messages, func(h *held) bool { return h.receives < modelReceives }) {
				m.Errorf("nothing received while group %s is free with %d messages", group, len(messages))
			}
		}
	}
	blocked := make(map[string]bool)
	for group := range m.groups {
		blocked[group] = !m.free(group)
	}
	for _, d := range deliveries {
		if blocked[d.Group] {
			m.Errorf("received %s of a blocked group", d.Body)
			continue
		}
		// The next of its group that is neither handed out nor given up.
		messages := m.groups[d.Group]
		messages = slices.DeleteFunc(messages, func(h *held) bool {
			return !h.visible.After(m.now) && h.receives >= modelReceives && h.body < string(d.Body)
		})
		m.groups[d.Group] = messages
		i := slices.IndexFunc(messages, func(h *held) bool { return !h.visible.After(m.now) })
		if i < 0 || messages[i].body != string(d.Body) {
			m.Errorf("received %s out of turn", d.Body)
			continue
		}
		h := messages[i]
		h.receives++
		h.visible, h.receipt = m.now.Add(visibility), d.Receipt
		if d.Receives != h.receives {
			m.Errorf("%s received %d times, want %d", d.Body, d.Receives, h.receives)
		}
		m.receipts = append(m.receipts, d.Receipt)
	}
	return deliveries
}

// pick chooses any receipt, mostly a late one, and its message if it holds one.
func (m *model) pick() (string, string, *held) {
	if len(m.receipts) == 0 {
		return "", "", nil
	}
	i := max(m.dice.IntN(len(m.receipts)), m.dice.IntN(len(m.receipts)))
	for group, messages := range m.groups {
		for _, h := range messages {
			if h.receipt == m.receipts[i] && h.visible.After(m.now) {
				return m.receipts[i], group, h
			}
		}
	}
	return m.receipts[i], "", nil
}

func (m *model) finish() {
	receipt, group, h := m.pick()
	if receipt == "" {
		return
	}
	if err := m.queue.Delete(m.Context(), receipt); err != nil {
		m.Errorf("delete: %v", err)
	}
	if h != nil {
		m.groups[group] = slices.DeleteFunc(m.groups[group], func(o *held) bool { return o == h })
		delete(m.alive, h.body)
	}
}

func (m *model) changeVisibility() {
	receipt, _, h := m.pick()
	if receipt == "" {
		return
	}
	visibility := time.Duration(m.dice.IntN(3)) * 20 * time.Second
	err := m.queue.ChangeVisibility(m.Context(), receipt, visibility)
	if h == nil {
		if !errors.Is(err, queue.ErrStaleReceipt) {
			m.Errorf("stale receipt %s: %v", receipt, err)
		}
		return
	}
	if err != nil {
		m.Errorf("change visibility of %s: %v", h.body, err)
	}
	if h.visible = m.now.Add(visibility); visibility == 0 {
		h.visible = time.Time{}
	}
}

// drain takes out everything: each message that was not deleted is in one of
// the two queues, once, and its group in order.
func (m *model) drain() {
	last := make(map[string]string)
	for empty := 0; empty < 2; {
		m.now = m.now.Add(time.Hour)
		deliveries := m.receive(10)
		if len(deliveries) == 0 {
			empty++
		}
		m.take(m.queue, deliveries, last)
	}
	clear(last)
	for {
		deliveries, err := m.dead.Receive(m.Context(), 10, 0, time.Minute)
		if err != nil {
			m.Fatal(err)
		}
		if len(deliveries) == 0 {
			break
		}
		m.take(m.dead, deliveries, last)
	}
	if len(m.alive) > 0 {
		m.Errorf("lost: %v", m.alive)
	}
}

func (m *model) take(q queue.Queue, deliveries []queue.Delivery, last map[string]string) {
	for _, d := range deliveries {
		body := string(d.Body)
		if !m.alive[body] {
			m.Errorf("%s came twice or after its deletion", body)
		}
		if body <= last[d.Group] {
			m.Errorf("%s came after %s", body, last[d.Group])
		}
		last[d.Group] = body
		delete(m.alive, body)
		m.groups[d.Group] = slices.DeleteFunc(m.groups[d.Group], func(h *held) bool { return h.body == body })
		if err := q.Delete(m.Context(), d.Receipt); err != nil {
			m.Errorf("delete: %v", err)
		}
	}
}
