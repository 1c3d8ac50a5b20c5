package simulator

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow/proto/waWa6"

	"roost/simulator/media"
	"roost/simulator/wire"
)

// faults are those that wait for their occasion.
type faults struct {
	count atomic.Int64 // of rules, so that a simulator without faults pays nothing
	mu    sync.Mutex
	rules []*rule
}

type rule struct {
	Fault
	since time.Time
}

// verdict is what to do with a stanza of the client.
type verdict int

const (
	proceed verdict = iota
	cutBefore
	cutAfter
)

func newFaults() *faults { return &faults{} }

func (f *faults) add(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &rule{Fault: fault, since: time.Now()})
	f.count.Store(int64(len(f.rules)))
}

// clear removes the rules of a number, or all, optionally of one name only.
func (f *faults) clear(number, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = slices.DeleteFunc(f.rules, func(r *rule) bool {
		return (number == "" || r.Number == number) && (name == "" || r.Fault.Fault == name)
	})
	f.count.Store(int64(len(f.rules)))
}

func (f *faults) list() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Fault, len(f.rules))
	for i, r := range f.rules {
		out[i] = r.Fault
	}
	return out
}

// take asks whether a fault happens now, to this number, on this stanza, and
// counts it.
func (f *faults) take(name, number, tag string) (Fault, bool) {
	if f.count.Load() == 0 {
		return Fault{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, r := range f.rules {
		if r.Fault.Fault != name || r.Number != "" && r.Number != number || r.Tag != "" && r.Tag != tag {
			continue
		}
		if timed := name == Ban || name == Outage; timed && r.Seconds > 0 && time.Since(r.since) > r.duration() {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		if r.Times > 0 {
			if r.Times--; r.Times == 0 {
				f.rules = slices.Delete(f.rules, i, i+1)
				f.count.Store(int64(len(f.rules)))
			}
		}
		return r.Fault, true
	}
	return Fault{}, false
}

func (st *stream) number() string {
	if d := st.device.Load(); d != nil {
		return d.user.pn.User
	}
	return ""
}

// dial reports whether a connection attempt goes on; if not, it is answered.
func (f *faults) dial(w http.ResponseWriter, r *http.Request) bool {
	if _, ok := f.take(Outage, "", ""); ok {
		http.Error(w, "service unavailable", http.StatusServiceUnavailable)
		return false
	}
	if fault, ok := f.take(RefuseDial, "", ""); ok {
		http.Error(w, http.StatusText(fault.Code), fault.Code)
		return false
	}
	if fault, ok := f.take(DelayDial, "", ""); ok {
		timer := time.NewTimer(fault.duration())
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return false
		}
	}
	return true
}

// handshake cuts a socket in the middle of the handshake.
func (f *faults) handshake(step wire.Step) error {
	name := map[wire.Step]string{wire.StepUpgraded: DropUpgraded, wire.StepClientHello: DropHello, wire.StepClientFinish: DropFinish}[step]
	if _, ok := f.take(name, "", ""); ok {
		return errFault
	}
	return nil
}

// refuseLogin gives the stanza that a login fails with.
func (f *faults) refuseLogin(d *device, _ *waWa6.ClientPayload) (wire.Node, bool) {
	number := ""
	if d != nil {
		number = d.user.pn.User
	}
	if fault, ok := f.take(Ban, number, ""); ok {
		n := failure(402)
		n.Attrs["code"], n.Attrs["expire"] = fault.Code, strconv.Itoa(int(fault.Seconds))
		return n, true
	}
	if _, ok := f.take(Outdated, number, ""); ok {
		return failure(405), true
	}
	if fault, ok := f.take(RefuseLogin, number, ""); ok {
		return failure(fault.Code), true
	}
	return wire.Node{}, false
}

// received says what to do with a stanza of the client.
func (f *faults) received(st *stream, n *wire.Node) verdict {
	if _, ok := f.take(DropBefore, st.number(), n.Tag); ok {
		return cutBefore
	}
	if _, ok := f.take(DropAfter, st.number(), n.Tag); ok {
		return cutAfter
	}
	return proceed
}

func (f *faults) closeAtOnce(st *stream) bool {
	_, ok := f.take(CloseAtOnce, st.number(), "")
	return ok
}

func (f *faults) breakHMAC(number string) bool {
	_, ok := f.take(BreakHMAC, number, "")
	return ok
}

func (f *faults) noPreKeys(number string) bool {
	_, ok := f.take(NoPreKeys, number, "")
	return ok
}

// refuseKeys gives the error that a request for prekeys ends with.
func (f *faults) refuseKeys(st *stream) (int, bool) {
	fault, ok := f.take(RefuseKeys, st.number(), "iq")
	return fault.Code, ok
}

func (f *faults) ignorePing(st *stream) bool {
	_, ok := f.take(IgnorePings, st.number(), "iq")
	return ok
}

func (f *faults) refuseMessage(from *device) (string, bool) {
	fault, ok := f.take(RefuseMessage, from.user.pn.User, "message")
	return strconv.Itoa(fault.Code), ok
}

// errUnreadable is a message that a device cannot read because a test wants so.
var errUnreadable = errors.New("unreadable on purpose")

func (f *faults) unreadable(h *handset) bool {
	_, ok := f.take(Unreadable, h.device.user.pn.User, "message")
	return ok
}

// holdReceipt reports whether a receipt or ack of the client is ignored.
func (f *faults) holdReceipt(st *stream, tag string) bool {
	_, ok := f.take(HoldReceipts, st.number(), tag)
	return ok
}

// confirmMessage pushes the ack of a message, or holds it.
func (st *stream) confirmMessage(ack wire.Node) {
	if _, ok := st.sim.faults.take(HoldAcks, st.number(), "message"); ok {
		st.out.Lock()
		st.out.held = append(st.out.held, ack)
		st.out.Unlock()
		return
	}
	st.push(ack)
}

func (st *stream) releaseAcks() {
	st.out.Lock()
	held := st.out.held
	st.out.held = nil
	st.out.Unlock()
	if len(held) > 0 {
		st.push(held...)
	}
}

// mediaFaults hands the faults of media to the media store.
func (s *Simulator) mediaFaults() {
	var m media.Faults
	for _, f := range s.faults.list() {
		switch f.Fault {
		case FailUpload:
			m.FailUpload, m.Times = f.Code, f.Times
		case FailDownload:
			m.FailDownload, m.Times = f.Code, f.Times
		}
	}
	s.media.SetFaults(m)
}

// eachStream does something to the connections of a number, or to all.
func (s *Simulator) eachStream(number string, do func(*stream)) {
	s.mu.RLock()
	var chosen []*stream
	for st := range s.streams {
		if number == "" || st.number() == number {
			chosen = append(chosen, st)
		}
	}
	s.mu.RUnlock()
	for _, st := range chosen {
		do(st)
	}
}

// logOut is the phone that unlinks its companions.
func (s *Simulator) logOut(number string) {
	for _, u := range s.everybody() {
		if number != "" && u.pn.User != number {
			continue
		}
		for _, d := range u.companions() {
			d.unlink()
		}
	}
}

// unlink is the phone that removes a companion, which is told if it is there.
func (d *device) unlink() {
	st := d.online()
	d.remove()
	if st == nil {
		return
	}
	n := streamError(401)
	n.Content = []wire.Node{{Tag: "conflict", Attrs: wire.Attrs{"type": "device_removed"}}}
	st.end(n)
}

func (s *Simulator) exhaustPreKeys(number string) {
	for _, u := range s.everybody() {
		if number != "" && u.pn.User != number {
			continue
		}
		for _, d := range u.companions() {
			d.mu.Lock()
			d.oneTime = oneTimeKeys{}
			d.warned = true
			d.mu.Unlock()
			d.warnPreKeys(0)
		}
	}
}

func streamError(code int) wire.Node {
	return wire.Node{Tag: "stream:error", Attrs: wire.Attrs{"code": strconv.Itoa(code)}}
}
