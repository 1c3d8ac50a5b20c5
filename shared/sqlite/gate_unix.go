//go:build unix

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// gate lets one writer at a time through among all processes. SQLite's own lock
// would do the same by sleeping and trying again; this one is handed over by
// the kernel and is let go when its holder dies.
type gate struct{ file *os.File }

func openGate(path string) (*gate, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &gate{file}, nil
}

func (g *gate) lock() error {
	for {
		err := syscall.Flock(int(g.file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (g *gate) unlock() { _ = syscall.Flock(int(g.file.Fd()), syscall.LOCK_UN) }

func (g *gate) close() error { return g.file.Close() }
