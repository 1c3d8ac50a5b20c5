// Package bounded keeps things in memory, up to so many, for what can be found
// out again.
package bounded

import "sync"

// Map remembers values by key. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	most int

	mu     sync.Mutex // guards values
	values map[K]V
}

// New makes a map of at most so many. One more, and any other is forgotten.
func New[K comparable, V any](most int) *Map[K, V] {
	return &Map[K, V]{most: most, values: map[K]V{}}
}

// Get returns what is remembered; false for nothing.
func (m *Map[K, V]) Get(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[key]
	return value, ok
}

// Put remembers a value.
func (m *Map[K, V]) Put(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.values[key]; !again && len(m.values) >= m.most {
		for other := range m.values {
			delete(m.values, other)
			break
		}
	}
	m.values[key] = value
}

// Forget drops what is remembered under a key.
func (m *Map[K, V]) Forget(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
}
