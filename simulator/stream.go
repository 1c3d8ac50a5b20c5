package simulator

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// closeGrace is how long the server leaves a connection open after a stanza
// that ends it: whatsmeow loses the stanza about half the time when the close
// follows at once.
const closeGrace = time.Second

// stream is one client connection. Its read loop runs in run; what is
// said to the client goes through push, which keeps the order of its callers.
type stream struct {
	sim    *Simulator
	conn   *wire.Conn
	device atomic.Pointer[device] // set once by login
	reg    *waWa6.ClientPayload_DevicePairingRegistrationData
	pair   *pairing // owned by pairing.go
	rude   *rude    // owned by the writing goroutine

	available atomic.Bool // the client has said it is there: presence available
	replaced  atomic.Bool // told that another connection has taken over

	out outbox
}

// outbox is what waits to be written. One goroutine at a time writes, started
// by whoever finds nobody writing, so that an idle connection costs none.
type outbox struct {
	sync.Mutex
	box     []wire.Node
	spare   []wire.Node
	writing bool
	last    bool                 // cut the socket when everything is written
	asked   map[string]time.Time // iqs of the server that wait for an answer
	held    []wire.Node          // acks that a fault keeps back
	waiters []chan struct{}
}

func (s *Simulator) serveSocket(w http.ResponseWriter, r *http.Request) {
	if !s.faults.dial(w, r) {
		return
	}
	conn, err := wire.Accept(w, r, s.authority, wire.Options{
		Compress: s.Knobs().Compression,
		At:       s.faults.handshake,
	})
	if err != nil {
		if errors.Is(err, wire.ErrMalformed) {
			s.violations.add(Malformed, types.EmptyJID, err.Error())
		}
		s.log.DebugContext(r.Context(), "handshake ended", "err", err)
		return
	}
	st := &stream{sim: s, conn: conn, reg: conn.Payload().GetDevicePairingData()}
	if !s.enter(st) {
		conn.Drop()
		return
	}
	go st.run() // and not here: what HTTP keeps of the request is free then
}

func (st *stream) run() {
	defer st.sim.leave(st)
	defer func() {
		if p := recover(); p != nil { // it ends this client only, as in any handler of net/http
			slog.Default().Error("panic while serving a client", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	switch payload := st.conn.Payload(); {
	case payload.GetUserAgent().GetAppVersion().GetTertiary() < st.sim.Knobs().MinRevision:
		st.end(failure(405))
	case st.reg != nil:
		st.beginPairing()
	default:
		st.login(payload)
	}
	st.read()
}

func (s *Simulator) enter(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.streams[st] = struct{}{}
	s.idle.Add(1)
	s.live.Add(1)
	return true
}

func (s *Simulator) leave(st *stream) {
	st.conn.Drop()
	st.endPairing()
	if d := st.device.Load(); d != nil {
		if d.detach(st) {
			d.tellOffline()
		}
		d.user.noteOffline(d)
	}
	s.mu.Lock()
	delete(s.streams, st)
	s.mu.Unlock()
	st.stir()
	s.live.Add(-1)
	s.idle.Done()
}

func (st *stream) read() {
	for {
		n, err := st.conn.Read()
		if err != nil {
			if errors.Is(err, wire.ErrMalformed) {
				st.violate(Malformed, "%v", err)
			} else if !errors.Is(err, io.EOF) {
				st.sim.log.Debug("connection ended", "err", err)
			}
			return
		}
		switch st.sim.faults.received(st, n) {
		case proceed:
			st.receive(n)
		case cutBefore:
			return
		case cutAfter:
			st.receive(n)
			return
		}
	}
}

// push says something to the client, after all that was pushed before. It
// never blocks and never fails: what a dead connection swallows is either owed
// by the queue or of no use any more.
func (st *stream) push(nodes ...wire.Node) {
	st.out.Lock()
	defer st.out.Unlock()
	st.out.box = append(st.out.box, nodes...)
	if st.out.writing {
		return
	}
	st.out.writing = true
	st.sim.idle.Add(1)
	go st.write()
}

// send pushes something the queue owes. The device's mutex is held.
func (st *stream) send(o *owed) {
	o.on, o.at = st, time.Now()
	st.push(o.node)
}

func (st *stream) write() {
	defer st.sim.idle.Done()
	for {
		st.out.Lock()
		if len(st.out.box) == 0 {
			st.out.writing = false
			last := st.out.last
			st.out.Unlock()
			if last {
				st.cut()
			}
			st.stir()
			return
		}
		batch := st.out.box
		st.out.box = st.out.spare[:0]
		st.out.Unlock()
		if err := st.writeAll(batch); err != nil {
			st.cut()
		}
		clear(batch)
		st.out.Lock()
		st.out.spare = batch[:0]
		st.out.Unlock()
	}
}

// writeAll writes a batch, in one go unless a fault or noise has to touch each
// stanza on its way.
func (st *stream) writeAll(batch []wire.Node) error {
	if st.plain() {
		st.sim.written(batch)
		return st.conn.Write(batch...)
	}
	for _, n := range batch {
		st.sim.written([]wire.Node{n})
		if err := st.writeRudely(n); err != nil {
			return err
		}
	}
	return nil
}

// ask pushes an iq of the server and counts it as unanswered until the client
// answers.
func (st *stream) ask(iq wire.Node) string {
	id := st.sim.stanzaID()
	iq.Tag = "iq"
	iq.Attrs["id"], iq.Attrs["from"] = id, types.ServerJID
	st.out.Lock()
	if st.out.asked == nil {
		st.out.asked = map[string]time.Time{}
	}
	st.out.asked[id] = time.Now()
	st.out.Unlock()
	st.push(iq)
	return id
}

// answered notes that the client has answered an iq of the server.
func (st *stream) answered(id string) bool {
	st.out.Lock()
	_, ok := st.out.asked[id]
	delete(st.out.asked, id)
	st.out.Unlock()
	st.stir()
	return ok
}

// end says the last words of a session and closes the connection once the
// client had time to read them.
func (st *stream) end(n wire.Node) {
	st.push(n)
	if st.sim.faults.closeAtOnce(st) {
		st.out.Lock()
		st.out.last = true
		st.out.Unlock()
		return
	}
	timer := time.AfterFunc(closeGrace, st.cut)
	go func() {
		<-st.conn.Done()
		timer.Stop()
	}()
}

func (st *stream) cut() { st.conn.Drop() }

// owed counts what the client has yet to answer on this connection, and what
// it has yet to be told.
func (st *stream) owed() int {
	st.out.Lock()
	n := len(st.out.box) + len(st.out.asked)
	if st.out.writing {
		n++
	}
	st.out.Unlock()
	if d := st.device.Load(); d != nil {
		d.mu.Lock()
		n += d.queue.sentOn(st)
		d.mu.Unlock()
		n += int(d.busy.Load())
	}
	return n
}

// quiet is closed at the next change of what owed counts.
func (st *stream) quiet() <-chan struct{} {
	c := make(chan struct{})
	st.out.Lock()
	st.out.waiters = append(st.out.waiters, c)
	st.out.Unlock()
	if st.owed() == 0 { // it may have changed since the caller looked
		st.stir()
	}
	return c
}

func (st *stream) stir() {
	st.out.Lock()
	waiters := st.out.waiters
	st.out.waiters = nil
	st.out.Unlock()
	for _, c := range waiters {
		close(c)
	}
}

// reportOverdue records what the client has left unanswered for longer than
// limit, once.
func (st *stream) reportOverdue(limit time.Duration) {
	var overdue []string
	st.out.Lock()
	for id, at := range st.out.asked {
		if time.Since(at) > limit {
			overdue = append(overdue, "iq "+id)
			delete(st.out.asked, id)
		}
	}
	st.out.Unlock()
	if d := st.device.Load(); d != nil {
		d.mu.Lock()
		for _, o := range d.queue.order {
			if o != nil && o.on == st && time.Since(o.at) > limit {
				overdue = append(overdue, o.class+" "+o.id)
				o.on = nil
			}
		}
		d.mu.Unlock()
	}
	for _, what := range overdue {
		st.violate(Unanswered, "%s not answered in %s", what, limit)
	}
}

func (st *stream) violate(kind, format string, args ...any) {
	var who types.JID
	if d := st.device.Load(); d != nil {
		who = d.pn()
	}
	st.sim.violations.add(kind, who, fmt.Sprintf(format, args...))
}

// result answers an iq of the client.
func (st *stream) result(request *wire.Node, children ...wire.Node) {
	answer := wire.Node{Tag: "iq", Attrs: wire.Attrs{"id": request.Attrs["id"], "type": "result", "from": addressee(request)}}
	if len(children) > 0 {
		answer.Content = children
	}
	st.push(answer)
}

// refuse answers an iq of the client with an error such as 404 item-not-found.
func (st *stream) refuse(request *wire.Node, code int, text string) {
	st.push(wire.Node{
		Tag:     "iq",
		Attrs:   wire.Attrs{"id": request.Attrs["id"], "type": "error", "from": addressee(request)},
		Content: []wire.Node{{Tag: "error", Attrs: wire.Attrs{"code": code, "text": text}}},
	})
}

func addressee(request *wire.Node) types.JID {
	if to, ok := request.Attrs["to"].(types.JID); ok {
		return to
	}
	return types.ServerJID
}

func now() string { return strconv.FormatInt(time.Now().Unix(), 10) }
