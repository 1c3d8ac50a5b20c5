// Package latency keeps how long things took, at fixed memory and to three
// digits, so that a percentile of a long run is that of all its values.
package latency

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Longest is what is counted for anything that took longer.
const Longest = 2 * time.Minute

// Recorder takes latencies from several goroutines. Its zero value is empty.
type Recorder struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram // of microseconds
}

// Add notes one.
func (r *Recorder) Add(d time.Duration) {
	d = min(max(d, time.Microsecond), Longest)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hist == nil {
		r.hist = hdrhistogram.New(1, Longest.Microseconds(), 3)
	}
	_ = r.hist.RecordValue(d.Microseconds()) // within its range
}

// Distribution is how a set of latencies is spread. In JSON all are
// milliseconds.
type Distribution struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p99_9_ms"`
	Max   float64 `json:"max_ms"`
	// Curve is the latency that so many have stayed below, for a plot.
	Curve []Point `json:"curve,omitempty"`
}

// Point says that a share of all, 0 to 1, took at most so long.
type Point struct {
	Share        float64 `json:"share"`
	Milliseconds float64 `json:"ms"`
}

// Distribution is that of all that was added.
func (r *Recorder) Distribution() Distribution {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hist == nil {
		return Distribution{}
	}
	at := func(percent float64) float64 { return milliseconds(r.hist.ValueAtQuantile(percent)) }
	d := Distribution{
		Count: r.hist.TotalCount(), Mean: r.hist.Mean() / 1000,
		P50: at(50), P95: at(95), P99: at(99), P999: at(99.9), Max: milliseconds(r.hist.Max()),
	}
	// Half of the way to the end at each step, so that a logarithmic axis is
	// filled evenly: 0, 0.5, 0.75 ... with three points between.
	for rest := 1.0; rest > 1e-6; rest *= 0.84 {
		d.Curve = append(d.Curve, Point{1 - rest, at(100 * (1 - rest))})
		if rest*float64(d.Count) < 1 {
			break
		}
	}
	return d
}

func milliseconds(us int64) float64 { return float64(us) / 1000 }
