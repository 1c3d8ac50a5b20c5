package companion

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"
)

func message(id string) *events.Message {
	m := new(events.Message)
	m.Info.ID = id
	return m
}

func withID(id string) func(*events.Message) bool {
	return func(m *events.Message) bool { return m.Info.ID == id }
}

func awaitMessage(t *testing.T, c *Client, want string, match ...func(*events.Message) bool) {
	t.Helper()
	m, err := Await(t.Context(), c, match...)
	if err != nil {
		t.Fatal(err)
	}
	if m.Info.ID != want {
		t.Errorf("got message %q, want %q", m.Info.ID, want)
	}
}

func TestAwaitGivesEachEventOnce(t *testing.T) {
	t.Parallel()
	c := New(http.DefaultClient)
	defer c.Close()
	for _, id := range []string{"a", "b", "c"} {
		c.handle(message(id))
		c.handle(&events.Receipt{})
	}
	awaitMessage(t, c, "b", withID("b"))
	awaitMessage(t, c, "a")
	awaitMessage(t, c, "c")
	if _, err := Await[any](t.Context(), c); err != nil {
		t.Errorf("as another type: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Await[*events.Message](ctx, c)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "*events.Receipt") {
		t.Errorf("error %v; want canceled, naming what came", err)
	}
	if n := len(c.Events()); n != 6 {
		t.Errorf("%d events, want 6", n)
	}
	c.Forget()
	if n := len(c.Events()); n != 0 {
		t.Errorf("%d events after Forget", n)
	}
}

func TestAwaitGetsWhatComes(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]Option{nil, {WithRecordedLimit(0)}} {
		synctest.Test(t, func(t *testing.T) {
			c := New(http.DefaultClient, opts...)
			defer c.Close()
			var wait sync.WaitGroup
			wait.Go(func() { awaitMessage(t, c, "y", withID("y")) })
			synctest.Wait()
			wait.Go(func() { awaitMessage(t, c, "x") })
			synctest.Wait()
			abandoned, cancel := context.WithCancel(t.Context())
			wait.Go(func() { _, _ = Await[*events.Message](abandoned, c) })
			synctest.Wait()
			cancel()
			synctest.Wait()
			for _, id := range []string{"x", "y", "z"} {
				c.handle(message(id))
			}
			wait.Wait()
			if n := len(c.events.waiters); n != 0 {
				t.Errorf("%d waiters are left", n)
			}
			if opts == nil {
				awaitMessage(t, c, "z")
			}
		})
	}
}

func TestRecordingIsBounded(t *testing.T) {
	t.Parallel()
	c := New(http.DefaultClient, WithRecordedLimit(10))
	defer c.Close()
	for i := range 1005 {
		c.handle(message(fmt.Sprint(i)))
		if n := cap(c.events.events); n > 64 {
			t.Fatalf("room for %d events", n)
		}
	}
	if n := len(c.Events()); n != 10 {
		t.Errorf("%d events, want 10", n)
	}
	awaitMessage(t, c, "995")
}

func TestHandlerDecides(t *testing.T) {
	t.Parallel()
	c := New(http.DefaultClient, WithHandler(func(evt any) bool {
		if evt.(*events.Message).Info.ID == "panic" {
			panic("handler")
		}
		return evt.(*events.Message).Info.ID == "good"
	}))
	defer c.Close()
	if !c.handle(message("good")) || c.handle(message("bad")) {
		t.Error("the handler's answer is lost")
	}
	func() {
		defer func() { _ = recover() }()
		c.handle(message("panic"))
	}()
	awaitMessage(t, c, "panic", withID("panic"))
}

func TestCloseWaitsForHandlersButNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := New(http.DefaultClient, WithHandler(func(any) bool { <-release; return true }))
		go c.handle(message("a"))
		synctest.Wait()
		began := time.Now()
		c.Close()
		if took := time.Since(began); took != closeTimeout {
			t.Errorf("waited %v for a handler that hangs", took)
		}
		time.AfterFunc(time.Second, func() { close(release) })
		c.Close()
		if took := time.Since(began); took != closeTimeout+time.Second || len(c.Events()) != 1 {
			t.Errorf("waited %v, %d events", took, len(c.Events()))
		}
		if err := c.Connect(); !errors.Is(err, context.Canceled) {
			t.Errorf("connecting after Close: %v", err)
		}
	})
}

func TestCodesFollowTimeAndRotation(t *testing.T) {
	t.Parallel()
	var l link
	observe := func(evt any) { l.observe(evt, false, func(any) {}) }
	observe(&events.QR{Codes: []string{"1,old", "2,old", "3,old", "4,old", "5,old", "6,old"}})
	began := l.now().shown
	for past, want := range map[time.Duration]string{0: "1", 59 * time.Second: "1", 60 * time.Second: "2", 80 * time.Second: "3", 159 * time.Second: "6"} {
		if code, err := l.now().code(began.Add(past)); err != nil || code != want+",old" {
			t.Errorf("after %v: %q, %v", past, code, err)
		}
	}
	if _, err := l.now().code(began.Add(160 * time.Second)); !errors.Is(err, ErrCodesExpired) {
		t.Errorf("after 160 s: %v", err)
	}
	observe(&events.RotateADVSecret{OldSecret: "old", NewSecret: "new"})
	if code, err := l.now().code(began.Add(60 * time.Second)); err != nil || code != "2,new" {
		t.Errorf("rotated: %q, %v", code, err)
	}
	observe(&events.QR{Codes: []string{"1", "2"}})
	if code, _ := l.now().code(l.now().shown.Add(20 * time.Second)); code != "2" {
		t.Errorf("of two codes after 20 s: %q", code)
	}
	observe(&events.PairError{Error: whatsmeow.ErrPairRejectedLocally})
	var end *EndError
	if err := l.now().end; !errors.As(err, &end) || !errors.Is(err, whatsmeow.ErrPairRejectedLocally) {
		t.Errorf("end is %v", err)
	}
}

func TestOldDisconnectionEndsNothing(t *testing.T) {
	t.Parallel()
	var l link
	for _, stale := range []bool{true, false} {
		l.observe(&events.QR{Codes: []string{"code"}}, false, func(any) {})
		l.observe(&events.Disconnected{}, stale, func(any) {})
		if p := l.now(); (p.end == nil) != stale || (p.codes != nil) != stale {
			t.Errorf("stale %t: end %v, codes %v", stale, p.end, p.codes)
		}
	}
}
