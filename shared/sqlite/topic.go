package sqlite

import (
	"hash/fnv"
	"sync"
	"time"
)

// Topic is what a request touches and a watcher waits for: a hash, the same in
// every process. Two names may share one, so a signal is a hint.
type Topic uint64

// TopicOf names a topic by its parts, the first of which is its kind.
func TopicOf(parts ...string) Topic {
	h := fnv.New64a()
	for _, part := range parts {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return max(Topic(h.Sum64()), firstTopic)
}

// topics are the watchers of this DB.
type topics struct {
	dsn   string
	every time.Duration // between checks

	mu       sync.Mutex // guards what follows
	watchers map[Topic]map[chan struct{}]struct{}
	checking bool // a check goroutine is running
	closed   bool

	stop   chan struct{}
	checks sync.WaitGroup
}

func newTopics(dsn string, every time.Duration) *topics {
	return &topics{
		dsn:      dsn,
		every:    every,
		watchers: make(map[Topic]map[chan struct{}]struct{}),
		stop:     make(chan struct{}),
	}
}

// Watch returns a channel that receives after each commit that touches topic,
// by any process, once Watch has returned. Unread signals merge and some are
// false. cancel may be called twice. Closing the DB signals once.
func (db *DB) Watch(topic Topic) (signal <-chan struct{}, cancel func()) {
	return db.topics.watch(topic)
}

func (t *topics) watch(topic Topic) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		ch <- struct{}{}
		return ch, func() {}
	}
	if t.watchers[topic] == nil {
		t.watchers[topic] = make(map[chan struct{}]struct{})
	}
	t.watchers[topic][ch] = struct{}{}
	if !t.checking {
		t.checking = true
		t.checks.Go(t.check)
	}
	return ch, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers[topic], ch)
		if len(t.watchers[topic]) == 0 {
			delete(t.watchers, topic)
		}
	}
}

func (t *topics) publish(touched []Topic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.watchers) == 0 {
		return
	}
	for _, topic := range touched {
		signal(t.watchers[topic])
	}
}

// check signals everyone when the file changed since the last look. It is the
// net under lost signals and ends when nobody watches.
func (t *topics) check() {
	ticker := time.NewTicker(t.every)
	defer ticker.Stop()
	conn, err := connect(t.dsn + "&_pragma=query_only(1)")
	if err == nil {
		defer conn.close()
	}
	last := int64(-1)
	for {
		if conn != nil {
			// data_version moves when another connection has committed.
			version, _, err := conn.Int("PRAGMA data_version")
			if err != nil || version != last {
				last = version
				t.signalAll()
			}
		} else {
			t.signalAll()
		}
		select {
		case <-t.stop:
			return
		case <-ticker.C:
		}
		t.mu.Lock()
		if len(t.watchers) == 0 {
			t.checking = false
			t.mu.Unlock()
			return
		}
		t.mu.Unlock()
	}
}

func (t *topics) signalAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, watchers := range t.watchers {
		signal(watchers)
	}
}

func (t *topics) close() {
	t.mu.Lock()
	t.closed = true
	for _, watchers := range t.watchers {
		signal(watchers)
	}
	t.mu.Unlock()
	close(t.stop)
	t.checks.Wait()
}

func signal(watchers map[chan struct{}]struct{}) {
	for ch := range watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
