//go:build unix

package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// On the wire a topic is 8 bytes, and values below firstTopic are for peers.
const (
	topicHello Topic = iota // a process has come: list the directory again
	firstTopic
)

// pokeLimit is how many topics fit a write that the pipe takes whole or not at
// all (POSIX guarantees 512 bytes, Linux 4096; see pipe(7), PIPE_BUF).
const pokeLimit = 512 / 8

// peers are the other processes that have the file open, each behind a named
// pipe that it reads. A pipe rather than a socket, because a socket's path may
// have 107 bytes only.
type peers struct {
	dir     string
	own     string
	pipe    *os.File
	publish func([]Topic)
	ended   chan struct{}

	mu      sync.Mutex // guards what follows
	writers map[string]int
	buf     []byte
}

// openPeers joins the directory and calls publish for what others touch. The
// own pipe is in place before others are told, and they are told after it can
// be found, so of two that come together at least one sees the other.
func openPeers(dir string, publish func([]Topic)) (*peers, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%d-%08x", os.Getpid(), rand.Uint32()) //nolint:gosec // a name, not a secret
	p := &peers{
		dir:     dir,
		own:     name,
		publish: publish,
		ended:   make(chan struct{}),
		writers: make(map[string]int),
	}
	hidden := filepath.Join(dir, "."+name)
	if err := syscall.Mkfifo(hidden, 0o600); err != nil {
		return nil, fmt.Errorf("make pipe %s: %w", hidden, err)
	}
	// Reading and writing, so that the pipe never reports its end.
	fd, err := syscall.Open(hidden, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open pipe %s: %w", hidden, err), os.Remove(hidden))
	}
	p.pipe = os.NewFile(uintptr(fd), hidden)
	// A pipe without a reader counts as dead and is removed, so it gets its
	// name only now.
	if err := os.Rename(hidden, filepath.Join(dir, name)); err != nil {
		return nil, errors.Join(err, p.pipe.Close(), os.Remove(hidden))
	}
	p.mu.Lock()
	p.list()
	p.mu.Unlock()
	p.poke([]Topic{topicHello})
	go p.read()
	return p, nil
}

// poke tells every peer which topics were touched. A peer whose pipe is full is
// skipped: it is behind by thousands of signals and will check by itself.
func (p *peers) poke(touched []Topic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(touched) > 0 && len(p.writers) > 0 {
		n := min(len(touched), pokeLimit)
		p.buf = p.buf[:0]
		for _, topic := range touched[:n] {
			p.buf = binary.LittleEndian.AppendUint64(p.buf, uint64(topic))
		}
		for name, fd := range p.writers {
			_, err := syscall.Write(fd, p.buf)
			if errors.Is(err, syscall.EPIPE) {
				p.drop(name)
			}
		}
		touched = touched[n:]
	}
}

func (p *peers) close() error {
	removeErr := os.Remove(filepath.Join(p.dir, p.own))
	err := errors.Join(removeErr, p.pipe.Close())
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, fd := range p.writers {
		_ = syscall.Close(fd)
		delete(p.writers, name)
	}
	return err
}

func (p *peers) read() {
	defer close(p.ended)
	buf := make([]byte, 8*pokeLimit)
	topics := make([]Topic, 0, pokeLimit)
	for {
		// Every write is a multiple of 8 and whole, so every read is too.
		n, err := p.pipe.Read(buf)
		if err != nil {
			return
		}
		topics = topics[:0]
		hello := false
		for word := buf[:n]; len(word) >= 8; word = word[8:] {
			if topic := Topic(binary.LittleEndian.Uint64(word)); topic == topicHello {
				hello = true
			} else {
				topics = append(topics, topic)
			}
		}
		if hello {
			p.mu.Lock()
			p.list()
			p.mu.Unlock()
		}
		p.publish(topics)
	}
}

// list opens the pipes it does not know and removes those of the dead.
func (p *peers) list() {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if _, known := p.writers[name]; known || name == p.own || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(p.dir, name)
		fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		switch {
		case err == nil:
			p.writers[name] = fd
		case errors.Is(err, syscall.ENXIO): // nobody reads
			_ = os.Remove(path)
		}
	}
}

func (p *peers) drop(name string) {
	_ = syscall.Close(p.writers[name])
	delete(p.writers, name)
	_ = os.Remove(filepath.Join(p.dir, name))
}
