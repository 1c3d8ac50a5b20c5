package core

import (
	"context"
	"strings"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// Recover makes sure that an instance is logged in with its stored keys, and
// says whether it was so already. user is the user part of the account's JID
// that the caller expects, "" for any.
//
// Errors are Conflicts with a code: wrong_account, no_keys, logged_out, banned,
// replaced and the other reasons of package instance; Unavailable with the code
// recover_pending when WhatsApp has not answered within 10 s, or proxy codes.
func (c *Core) Recover(ctx context.Context, i instance.Instance, user string) (command.Recovered, error) {
	if user != "" && user != userOf(i.JID) && user != userOf(i.LID) && i.JID != "" {
		return command.Recovered{}, fault.Coded(fault.Conflict, "wrong_account", "The instance is linked to another account.")
	}
	if leaving(i.State) {
		return command.Recovered{}, fault.New(fault.Conflict, "The %q instance is being deleted.", i.Name)
	}
	var out command.Recovered
	err := c.do(ctx, i, command.Recover, nil, &out)
	return out, err
}

// userOf is a JID without device and server.
func userOf(jid string) string {
	user, _, _ := strings.Cut(Account(jid), "@")
	return user
}
