package companion

import (
	"maps"
	"sync"
)

// Counter counts calls by name. The zero value is ready; a nil one counts
// nothing. It is safe for concurrent use, also by several stores.
type Counter struct {
	mu    sync.Mutex
	calls map[string]int
}

// Calls returns how often each method was called since the last Reset.
func (c *Counter) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Total returns the number of all calls since the last Reset.
func (c *Counter) Total() int {
	n := 0
	for _, calls := range c.Calls() {
		n += calls
	}
	return n
}

// Reset forgets what was counted.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}

func (c *Counter) add(method string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = make(map[string]int)
	}
	c.calls[method]++
}
