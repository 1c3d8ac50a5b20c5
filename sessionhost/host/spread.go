package host

import (
	"sync"

	"roost/shared/fleet"
)

// slack is how many sessions more than its share a host keeps without giving
// any away: one in twenty of the share, and two.
func slack(share float64) float64 { return 2 + share/20 }

// spread knows how the hosts are loaded: what they last said of themselves, and
// what was given to them since.
type spread struct {
	mu    sync.Mutex
	hosts []fleet.Host
}

func (s *spread) see(hosts []fleet.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = append([]fleet.Host(nil), hosts...)
}

// give picks the host with the lowest load, but for the one called except, and
// counts one session more for it. "" when there is none.
func (s *spread) give(except string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	least, ok := fleet.Least(s.hosts, except)
	if !ok {
		return ""
	}
	s.count(least.Name)
	return least.Name
}

// better names a host that should rather have the next session than self, which
// has so many; "" when self may as well.
func (s *spread) better(self string, sessions int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine, ok := find(s.hosts, self)
	if !ok {
		return ""
	}
	mine.Sessions = sessions
	least, ok := fleet.Least(s.hosts, self)
	if !ok || mine.Takes() && mine.Load() <= least.Load()+slack(0)/float64(max(mine.Capacity, 1)) {
		return ""
	}
	s.count(least.Name)
	return least.Name
}

func (s *spread) count(name string) {
	for n := range s.hosts {
		if s.hosts[n].Name == name {
			s.hosts[n].Sessions++
		}
	}
}

// surplus is how many sessions more than its share self has, 0 while that is
// not worth a move.
func (s *spread) surplus(self string, sessions int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	capacity, total := 0, 0
	for _, h := range s.hosts {
		if h.Leaving || h.Ended {
			continue
		}
		if h.Name == self {
			h.Sessions = sessions
		}
		capacity += h.Capacity
		total += h.Sessions
	}
	mine, ok := find(s.hosts, self)
	if !ok || capacity == 0 {
		return 0
	}
	share := float64(total) * float64(mine.Capacity) / float64(capacity)
	if float64(sessions) <= share+slack(share) {
		return 0
	}
	return int(float64(sessions) - share)
}

func find(hosts []fleet.Host, name string) (fleet.Host, bool) {
	for _, h := range hosts {
		if h.Name == name {
			return h, true
		}
	}
	return fleet.Host{}, false
}
