// Package proxytest is proxies to test against: a socks5 and an http one that
// count what goes through them.
package proxytest

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server is a proxy on this machine.
type Server struct {
	Protocol           string
	Username, Password string // "" admits everybody

	listener net.Listener
	mu       sync.Mutex
	dialled  []string
	refused  int
	conns    map[net.Conn]bool
}

// Start runs a proxy until the test ends.
func Start(t *testing.T, protocol, username, password string) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // of a test
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Protocol: protocol, Username: username, Password: password, listener: listener, conns: map[net.Conn]bool{}}
	t.Cleanup(s.Stop)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.hold(conn)
			go s.serve(conn)
		}
	}()
	return s
}

// Port is where it listens, on 127.0.0.1.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Stop ends it and every tunnel.
func (s *Server) Stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Dialled are the targets that were asked for and reached, in order.
func (s *Server) Dialled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.dialled...)
}

// Refused is how many came with wrong credentials.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *Server) hold(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	if s.Protocol == "socks5" {
		s.socks(conn, reader)
		return
	}
	s.http(conn, reader)
}

func (s *Server) admit(username, password string) bool {
	ok := s.Username == "" || username == s.Username && password == s.Password
	if !ok {
		s.mu.Lock()
		s.refused++
		s.mu.Unlock()
	}
	return ok
}

func (s *Server) socks(conn net.Conn, r *bufio.Reader) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil || head[0] != 5 {
		return
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(r, methods); err != nil {
		return
	}
	if s.Username == "" {
		_, _ = conn.Write([]byte{5, 0})
	} else {
		offered := false
		for _, m := range methods {
			offered = offered || m == 2
		}
		if !offered {
			s.admit("", "")
			_, _ = conn.Write([]byte{5, 0xff})
			return
		}
		_, _ = conn.Write([]byte{5, 2})
		username, password, ok := credentials(r)
		if !ok {
			return
		}
		if !s.admit(username, password) {
			_, _ = conn.Write([]byte{1, 1})
			return
		}
		_, _ = conn.Write([]byte{1, 0})
	}
	target, ok := address(r)
	if !ok {
		return
	}
	out := s.dial(target)
	if out == nil {
		_, _ = conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	pipe(conn, r, out)
}

func credentials(r io.Reader) (username, password string, ok bool) {
	version := make([]byte, 1)
	if _, err := io.ReadFull(r, version); err != nil {
		return "", "", false
	}
	username, ok = counted(r)
	if !ok {
		return "", "", false
	}
	password, ok = counted(r)
	return username, password, ok
}

func counted(r io.Reader) (string, bool) {
	n := make([]byte, 1)
	if _, err := io.ReadFull(r, n); err != nil {
		return "", false
	}
	text := make([]byte, n[0])
	_, err := io.ReadFull(r, text)
	return string(text), err == nil
}

func address(r io.Reader) (string, bool) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", false
	}
	var host string
	switch head[3] {
	case 1, 4:
		ip := make([]byte, map[byte]int{1: 4, 4: 16}[head[3]])
		if _, err := io.ReadFull(r, ip); err != nil {
			return "", false
		}
		host = net.IP(ip).String()
	default:
		var ok bool
		if host, ok = counted(r); !ok {
			return "", false
		}
	}
	port := make([]byte, 2)
	_, err := io.ReadFull(r, port)
	return net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port)))), err == nil
}

func (s *Server) http(conn net.Conn, r *bufio.Reader) {
	request, err := http.ReadRequest(r)
	if err != nil || request.Method != http.MethodConnect {
		return
	}
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(request.Header.Get("Proxy-Authorization"), "Basic "))
	username, password, _ := strings.Cut(string(raw), ":")
	if !s.admit(username, password) {
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	out := s.dial(request.Host)
	if out == nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	pipe(conn, r, out)
}

func (s *Server) dial(target string) net.Conn {
	out, err := net.Dial("tcp", target) //nolint:noctx // of a test
	if err != nil {
		return nil
	}
	s.hold(out)
	s.mu.Lock()
	s.dialled = append(s.dialled, target)
	s.mu.Unlock()
	return out
}

func pipe(conn net.Conn, r io.Reader, out net.Conn) {
	go func() {
		_, _ = io.Copy(out, r)
		_ = out.Close()
		_ = conn.Close()
	}()
	_, _ = io.Copy(conn, out)
	_ = out.Close()
}
