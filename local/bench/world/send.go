package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"roost/local/bench/latency"
)

const (
	maxUnderWay  = 4096             // requests
	requestLimit = 30 * time.Second // of each
)

// API is where a system takes requests.
type API struct {
	URL string
	Key string
}

// Asked is what became of requests.
type Asked struct {
	Count    int
	Failed   int    // refused, or without an answer
	Lost     int    // what they were to cause never came
	Problem  string // of the first that failed
	Seconds  float64
	Effect   latency.Distribution // from the time a request was due until what it was to cause
	Answered latency.Distribution // from then until its answer
}

// call makes a request of the API and reads its answer.
func (w *World) call(ctx context.Context, api API, path string, body any) ([]byte, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, api.URL+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	r.Header.Set("apikey", api.Key)
	r.Header.Set("Content-Type", "application/json")
	response, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s answers %d: %.300s", path, response.StatusCode, answer)
	}
	return answer, err
}

// asking makes requests at their times and waits for all.
type asking struct {
	mu      sync.Mutex
	problem error
	failed  atomic.Int64
	lost    atomic.Int64
	effect  latency.Recorder
	answers latency.Recorder
}

func (a *asking) fail(err error) {
	a.failed.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem == nil {
		a.problem = err
	}
}

// run calls do for each event in a goroutine of its own.
func (a *asking) run(ctx context.Context, l Load, do func(i int, due time.Time)) (Asked, error) {
	slots := make(chan struct{}, maxUnderWay)
	var working sync.WaitGroup
	begin := time.Now()
	err := l.run(ctx, func(i int, due time.Time) {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			do(i, due)
		})
	})
	working.Wait()
	out := Asked{
		Count: l.events(), Failed: int(a.failed.Load()), Lost: int(a.lost.Load()), Seconds: time.Since(begin).Seconds(),
		Effect: a.effect.Distribution(), Answered: a.answers.Distribution(),
	}
	if a.problem != nil {
		out.Problem = a.problem.Error()
	}
	return out, err
}

// sends are those whose message has not arrived yet.
type sends struct {
	mu  sync.Mutex
	due map[string]chan time.Time
}

// arrived is what the simulator tells of each message that a person has read.
func (s *sends) arrived(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.due[id]; c != nil {
		delete(s.due, id)
		c <- at
	}
}

func (s *sends) expect(id string) <-chan time.Time {
	c := make(chan time.Time, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due[id] = c
	return c
}

// Send makes instances write to their contacts: the effect is that the person
// has read it.
func (w *World) Send(ctx context.Context, api API, l Load) (Asked, error) {
	order := l.order()
	for who := range l.Instances {
		if _, err := w.sim.Contact(l.Fleet.Contact(who), fmt.Sprintf("Contact %d", who)); err != nil {
			return Asked{}, err
		}
	}
	run := w.runs.Add(1)
	var a asking
	return a.run(ctx, l, func(i int, due time.Time) {
		id := fmt.Sprintf("BE%06d%012d", run, i)
		came := w.sends.expect(id)
		_, err := w.call(ctx, api, "/message/sendText/"+l.Fleet.Name(order[i]), map[string]any{
			"number": l.Fleet.Contact(order[i]), "text": "answer " + filler, "messageId": id, "linkPreview": false,
		})
		if err != nil {
			a.fail(err)
			return
		}
		a.answers.Add(time.Since(due))
		a.await(ctx, came, due)
	})
}

func (a *asking) await(ctx context.Context, came <-chan time.Time, due time.Time) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case at := <-came:
		a.effect.Add(at.Sub(due))
	case <-timer.C:
		a.lost.Add(1)
	case <-ctx.Done():
		a.lost.Add(1)
	}
}

// Recover restarts the connections of instances: the effect is that the account
// is logged in again.
func (w *World) Recover(ctx context.Context, api API, l Load) (Asked, error) {
	order := l.order()
	var a asking
	return a.run(ctx, l, func(i int, due time.Time) {
		came := w.presence.next(l.Fleet.Phone(order[i]))
		if _, err := w.call(ctx, api, "/instance/restart/"+l.Fleet.Name(order[i]), map[string]any{}); err != nil {
			a.fail(err)
			return
		}
		a.answers.Add(time.Since(due))
		a.await(ctx, came, due)
	})
}

// Pair creates instances: the effect is an answer with a QR code.
func (w *World) Pair(ctx context.Context, api API, l Load) (Asked, error) {
	run := w.runs.Add(1)
	var a asking
	return a.run(ctx, l, func(i int, due time.Time) {
		answer, err := w.call(ctx, api, "/instance/create", map[string]any{
			"instanceName": fmt.Sprintf("pair-%d-%d", run, i), "integration": "WHATSAPP-BAILEYS", "qrcode": true,
		})
		if err != nil {
			a.fail(err)
			return
		}
		a.answers.Add(time.Since(due))
		if !bytes.Contains(answer, []byte("linked_devices#")) && !bytes.Contains(answer, []byte(`"code":"2@`)) {
			a.lost.Add(1)
			return
		}
		a.effect.Add(time.Since(due))
	})
}
