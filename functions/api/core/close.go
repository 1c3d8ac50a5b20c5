package core

import (
	"context"
	"fmt"
	"time"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// Look reads an instance as it is now, with what its pairing shows.
func (c *Core) Look(ctx context.Context, i instance.Instance) (instance.Seen, error) {
	return c.deps.Instances.Await(ctx, i.ID, func(instance.Seen) bool { return true })
}

// Close closes the connection and keeps the keys. An instance that has none
// stays as it is; one in doubt may have some, and is no longer to be connected.
func (c *Core) Close(ctx context.Context, i instance.Instance) error {
	refused := i.State == instance.Closed && i.JID != "" && i.Reason.Code != instance.ReasonDisconnected
	if !i.State.Connected() && !refused && !i.Doubtful() {
		return nil
	}
	if i.Doubtful() && i.Host == "" {
		now, err := c.closeUnheld(ctx, i)
		if err != nil || !now.Doubtful() && !now.State.Connected() {
			return err
		}
		i = now // a host has taken it meanwhile
	}
	return c.do(ctx, i, command.Disconnect, nil, nil)
}

// closeUnheld closes an instance in doubt that no host has, for its user wants it
// closed whatever its keys say. It returns the instance as it is then.
func (c *Core) closeUnheld(ctx context.Context, i instance.Instance) (instance.Instance, error) {
	now, err := c.deps.Instances.Update(ctx, i.ID, func(i *instance.Instance) error {
		if i.Doubtful() && i.Host == "" {
			i.Wanted, i.ClosedAt = false, time.Now()
			i.Reason = instance.Reason{Code: instance.ReasonDisconnected, Sentence: "Closed through the API."}
		}
		return nil
	})
	if err != nil && fault.KindOf(err) != fault.NotFound {
		err = fmt.Errorf("close an instance in doubt: %w", err)
	}
	return now, err
}

// Unlink is Logout for those who do not mind whether there is anything to
// unlink: afterwards there are no keys, and no reason for that but the user's.
func (c *Core) Unlink(ctx context.Context, i instance.Instance) error {
	if i.JID != "" || i.State.Connected() || unsure(i) {
		return c.do(ctx, i, command.Logout, nil, nil)
	}
	return c.Acknowledge(ctx, i)
}

// Acknowledge notes that the user knows why an instance has lost its keys: it
// then stands as one that the user has logged out. It changes no other, least of
// all one that may have its keys.
func (c *Core) Acknowledge(ctx context.Context, i instance.Instance) error {
	over := func(i *instance.Instance) bool {
		return i.JID == "" && !unsure(*i) && (i.State == instance.LoggedOut || i.State == instance.Closed) && i.Reason.Code != instance.ReasonUserLogout
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

// unsure reports whether the keys of an instance without an account may hold one
// all the same: it is in doubt, or was when its user closed it.
func unsure(i instance.Instance) bool {
	return i.Doubtful() || i.State == instance.Closed && i.JID == "" && i.Reason.Code == instance.ReasonDisconnected
}
