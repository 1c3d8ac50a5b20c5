package coalesce_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"roost/shared/coalesce"
)

var errDown = errors.New("down")

// run starts a first job and, while that is under way, three others one after
// another. The requests are answered in turn; it returns their jobs, and what
// became of each job.
func run(t *testing.T, limit int, answer func(jobs []int) error) (requests [][]int, results []error) {
	t.Helper()
	var mu sync.Mutex
	goOn := make(chan struct{})
	c := coalesce.New(limit, func(_ context.Context, jobs []int) error {
		mu.Lock()
		requests = append(requests, jobs)
		mu.Unlock()
		<-goOn
		return answer(jobs)
	})
	results = make([]error, 4)
	var running sync.WaitGroup
	for n := range results {
		running.Go(func() {
			defer func() {
				if cause := recover(); cause != nil {
					results[n] = errors.New("panic")
				}
			}()
			results[n] = c.Do(t.Context(), n)
		})
		synctest.Wait() // it waits
	}
	close(goOn)
	running.Wait()
	return requests, results
}

func TestCoalescer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit    int
		answer   func(jobs []int) error
		requests [][]int
		failed   []int
	}{
		"those that wait go together": {10, func([]int) error { return nil }, [][]int{{0}, {1, 2, 3}}, nil},
		"a request has its limit":     {2, func([]int) error { return nil }, [][]int{{0}, {1, 2}, {3}}, nil},
		"a failure of one is its own": {10, func(jobs []int) error {
			if jobs[0] == 0 {
				return errDown
			}
			return nil
		}, [][]int{{0}, {1, 2, 3}}, []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, results := run(t, c.limit, c.answer)
				if !reflect.DeepEqual(requests, c.requests) {
					t.Errorf("requests %v, not %v", requests, c.requests)
				}
				check(t, results, c.failed...)
			})
		})
	}
}

// check holds that these jobs have failed and no others.
func check(t *testing.T, results []error, failed ...int) {
	t.Helper()
	want := map[int]bool{}
	for _, n := range failed {
		want[n] = true
	}
	for n, err := range results {
		if (err != nil) != want[n] {
			t.Errorf("job %d: %v", n, err)
		}
	}
}

// TestEachForItself is after a request of several has failed, or panicked.
func TestEachForItself(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{"error": func() error { return errDown }, "panic": func() error { panic("oh") }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, results := run(t, 10, func(jobs []int) error {
					if len(jobs) > 1 {
						return fail()
					}
					if jobs[0] == 2 {
						return errDown
					}
					return nil
				})
				failed := []int{2}
				if name == "panic" {
					failed = []int{1, 2} // whose goroutine it was
				}
				check(t, results, failed...)
				if len(requests) != 5-len(failed)+1 {
					t.Errorf("requests %v", requests)
				}
			})
		})
	}
}

// TestManyCallers do each job at least once, and one that is answered without an
// error was done.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 500
	var done [callers * each]atomic.Int32
	c := coalesce.New(7, func(_ context.Context, jobs []int) error {
		if len(jobs) > 7 {
			t.Errorf("%d jobs in a request", len(jobs))
		}
		if rand.N(5) == 0 {
			return errDown
		}
		for _, job := range jobs {
			done[job].Add(1)
		}
		return nil
	})
	var running sync.WaitGroup
	for n := range callers {
		running.Go(func() {
			for m := range each {
				job := n*each + m
				if err := c.Do(t.Context(), job); err == nil && done[job].Load() == 0 {
					t.Errorf("job %d was not done", job)
				}
			}
		})
	}
	running.Wait()
}
