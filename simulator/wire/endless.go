package wire

import (
	"context"
	"time"
)

// endless is the context of a connection's reads and writes: never done, for the
// connection has its own bounds. A context that can end costs websocket some
// allocations for each message; one derived from the request would
// keep the request's values for as long as the connection lives.
type endless struct{}

var _ context.Context = endless{}

func (endless) Deadline() (time.Time, bool) { return time.Time{}, false }
func (endless) Done() <-chan struct{}       { return nil }
func (endless) Err() error                  { return nil }
func (endless) Value(any) any               { return nil }
