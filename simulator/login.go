package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/proto/waWa6"

	"roost/simulator/wire"
)

// oldSocketGrace is how long a device's other connection may take to be seen
// as closed before a second one counts as a violation: a client that closes
// one socket and opens another may be overtaken by its own packets.
const oldSocketGrace = 250 * time.Millisecond

// login admits a companion, or says why not and leaves the connection to the
// client to close.
func (st *stream) login(payload *waWa6.ClientPayload) {
	s := st.sim
	s.mu.RLock()
	d := s.byNoise[st.conn.StaticKey()]
	s.mu.RUnlock()
	if failure, ok := s.faults.refuseLogin(d, payload); ok {
		st.end(failure)
		return
	}
	if d == nil || strconv.FormatUint(payload.GetUsername(), 10) != d.user.pn.User || payload.GetDevice() != uint32(d.id) {
		st.end(failure(401))
		return
	}
	if !st.takeOver(d) {
		st.end(failure(401))
		return
	}
	s.logins.Add(1)
	d.mu.Lock()
	owed := d.queue.len()
	d.mu.Unlock()
	st.push(
		wire.Node{Tag: "success", Attrs: wire.Attrs{
			"t": now(), "props": "27", "location": "sim", "lid": d.lid(), "creation": strconv.FormatInt(st.sim.began.Unix(), 10),
		}},
		wire.Node{Tag: "ib", Content: []wire.Node{{Tag: "offline_preview", Attrs: wire.Attrs{
			"count": owed, "message": owed, "notification": 0, "receipt": 0, "appdata": 0,
		}}}},
	)
}

func failure(reason int) wire.Node {
	return wire.Node{Tag: "failure", Attrs: wire.Attrs{"reason": reason, "location": "sim"}}
}

// takeOver makes st the device's connection. Another one that is still open is
// told that it was replaced; that there was one is a violation.
func (st *stream) takeOver(d *device) bool {
	d.mu.Lock()
	old := d.stream
	d.mu.Unlock()
	if old != nil {
		timer := time.NewTimer(oldSocketGrace)
		select {
		case <-old.conn.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	d.mu.Lock()
	if d.removed {
		d.mu.Unlock()
		return false
	}
	old = d.stream
	d.stream, d.active = st, false
	st.device.Store(d)
	d.mu.Unlock()
	if old == nil {
		return true
	}
	select {
	case <-old.conn.Done():
	default:
		st.violate(TwoSockets, "device %s logged in while its other connection was open", d.pn())
		old.replace()
	}
	return true
}

// replace tells a connection that another one has taken over.
func (st *stream) replace() {
	st.replaced.Store(true)
	st.end(wire.Node{Tag: "stream:error", Content: []wire.Node{{Tag: "conflict", Attrs: wire.Attrs{"type": "replaced"}}}})
}

// becomeActive starts the flow of messages. It is the client's word that it
// has uploaded its keys, so the phone can send it the first sync now.
func (st *stream) becomeActive(n *wire.Node) {
	d := st.device.Load()
	defer d.beginWork()() // Settle must not look before the phone has said welcome
	st.result(n)
	d.tellOnline()
	d.flush(st)
	d.repeatDirty(st)
	d.mu.Lock()
	first := !d.welcomed
	d.welcomed = true
	d.mu.Unlock()
	if first {
		d.user.welcome(d)
	}
	d.user.noteOnline(d)
}

func (st *stream) becomePassive(n *wire.Node) {
	d := st.device.Load()
	d.mu.Lock()
	if d.stream == st {
		d.active = false
	}
	d.mu.Unlock()
	st.result(n)
}

func (st *stream) ping(n *wire.Node) {
	if !st.sim.faults.ignorePing(st) {
		st.result(n)
	}
}

// removeCompanion is a client that logs itself out.
func (st *stream) removeCompanion(n *wire.Node) {
	target := child(n, "remove-companion-device")
	jid, ok := jidAttr(&target, "jid")
	d := st.device.Load()
	if d == nil || !ok || jid.User != d.user.pn.User && jid.User != d.user.lid.User {
		st.refuse(n, 403, "forbidden")
		return
	}
	st.result(n)
	if gone := d.user.device(jid.Device); gone != nil && gone.handset == nil {
		gone.remove()
	}
}

// serveVersion is the page that clients read the current version from.
func (s *Simulator) serveVersion(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if skew := s.Knobs().DateSkewSeconds; skew != 0 {
		w.Header().Set("Date", time.Now().Add(time.Duration(skew)*time.Second).UTC().Format(http.TimeFormat))
	}
	_, _ = fmt.Fprintf(w, `<!doctype html><title>WhatsApp Web</title><script>requireLazy({"server_revision":%[1]d,"client_revision":%[1]d,"tier":"sim"})</script>`, s.cfg.ClientRevision)
}
