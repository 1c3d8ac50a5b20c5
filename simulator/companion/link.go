package companion

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types/events"
)

// How long a code is shown (whatsmeow qrchan.go): the first for 60 s if there
// are six, all others for 20 s.
const (
	firstCodeLife = 60 * time.Second
	nextCodeLife  = 20 * time.Second
	usualCodes    = 6
)

// ErrCodesExpired means that the server's QR codes are used up: connect again.
var ErrCodesExpired = errors.New("all QR codes have expired")

// EndError means that the client will not get where it was going.
type EndError struct {
	// Event says why, such as a *events.PairError or *events.LoggedOut.
	Event any
}

func (e *EndError) Error() string {
	if err := e.Unwrap(); err != nil {
		return fmt.Sprintf("ended by %T: %v", e.Event, err)
	}
	return fmt.Sprintf("ended by %T: %+v", e.Event, e.Event)
}

// Unwrap returns the error of a *events.PairError.
func (e *EndError) Unwrap() error {
	if evt, ok := e.Event.(*events.PairError); ok {
		return evt.Error
	}
	return nil
}

// link is how far a client has come in pairing and logging in.
type link struct {
	mu    sync.Mutex    // taken before the recorder's
	moved chan struct{} // closed at the next change, if anybody waits
	progress
}

type progress struct {
	codes  []string // nil while none are shown
	shown  time.Time
	paired bool
	online bool // logged in on this connection
	end    error
}

// restart forgets what belongs to the last connection.
func (l *link) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes, l.online, l.end = nil, false, nil
}

func (l *link) now() progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.progress
}

// next returns the progress and a channel that is closed when it changes.
func (l *link) next() (progress, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved == nil {
		l.moved = make(chan struct{})
	}
	return l.progress, l.moved
}

// observe moves the link on. It records the event under the same lock: who was
// told of an event sees what it changed, and who sees the change finds the event.
func (l *link) observe(evt any, stale bool, record func(any)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	record(evt)
	if stale {
		return
	}
	switch evt := evt.(type) {
	case *events.QR:
		l.codes, l.shown = evt.Codes, time.Now()
	case *events.RotateADVSecret:
		rotated := make([]string, len(l.codes)) // progress was handed out
		for i, code := range l.codes {
			rotated[i] = strings.Replace(code, evt.OldSecret, evt.NewSecret, 1)
		}
		l.codes = rotated
	case *events.PairSuccess:
		l.paired, l.codes = true, nil
	case *events.Connected:
		l.paired, l.online, l.codes = true, true, nil
	case *events.Disconnected:
		l.codes, l.online = nil, false
		if l.paired {
			return // whatsmeow reconnects
		}
		l.end = &EndError{evt}
	case *events.PairError, *events.LoggedOut, *events.ConnectFailure, *events.ClientOutdated,
		*events.TemporaryBan, *events.StreamReplaced:
		l.online = false
		l.end = &EndError{evt}
	default:
		return
	}
	if l.moved != nil {
		close(l.moved)
		l.moved = nil
	}
}

// code returns the code that is shown at a time.
func (p progress) code(at time.Time) (string, error) {
	past := at.Sub(p.shown)
	if len(p.codes) == usualCodes {
		past -= firstCodeLife - nextCodeLife
	}
	i := max(0, int(past/nextCodeLife))
	if i >= len(p.codes) {
		return "", ErrCodesExpired
	}
	return p.codes[i], nil
}
