package companion

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"
)

// rotationGrace is how long a failed scan may turn out to be a refresh: the
// phone knows before the client has made its new secret.
const rotationGrace = 5 * time.Second

var errPaired = errors.New("client is paired already")

// QR returns the text of the QR code the client shows now, connecting first if
// it is not connected. A rotated secret is in it as soon as
// *events.RotateADVSecret was recorded. It fails with an [EndError] if the
// server wants no pairing and with ErrCodesExpired about 160 s after connecting.
func (c *Client) QR(ctx context.Context) (string, error) {
	if c.link.now().paired {
		return "", errPaired
	}
	if err := c.connect(ctx); err != nil {
		return "", err
	}
	p, err := c.await(ctx, func(p progress) bool { return p.codes != nil || p.paired })
	switch {
	case err != nil:
		return "", fmt.Errorf("wait for QR code: %w", err)
	case p.paired:
		return "", errPaired
	}
	return p.code(time.Now())
}

// Pair connects, lets scan scan the QR code with a phone and waits until the
// client has logged in as that phone's companion. When the secret is rotated, as
// a phone may demand at the first scan, scan is called again with the new code,
// whatever it had returned. Any other error of scan ends Pair, 5 s later. The
// login's *events.Connected counts as awaited.
func (c *Client) Pair(ctx context.Context, scan func(ctx context.Context, qr string) error) error {
	for {
		code, err := c.QR(ctx)
		if err != nil {
			return fmt.Errorf("pair: %w", err)
		}
		again, err := c.scan(ctx, code, scan)
		if err != nil {
			return fmt.Errorf("pair: %w", err)
		}
		if !again {
			return nil
		}
	}
}

// scan reports whether there is a new code to be scanned.
func (c *Client) scan(ctx context.Context, code string, scan func(context.Context, string) error) (bool, error) {
	refused := scan(ctx, code)
	if refused != nil {
		grace, cancel := context.WithTimeoutCause(ctx, rotationGrace, refused)
		defer cancel()
		ctx = grace
	}
	shows := func(p progress) bool { return slices.Contains(p.codes, code) }
	p, err := c.await(ctx, func(p progress) bool { return p.online || p.codes != nil && !shows(p) })
	switch {
	case refused != nil && errors.Is(err, refused):
		return false, fmt.Errorf("scan: %w", refused)
	case refused != nil && err != nil:
		return false, fmt.Errorf("scan: %w; then: %w", refused, err)
	case err != nil:
		return false, err
	case p.online:
		c.takeConnected()
		return false, nil
	}
	return true, nil
}

// Login connects a paired client, if it is not connected, and waits until it has
// logged in. The login's *events.Connected counts as awaited. It fails with an
// [EndError] if the server refuses.
func (c *Client) Login(ctx context.Context) error {
	if err := c.connect(ctx); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if _, err := c.await(ctx, func(p progress) bool { return p.online }); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	c.takeConnected()
	return nil
}

// connect does nothing if the client is connected. ctx bounds the dialling, not
// the life of the connection.
func (c *Client) connect(ctx context.Context) error {
	if c.IsConnected() {
		return nil
	}
	c.link.restart()
	life, cancel := context.WithCancel(c.BackgroundEventCtx)
	stop := context.AfterFunc(ctx, cancel)
	err := c.ConnectContext(life) //nolint:contextcheck // the connection outlives ctx
	if errors.Is(err, whatsmeow.ErrAlreadyConnected) {
		err = nil
	}
	if !stop() && err == nil {
		c.Disconnect()
		err = context.Cause(ctx)
	}
	if err != nil {
		cancel()
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// await waits until the link has come somewhere, or has ended.
func (c *Client) await(ctx context.Context, there func(progress) bool) (progress, error) {
	for {
		p, moved := c.link.next()
		switch {
		case there(p):
			return p, nil
		case p.end != nil:
			return p, p.end
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return p, context.Cause(ctx)
		}
	}
}

// takeConnected makes the next Await wait for the next login.
func (c *Client) takeConnected() {
	w := &waiter{
		typ:    reflect.TypeFor[*events.Connected](),
		accept: func(evt any) bool { _, ok := evt.(*events.Connected); return ok },
	}
	c.events.mu.Lock()
	defer c.events.mu.Unlock()
	for ok := true; ok; {
		_, ok = c.events.take(w)
	}
}
