package whatsapp

import (
	"sync"
	"time"
)

// login is that of one connection. The library forgets that it was logged in when
// WhatsApp ends a connection with a word, and not when the socket is cut: on the
// next one its own flag says nothing then, until it tells events.Connected.
type login struct {
	stale bool          // the flag was up before the connection was
	told  chan struct{} // closed by events.Connected
	once  sync.Once
}

func newLogin(stale bool) *login { return &login{stale: stale, told: make(chan struct{})} }

func (l *login) done() { l.once.Do(func() { close(l.told) }) }

// AwaitLogin waits until the client is logged in, for limit at most. Where the
// library's flag can be believed that is some round trips before Online, which
// follows when keys and presence are settled. It reports false also when the
// connection ends.
func (c *Client) AwaitLogin(limit time.Duration) bool {
	l := c.present.Load()
	if !l.stale {
		return c.wa.WaitForConnection(limit)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var ended <-chan struct{}
	if life := c.life.Load(); life != nil {
		ended = (*life).Done()
	}
	select {
	case <-l.told:
		return c.wa.IsConnected()
	case <-ended:
	case <-timer.C:
	}
	return false
}

// Online reports whether the client is logged in.
func (c *Client) Online() bool {
	l := c.present.Load()
	if !l.stale {
		return c.wa.IsLoggedIn()
	}
	select {
	case <-l.told:
		return c.wa.IsLoggedIn()
	default:
		return false
	}
}
