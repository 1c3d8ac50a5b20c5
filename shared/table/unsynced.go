package table

import "context"

type unsynced struct{}

// Unsynced marks what is written with the context as something that the writer
// does again should a loss of power undo it, since what it comes from is durable
// and goes only afterwards: a message that is still on its queue. A table on one
// machine may then answer before its disk has. The end of the process undoes
// nothing, and what is durable later is so only together with what was written
// before.
func Unsynced(ctx context.Context) context.Context {
	return context.WithValue(ctx, unsynced{}, true)
}

// IsUnsynced tells a table's adapter whether a context is marked.
func IsUnsynced(ctx context.Context) bool { return ctx.Value(unsynced{}) != nil }
