package simulator_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"roost/simulator"
)

// fleetEnv carries, in the environment of the process of light clients, the
// address of the simulator and its root key in hex, one blank between.
const fleetEnv = "SIMULATOR_LIGHT_CLIENTS"

// fleet is a process of light clients: what they take is not counted for the
// simulator. Its methods are the calls of Fleet, the other side.
type fleet struct{ *rpc.Client }

// startFleet starts the process; it ends with the benchmark.
func startFleet(b *testing.B, s *simulator.Simulator, base string) fleet {
	b.Helper()
	root := s.RootPublicKey()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %x", fleetEnv, base, root))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	f := fleet{rpc.NewClient(pipe{stdout, stdin})}
	b.Cleanup(func() {
		_ = f.Close()
		_ = cmd.Wait()
	})
	return f
}

func (f fleet) call(b *testing.B, method string, args, reply any) {
	b.Helper()
	if err := f.Call("Fleet."+method, args, reply); err != nil {
		b.Fatalf("%s: %v", method, err)
	}
}

// pair makes users companions of light clients. Each uploads so many prekeys.
func (f fleet) pair(b *testing.B, users []*simulator.User, preKeys int) {
	b.Helper()
	var none struct{}
	f.call(b, "Make", Order{Clients: len(users), PreKeys: preKeys}, &none)
	inParallel(b, len(users), func(i int) error {
		var code string
		if err := f.Call("Fleet.Show", i, &code); err != nil {
			return err
		}
		waiting := f.Go("Fleet.Pair", i, &none, nil)
		if _, err := users[i].Scan(b.Context(), code); err != nil {
			return err
		}
		if call := <-waiting.Done; call.Error != nil {
			return call.Error
		}
		return f.Call("Fleet.Login", i, &none)
	})
}

// inParallel does something n times, several at once.
func inParallel(b *testing.B, n int, do func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					b.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	workers.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

// Order says which clients to make.
type Order struct{ Clients, PreKeys int }

// Fleet is the side of the process of light clients.
type Fleet struct {
	url      string
	root     [32]byte
	clients  []*light
	received atomic.Int64
	expected atomic.Int64
	complete chan struct{}
}

// Make makes clients that are not connected.
func (f *Fleet) Make(o Order, _ *struct{}) error {
	f.complete = make(chan struct{}, 1)
	f.clients = make([]*light, o.Clients)
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range f.clients {
		f.clients[i] = &light{url: f.url, root: f.root, http: hc, preKeys: o.PreKeys, arrived: f.arrived}
	}
	return nil
}

// Show connects a client and returns its QR code.
func (f *Fleet) Show(i int, code *string) (err error) {
	*code, err = f.clients[i].show(context.Background())
	return err
}

// Pair answers the phone that scans the code.
func (f *Fleet) Pair(i int, _ *struct{}) error { return f.clients[i].pair() }

// Login logs a client in that has been paired.
func (f *Fleet) Login(i int, _ *struct{}) error {
	return f.clients[i].login(context.Background())
}

// LoginAll logs all clients in again.
func (f *Fleet) LoginAll(_ struct{}, _ *struct{}) error {
	var group sync.WaitGroup
	failed := make(chan error, len(f.clients))
	slots := make(chan struct{}, 8)
	for _, l := range f.clients {
		slots <- struct{}{}
		group.Go(func() {
			failed <- l.login(context.Background())
			<-slots
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// DropAll cuts the connections of all clients.
func (f *Fleet) DropAll(_ struct{}, _ *struct{}) error {
	for _, l := range f.clients {
		l.conn.Drop()
	}
	return nil
}

// Expect says how many messages will come from now on.
func (f *Fleet) Expect(n int64, _ *struct{}) error {
	f.received.Store(0)
	f.expected.Store(n)
	return nil
}

// Received returns when all messages that were expected have come.
func (f *Fleet) Received(_ struct{}, _ *struct{}) error {
	<-f.complete
	return nil
}

// Usage is the processor time that the process has used.
func (f *Fleet) Usage(_ struct{}, used *time.Duration) error {
	*used = processorTime()
	return nil
}

func (f *Fleet) arrived() {
	if f.received.Add(1) == f.expected.Load() {
		f.complete <- struct{}{}
	}
}

// runFleet is the process of light clients. It reports whether this is one.
func runFleet() bool {
	var url, root string
	if _, err := fmt.Sscan(os.Getenv(fleetEnv), &url, &root); err != nil {
		return false
	}
	f := &Fleet{url: url}
	if _, err := hex.Decode(f.root[:], []byte(root)); err != nil {
		panic(err)
	}
	server := rpc.NewServer()
	if err := server.Register(f); err != nil {
		panic(err)
	}
	server.ServeConn(pipe{bufio.NewReader(os.Stdin), os.Stdout}) // until the parent closes or is gone
	return true
}

// pipe is a connection made of two one-way ones.
type pipe struct {
	io.Reader
	io.WriteCloser
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
