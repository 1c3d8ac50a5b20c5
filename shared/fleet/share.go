package fleet

import (
	"hash/fnv"
	"math"
)

// Share picks who among hosts is to take what key names: the same answer for
// everybody who sees the same hosts, spread by capacity (weighted rendezvous
// hashing), and unchanged for most keys when a host comes or goes. False when
// nobody takes anything.
func Share(hosts []Host, key string) (Host, bool) {
	var best Host
	found, top := false, math.Inf(-1)
	for _, h := range hosts {
		if !h.Takes() {
			continue
		}
		if score := weight(h, key); score > top {
			best, top, found = h, score, true
		}
	}
	return best, found
}

// weight is -capacity/ln(u) of a u in (0, 1) drawn from host and key.
func weight(h Host, key string) float64 {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(h.Name + "\x00" + key))
	x := sum.Sum64() // FNV's high bits differ little between short texts: stirred (MurmurHash3's finalizer)
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	u := (float64(x>>11) + 0.5) / (1 << 53)
	return -float64(h.Capacity) / math.Log(u)
}

// Least returns the host with the lowest load that takes instances, but for the
// one called except.
func Least(hosts []Host, except string) (Host, bool) {
	var best Host
	found := false
	for _, h := range hosts {
		if h.Name == except || !h.Takes() {
			continue
		}
		if !found || h.Load() < best.Load() {
			best, found = h, true
		}
	}
	return best, found
}
