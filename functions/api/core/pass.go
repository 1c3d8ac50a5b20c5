package core

import (
	"context"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/pass"
)

// Pass makes a word that opens one thing of an instance until then: for URLs in
// which its token must not stand.
func (c *Core) Pass(i instance.Instance, thing string, until time.Time) (string, error) {
	return pass.Make(c.deps.Sealer, i.ID, thing, until)
}

// FilePass is where the API at server answers with the file of a message. webID
// names the instance in there.
func (c *Core) FilePass(i instance.Instance, server, webID, message string) (string, error) {
	return pass.FileURL(c.deps.Sealer, server, i.ID, webID, message, time.Now())
}

// Passed returns the instance of which a word opens a thing: Unauthorized when it
// opens nothing, or no longer.
func (c *Core) Passed(ctx context.Context, word, thing string) (instance.Instance, error) {
	refused := fault.New(fault.Unauthorized, "the pass opens nothing")
	id, ok := pass.Open(c.deps.Sealer, word, thing, time.Now())
	if !ok {
		return instance.Instance{}, refused
	}
	i, err := c.deps.Instances.Get(ctx, id)
	if fault.KindOf(err) == fault.NotFound || err == nil && leaving(i.State) {
		return instance.Instance{}, refused
	}
	return i, err
}
