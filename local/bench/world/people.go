package world

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Fleet is a set of instances that belong to one system: their phones' numbers
// say so.
type Fleet int

// The fleets.
const (
	Roost Fleet = 1
	Floor Fleet = 2
	Large Fleet = 3 // of the floor, for the many
)

const (
	fleetSize  = 1_000_000
	firstPhone = 491500000000
	firstOther = 491700000000
)

// Phone is the number of the account of instance i, Contact that of the person
// it talks with.
func (f Fleet) Phone(i int) string { return strconv.Itoa(firstPhone + int(f)*fleetSize + i) }

// Contact is the number of whom instance i talks with.
func (f Fleet) Contact(i int) string { return strconv.Itoa(firstOther + int(f)*fleetSize + i) }

// Name is what instance i is called.
func (f Fleet) Name(i int) string { return fmt.Sprintf("bench-%06d", i) }

// fleetOf is whose phone a number is, and 0 for nobody's.
func fleetOf(number string) Fleet {
	n, err := strconv.Atoi(number)
	if err != nil || n < firstPhone || n >= firstOther {
		return 0
	}
	return Fleet((n - firstPhone) / fleetSize)
}

// presence is which accounts are online.
type presence struct {
	mu      sync.Mutex
	online  map[string]time.Time // since when
	left    map[string]time.Time // when, of those that went offline since the mark
	count   map[Fleet]int
	longest time.Duration   // away since the mark
	gone    map[string]bool // accounts that went offline since the mark
	last    time.Time       // when an account came online last
	changed chan struct{}
	waiters map[string][]chan time.Time // for the next login of an account
}

func newPresence() *presence {
	return &presence{
		online: map[string]time.Time{}, left: map[string]time.Time{}, count: map[Fleet]int{}, gone: map[string]bool{},
		changed: make(chan struct{}), waiters: map[string][]chan time.Time{},
	}
}

func (p *presence) came(number string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, is := p.online[number]; !is {
		p.count[fleetOf(number)]++
	}
	p.online[number], p.last = at, at
	if left, is := p.left[number]; is {
		p.longest = max(p.longest, at.Sub(left))
		delete(p.left, number)
	}
	for _, w := range p.waiters[number] {
		w <- at
	}
	delete(p.waiters, number)
	p.stir()
}

func (p *presence) went(number string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, is := p.online[number]
	if !is || since.After(at) {
		return // another connection has taken over
	}
	delete(p.online, number)
	p.count[fleetOf(number)]--
	if _, already := p.left[number]; !already {
		p.left[number] = at
	}
	p.gone[number] = true
	p.stir()
}

func (p *presence) stir() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// mark begins to count who goes offline.
func (p *presence) mark() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.left)
	clear(p.gone)
	p.longest = 0
}

// next gets the time of the next login of an account.
func (p *presence) next(number string) <-chan time.Time {
	w := make(chan time.Time, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters[number] = append(p.waiters[number], w)
	return w
}

// Back says how a fleet came online.
type Back struct {
	Last    time.Time     // when the last one did
	Longest time.Duration // the longest that one was away since the mark
	Gone    int           // how many have been away since the mark
}

// await waits until so many of a fleet are online, and so many have been away
// since the mark.
func (p *presence) await(ctx context.Context, fleet Fleet, online, gone int) (Back, error) {
	for {
		p.mu.Lock()
		changed, n := p.changed, p.count[fleet]
		back := Back{p.last, p.longest, len(p.gone)}
		p.mu.Unlock()
		if n >= online && back.Gone >= gone {
			return back, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return back, errors.Join(fmt.Errorf("%d of %d instances are online, %d of %d have been away", n, online, back.Gone, gone), context.Cause(ctx))
		}
	}
}
