package sqlite

import "sync/atomic"

const (
	// checkpointAfter is how many statements the log takes before it is copied
	// into the file. Each writes a few pages.
	checkpointAfter = 2000
	// finishAbove is the length of the log, in pages of 4 KiB, above which the
	// writer waits for the last of it to be copied, so that the log begins anew.
	finishAbove = 3000
)

// checkpoints copy the log into the file beside the writer, which goes on. Only
// a log that has been copied wholly can begin anew, and under load the writer is
// always ahead; so once the bulk is done the writer copies what is left.
type checkpoints struct {
	dsn      string
	broken   func() error // what the log holds may not be copied
	executed int          // since the last one was asked for; of the writer
	due      chan struct{}
	rest     atomic.Bool // the writer is to copy what is left
	done     chan error
}

func newCheckpoints(dsn string, broken func() error) *checkpoints {
	c := &checkpoints{dsn: dsn, broken: broken, due: make(chan struct{}, 1), done: make(chan error, 1)}
	go func() { c.done <- c.run() }()
	return c
}

// committed counts what the writer did.
func (c *checkpoints) committed(statements int) {
	if c.executed += statements; c.executed < checkpointAfter {
		return
	}
	c.executed = 0
	select {
	case c.due <- struct{}{}:
	default:
	}
}

// finish copies what is left, on the writer's connection, between two groups.
func (c *checkpoints) finish(writer *Conn) {
	if c.rest.Load() && c.rest.CompareAndSwap(true, false) {
		_, _ = checkpoint(writer) // whatever it could not copy is copied next time
	}
}

// run is the goroutine. A checkpoint that fails is made up for by the next, and
// at the latest by SQLite's own in the writer.
func (c *checkpoints) run() error {
	var conn *Conn
	for range c.due {
		if c.broken() != nil {
			continue
		}
		if conn == nil {
			opened, err := connect(c.dsn)
			if err != nil {
				continue
			}
			conn = opened
		}
		if pages, err := checkpoint(conn); err == nil && pages > finishAbove {
			c.rest.Store(true)
		}
	}
	if conn == nil {
		return nil
	}
	return conn.close()
}

// checkpoint copies as much of the log as no reader needs, without waiting for
// anyone, and returns the log's length in pages.
func checkpoint(conn *Conn) (pages int64, err error) {
	err = conn.Query("PRAGMA wal_checkpoint(PASSIVE)", func(r Row) bool {
		pages = r.Int(1)
		return true
	})
	return pages, err
}

func (c *checkpoints) close() error {
	close(c.due)
	return <-c.done
}
