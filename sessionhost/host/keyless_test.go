package host_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/instance"
	"roost/shared/seal"
)

// lapsing is a wrapper that is out of order a few times.
type lapsing struct {
	seal.Wrapper
	left atomic.Int32
}

func (l *lapsing) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	if l.left.Add(-1) >= 0 {
		return nil, errors.New("out of order")
	}
	return l.Wrapper.Wrap(ctx, key)
}

// A user asks for a pairing while keys cannot be opened. It begins as soon as
// they can: somebody has asked for it, although the instance stands closed.
func TestPairingWaitsForKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := &lapsing{Wrapper: w.wrapper}
	w.hosted("host-1", func(cfg *host.Config) { cfg.Wrapper = l })
	i := w.create("patient")
	_, err := w.instances.Update(w.ctx, i.ID, func(i *instance.Instance) error {
		i.State, i.Reason = instance.Closed, instance.Reason{Code: instance.ReasonPairingTimeout}
		return nil
	})
	must(t, err)
	l.left.Store(2)
	w.do(i, command.Connect, command.ConnectArgs{}, nil)
	w.until(i, "pairing", showing)
	if l.left.Load() >= 0 {
		t.Error("keys could be opened at once")
	}
}
