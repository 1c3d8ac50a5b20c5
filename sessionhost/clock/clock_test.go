package clock_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"roost/sessionhost/clock"
	"roost/simulator"
)

// ntpServer answers NTP with a clock that is ahead by skew (RFC 5905, 7.3).
func ntpServer(t *testing.T, skew time.Duration) string {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		buffer := make([]byte, 128)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil || n < 48 {
				return
			}
			answer := make([]byte, 48)
			answer[0], answer[1], answer[2], answer[3] = 4<<3|4, 1, buffer[2], 0xec // version 4, server, stratum 1
			copy(answer[12:], "TEST")
			now := stamp(time.Now().Add(skew))
			binary.BigEndian.PutUint64(answer[16:], now)
			copy(answer[24:32], buffer[40:48])
			binary.BigEndian.PutUint64(answer[32:], now)
			binary.BigEndian.PutUint64(answer[40:], stamp(time.Now().Add(skew)))
			_, _ = socket.WriteTo(answer, from)
		}
	}()
	return socket.LocalAddr().String()
}

// stamp is a time since 1900 in seconds and their 2^32th parts.
func stamp(at time.Time) uint64 {
	const from1900to1970 = 2208988800
	return uint64(at.Unix()+from1900to1970)<<32 | uint64(at.Nanosecond())<<32/1e9
}

// await runs a clock until it knows.
func await(t *testing.T, cfg clock.Config) *clock.Clock {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	c := clock.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if _, known := c.Last(); known {
			return c
		}
		<-time.After(time.Millisecond)
	}
	t.Fatal("the clock never knew")
	return nil
}

func near(t *testing.T, got, want, by time.Duration) {
	t.Helper()
	if (got - want).Abs() > by {
		t.Errorf("offset %v, want %v", got, want)
	}
}

func TestNTP(t *testing.T) {
	t.Parallel()
	for skew, off := range map[time.Duration]bool{0: false, 29 * time.Second: false, 45 * time.Second: true, -2 * time.Hour: true} {
		// The first server is nobody, the second answers.
		c := await(t, clock.Config{Servers: []string{"127.0.0.1:1", ntpServer(t, skew)}})
		r, _ := c.Last()
		near(t, r.Offset, skew, 900*time.Millisecond)
		if by, is := c.Off(); is != off || by != r.Offset {
			t.Errorf("ahead by %v: off %v by %v", skew, is, by)
		}
	}
}

func TestDateHeader(t *testing.T) {
	t.Parallel()
	knobs := simulator.DefaultKnobs()
	knobs.DateSkewSeconds = 120
	s := simulator.New(simulator.Config{Knobs: &knobs})
	server := httptest.NewServer(s)
	defer server.Close()
	defer s.Close()
	c := await(t, clock.Config{HTTP: s.HTTPClient(server.URL), Servers: []string{"127.0.0.1:1"}})
	r, _ := c.Last()
	near(t, r.Offset, 2*time.Minute, 5*time.Second)
	if _, off := c.Off(); !off || r.Source != "date header" {
		t.Errorf("read %+v", r)
	}
}

// Without a network nothing is known, and nothing refused.
func TestNoNetwork(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	told := make(chan struct{}, 1)
	c := clock.New(clock.Config{
		Servers: []string{"127.0.0.1:1"}, HTTP: simulator.HTTPClient(gone.URL), Log: slog.New(tell{slog.DiscardHandler, told}),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	<-told
	if _, off := c.Off(); off {
		t.Error("an unknown offset is off")
	}
	cancel()
	<-done
	var none *clock.Clock
	if _, known := none.Last(); known {
		t.Error("a clock that is not there knows")
	}
}

// tell says when something is logged.
type tell struct {
	slog.Handler
	told chan struct{}
}

func (h tell) Enabled(context.Context, slog.Level) bool { return true }

func (h tell) Handle(context.Context, slog.Record) error {
	select {
	case h.told <- struct{}{}:
	default:
	}
	return nil
}
