package fleet

import (
	"context"
	"sync"
	"time"
)

// Observer watches hosts with its own clock. It is safe for concurrent use.
type Observer struct {
	hosts *Repository
	clock func() time.Duration

	mu   sync.Mutex
	seen map[string]sighting
	last View
}

// sighting is since when a renewal has been the last one seen.
type sighting struct {
	term  string
	beat  int64
	since time.Duration
}

// NewObserver watches hosts. clock counts from any moment on and must not stop
// while the machine or the process does.
func NewObserver(hosts *Repository, clock func() time.Duration) *Observer {
	return &Observer{hosts: hosts, clock: clock, seen: map[string]sighting{}}
}

// View is what an Observer saw at one moment.
type View struct {
	Hosts []Host // by name
	// Silent are those that have not renewed for as long as their lease counts,
	// and have not been ended yet.
	Silent []Host
	// Next is when the next host may turn out to be silent, 0 for never.
	Next time.Duration
}

// Look reads the list once and judges it.
func (o *Observer) Look(ctx context.Context) (View, error) {
	// A host is silent if this read, which begins now, shows what an earlier
	// one had shown at least a lease ago.
	begin := o.clock()
	all, err := o.hosts.List(ctx)
	if err != nil {
		return View{}, err
	}
	end := o.clock()
	o.mu.Lock()
	defer o.mu.Unlock()
	view := View{Hosts: all}
	seen := make(map[string]sighting, len(all))
	for _, h := range all {
		s, known := o.seen[h.Name]
		if !known || s.term != h.Term || s.beat != h.Beat {
			s = sighting{h.Term, h.Beat, end}
		}
		seen[h.Name] = s
		if h.Ended {
			continue
		}
		left := s.since + h.Lease - begin
		if left <= 0 {
			view.Silent = append(view.Silent, h)
			continue
		}
		if view.Next == 0 || left < view.Next {
			view.Next = left
		}
	}
	o.seen, o.last = seen, view
	return view, nil
}

// Last is the view of the last Look that succeeded, empty before the first.
func (o *Observer) Last() View {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// Host finds a host by name.
func (v View) Host(name string) (Host, bool) {
	for _, h := range v.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}

// Gone reports whether the host of that name may be taken from: its term has
// ended, or there is no such host.
func (v View) Gone(name string) bool {
	h, ok := v.Host(name)
	return !ok || h.Ended
}

// Alive are the hosts that have not ended.
func (v View) Alive() []Host {
	var alive []Host
	for _, h := range v.Hosts {
		if !h.Ended {
			alive = append(alive, h)
		}
	}
	return alive
}
