//go:build !unix

package sqlite

// gate does nothing here: SQLite's own lock and its busy timeout serve.
type gate struct{}

func openGate(string) (*gate, error) { return &gate{}, nil }

func (*gate) lock() error { return nil }

func (*gate) unlock() {}

func (*gate) close() error { return nil }
