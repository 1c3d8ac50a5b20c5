package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/shared/queue"
	queuesqlite "roost/shared/queue/sqlite"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
)

// childMode and childPath make the test binary act as another process that has
// the file open; see children.
const (
	childMode = "ROOST_SQLITE_TEST_CHILD"
	childPath = "ROOST_SQLITE_TEST_PATH"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		if err := runChild(mode, os.Getenv(childPath)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// house is one opened file with all that lives in it.
type house struct {
	db     *sqlite.DB
	table  *tablesqlite.Table
	queues *queuesqlite.Queues
}

// openHouse opens without the net under lost signals, so that a lost one shows.
func openHouse(path string) (house, error) {
	return openHouseChecking(path, time.Hour)
}

func openHouseChecking(path string, every time.Duration) (house, error) {
	db, err := sqlite.Open(path, sqlite.Options{CheckEvery: every})
	if err != nil {
		return house{}, err
	}
	return house{db, tablesqlite.New(db), queuesqlite.New(db)}, nil
}

func newHouse(t *testing.T, path string) house {
	t.Helper()
	h, err := openHouse(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

func newPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data", "roost.db")
}

func (h house) queue(t *testing.T, name string) queue.Queue {
	t.Helper()
	q, err := h.queues.Open(t.Context(), name, queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// child is a process started from this binary.
type child struct {
	command *exec.Cmd
	lines   *bufio.Scanner
}

func startChild(t *testing.T, mode, path string) *child {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), childMode+"="+mode, childPath+"="+path)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{command, bufio.NewScanner(stdout)}
	if !c.lines.Scan() || c.lines.Text() != "ready" {
		t.Fatalf("child %s says %q: %v", mode, c.lines.Text(), command.Wait())
	}
	return c
}

func runChild(mode, path string) error {
	every := time.Hour
	if mode == "idle" {
		every = 0 // as in production
	}
	h, err := openHouseChecking(path, every)
	if err != nil {
		return err
	}
	ctx := context.Background()
	run, ok := map[string]func(context.Context, house) error{
		"count": childCount,
		"echo":  childEcho,
		"idle":  childIdle,
		"write": childWrite,
	}[mode]
	if !ok {
		return fmt.Errorf("unknown child %q", mode)
	}
	fmt.Println("ready")
	return errors.Join(run(ctx, h), h.db.Close())
}

func item(partition, sort string) table.Item {
	return table.Item{Key: table.Key{Partition: partition, Sort: sort}}
}
