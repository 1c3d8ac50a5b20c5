package wire

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	waBinary "go.mau.fi/whatsmeow/binary"
)

// BenchmarkWrite is one connection: a server writes, a client reads. Both are
// counted. Packed leaves out the encoding, which a fan-out does once.
func BenchmarkWrite(b *testing.B) {
	n := stanza("3EB0C767D097B7C7C030", 1024)
	packed, err := waBinary.Marshal(n)
	if err != nil {
		b.Fatal(err)
	}
	for name, write := range map[string]func(c *Conn) error{
		"node":   func(c *Conn) error { return c.Write(n) },
		"packed": func(c *Conn) error { return c.WritePacked(packed) },
	} {
		b.Run(name, func(b *testing.B) {
			server, client := connect(b, Options{}, Dialer{})
			b.ReportAllocs()
			b.SetBytes(int64(len(packed)))
			flow(b, server, client, write, b.N)
		})
	}
}

// BenchmarkRead is receipts from a client to a server.
func BenchmarkRead(b *testing.B) {
	packed, err := waBinary.Marshal(receipt())
	if err != nil {
		b.Fatal(err)
	}
	server, client := connect(b, Options{}, Dialer{})
	b.ReportAllocs()
	flow(b, client, server, func(c *Conn) error { return c.WritePacked(packed) }, b.N)
}

func flow(b *testing.B, from, to *Conn, write func(*Conn) error, count int) {
	b.Helper()
	failed := make(chan error, 1)
	go func() {
		for range count {
			if err := write(from); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	for range count {
		if _, err := to.Read(); err != nil {
			b.Error(err)
			break
		}
	}
	if err := <-failed; err != nil {
		b.Error(err)
	}
}

// BenchmarkSeal and BenchmarkUnpack are Write's and Read's own shares.
func BenchmarkSeal(b *testing.B) {
	packed, err := waBinary.Marshal(stanza("3EB0C767D097B7C7C030", 1024))
	if err != nil {
		b.Fatal(err)
	}
	d, err := newDirection(make([]byte, keySize))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		buf := buffers.Get().(*[]byte)
		*buf = d.seal(appendLength(*buf, len(packed)+tagSize), packed, nil)
		putBuffer(buf)
	}
}

func BenchmarkUnpack(b *testing.B) {
	for name, n := range map[string]Node{"message": stanza("3EB0C767D097B7C7C030", 1024), "receipt": receipt()} {
		packed, err := waBinary.Marshal(n)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := unpack(packed); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/check", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := checkNode(packed[1:]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/pack", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pack(n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func receipt() Node {
	n := stanza("3EB0C767D097B7C7C030", 0)
	n.Tag, n.Content = "receipt", nil
	return n
}

// BenchmarkHandshake is both sides, certificate check included.
func BenchmarkHandshake(b *testing.B) {
	url, results := listen(b, Options{})
	b.ReportAllocs()
	for b.Loop() {
		client, err := Dial(b.Context(), url, Dialer{Root: *testRoot.Pub})
		if err != nil {
			b.Fatal(err)
		}
		mustAccept(b, results).Drop()
		client.Drop()
	}
}

// BenchmarkLoad is the simulator's target: an operation is a message of 1 KiB to
// one of 1,000 connections and its receipt, client half included.
func BenchmarkLoad(b *testing.B) {
	const conns = 1000
	message, err := waBinary.Marshal(stanza("3EB0C767D097B7C7C030", 1024))
	if err != nil {
		b.Fatal(err)
	}
	answer, err := waBinary.Marshal(receipt())
	if err != nil {
		b.Fatal(err)
	}
	url, results := listen(b, Options{})
	servers := make([]*Conn, conns)
	var read atomic.Int64
	answered := make(chan struct{})
	for i := range servers {
		client, err := Dial(b.Context(), url, Dialer{Root: *testRoot.Pub})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(client.Drop)
		server := mustAccept(b, results)
		servers[i] = server
		go func() {
			for {
				if _, err := client.Read(); err != nil {
					return
				}
				if err := client.WritePacked(answer); err != nil {
					return
				}
			}
		}()
		go func() {
			for {
				if _, err := server.Read(); err != nil {
					return
				}
				if read.Add(1) == int64(b.N) {
					close(answered)
				}
			}
		}()
	}
	b.ReportAllocs()
	b.ResetTimer()
	var writers sync.WaitGroup
	for w := range runtime.GOMAXPROCS(0) {
		writers.Go(func() {
			for i := w; i < b.N; i += runtime.GOMAXPROCS(0) {
				if err := servers[i%conns].WritePacked(message); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	<-answered
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
}

const (
	idleConns = 1000
	idleEnv   = "WIRE_IDLE_CLIENTS" // URL and root key in hex, one blank between
)

// BenchmarkIdle reports what the server's side of an idle connection takes, one
// reading goroutine included; the clients are another process. An operation is
// making the 1,000 connections.
func BenchmarkIdle(b *testing.B) {
	url, results := listen(b, Options{})
	for range b.N {
		before := measure()
		cmd := exec.CommandContext(b.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %x", idleEnv, url, *testRoot.Pub))
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
		var readers sync.WaitGroup
		conns := make([]*Conn, idleConns)
		for i := range conns {
			conns[i] = mustAccept(b, results)
			mustRead(b, conns[i], receipt())
			readers.Go(func() { _, _ = conns[i].Read() })
		}
		if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			b.Fatal(err)
		}
		after := measure()
		b.ReportMetric(float64(after.heap-before.heap)/idleConns, "heap-B/conn")
		b.ReportMetric(float64(after.stack-before.stack)/idleConns, "stack-B/conn")
		b.ReportMetric(float64(after.goroutines-before.goroutines)/idleConns, "goroutines/conn")
		for _, c := range conns {
			c.Drop()
		}
		readers.Wait()
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

type memory struct{ heap, stack, goroutines int64 }

func measure() memory {
	for range 3 { // a sync.Pool survives two collections
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{int64(m.HeapAlloc), int64(m.StackInuse), int64(runtime.NumGoroutine())}
}

// dialIdleAndExit is the client process of BenchmarkIdle.
func dialIdleAndExit() bool {
	var url, root string
	if _, err := fmt.Sscan(os.Getenv(idleEnv), &url, &root); err != nil {
		return false
	}
	var d Dialer
	if _, err := hex.Decode(d.Root[:], []byte(root)); err != nil {
		panic(err)
	}
	conns := make([]*Conn, idleConns)
	for i := range conns {
		c, err := Dial(context.Background(), url, d)
		if err == nil {
			err = c.Write(receipt())
		}
		if err != nil {
			panic(err)
		}
		conns[i] = c
	}
	fmt.Println("connected")
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(conns)
	return true
}
