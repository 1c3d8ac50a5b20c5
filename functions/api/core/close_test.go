package core_test

import (
	"context"
	"slices"
	"testing"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/command"
	"roost/shared/instance"
	"roost/shared/queue"
)

// toShared leads every host's queue to where the host of a test listens.
type toShared struct{ queue.Opener }

func (s toShared) Open(ctx context.Context, _ string, options queue.Options) (queue.Queue, error) {
	return s.Opener.Open(ctx, command.Shared, options)
}

// An instance whose host has ended while it was linked may have keys that its
// record does not tell of. Who ends it must not find it connected afterwards.
func TestEndsInDoubt(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{})
	c := core.New(core.Deps{Table: w.Table, Instances: w.Instances, Commands: command.NewClient(w.Table, w.Bucket, toShared{w.Queues}), Bucket: w.Bucket})
	closeAnd := func(ctx context.Context, i instance.Instance) error {
		if err := c.Close(ctx, i); err != nil {
			return err
		}
		i, err := w.Instances.Get(ctx, i.ID)
		if err != nil {
			return err
		}
		return c.Unlink(ctx, i)
	}
	for _, test := range []struct {
		name   string
		host   string
		end    func(context.Context, instance.Instance) error
		asked  []command.Kind
		state  instance.State
		reason string
		wanted bool
	}{
		{"closed", "", c.Close, nil, instance.Closed, instance.ReasonDisconnected, false},
		{"closed while a host looks", "another", c.Close, []command.Kind{command.Disconnect}, instance.Closed, instance.ReasonDisconnected, false},
		{"unlinked", "", c.Unlink, []command.Kind{command.Logout}, instance.LoggedOut, instance.ReasonUserLogout, false},
		{"logged out", "", c.Logout, []command.Kind{command.Logout}, instance.LoggedOut, instance.ReasonUserLogout, false},
		{"closed and unlinked", "", closeAnd, []command.Kind{command.Logout}, instance.LoggedOut, instance.ReasonUserLogout, false},
		{"acknowledged", "", c.Acknowledge, nil, instance.Closed, instance.ReasonHostLost, true},
	} {
		i := w.Create(t, test.name, test.name)
		before := len(w.Host.Commands())
		w.Set(t, i, instance.Pairing, func(i *instance.Instance) {
			if err := i.Release(); err != nil {
				t.Fatal(err)
			}
			i.Host = test.host
		})
		i, err := w.Instances.Get(t.Context(), i.ID)
		if err != nil || !i.Doubtful() {
			t.Fatalf("%s is not in doubt: %+v, %v", test.name, i, err)
		}
		if err := test.end(t.Context(), i); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if asked := w.Host.Commands()[before:]; !slices.Equal(asked, test.asked) {
			t.Errorf("%s: the host was asked to %v, want %v", test.name, asked, test.asked)
		}
		i, err = w.Instances.Get(t.Context(), i.ID)
		if err != nil || i.State != test.state || i.Reason.Code != test.reason || i.Wanted != test.wanted {
			t.Errorf("%s ends as %s (%s), wanted %t; %v", test.name, i.State, i.Reason.Code, i.Wanted, err)
		}
	}
}
