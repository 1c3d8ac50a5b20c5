package core

import (
	"context"
	"fmt"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// Look reads an instance as it is now, with what its pairing shows.
func (c *Core) Look(ctx context.Context, i instance.Instance) (instance.Seen, error) {
	return c.deps.Instances.Await(ctx, i.ID, func(instance.Seen) bool { return true })
}

// Close closes the connection and keeps the keys. An instance that has none
// stays as it is.
func (c *Core) Close(ctx context.Context, i instance.Instance) error {
	refused := i.State == instance.Closed && i.JID != "" && i.Reason.Code != instance.ReasonDisconnected
	if !i.State.Connected() && !refused {
		return nil
	}
	return c.do(ctx, i, command.Disconnect, nil, nil)
}

// Unlink is Logout for those who do not mind whether there is anything to
// unlink: afterwards there are no keys, and no reason for that but the user's.
func (c *Core) Unlink(ctx context.Context, i instance.Instance) error {
	if i.JID != "" || i.State.Connected() {
		return c.do(ctx, i, command.Logout, nil, nil)
	}
	return c.Acknowledge(ctx, i)
}

// Acknowledge notes that the user knows why an instance has lost its keys: it
// then stands as one that the user has logged out. It changes no other.
func (c *Core) Acknowledge(ctx context.Context, i instance.Instance) error {
	over := func(i *instance.Instance) bool {
		return i.JID == "" && (i.State == instance.LoggedOut || i.State == instance.Closed) && i.Reason.Code != instance.ReasonUserLogout
	}
	if !over(&i) {
		return nil
	}
	_, err := c.deps.Instances.Update(ctx, i.ID, func(i *instance.Instance) error {
		if over(i) {
			i.Reason = instance.Reason{Code: instance.ReasonUserLogout, Status: 401, Sentence: "Logged out through the API.", Action: "Link it again to use it."}
		}
		return nil
	})
	if fault.KindOf(err) == fault.NotFound {
		return err
	}
	if err != nil {
		return fmt.Errorf("note that a logout is known: %w", err)
	}
	return nil
}
