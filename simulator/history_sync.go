package simulator

import (
	"iter"
	"sync"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/history"
	"roost/simulator/media"
)

const (
	// feedWindow is how many chunks of history a companion may owe a receipt
	// for. It bounds what waits in memory for a slow or absent companion.
	feedWindow = 4
	// inlineBootstrap and inlineOther are how many bytes of payload travel in
	// the message itself; more goes to the media servers.
	inlineBootstrap = 64 << 10
	inlineOther     = 4 << 10
)

// feed sends a history to one companion, each chunk made when the companion
// has confirmed enough of those before. The zero value has nothing to send.
type feed struct {
	mu      sync.Mutex // taken before Simulator.mu
	device  *device
	next    func() (history.Chunk, error, bool) // called by one goroutine at a time: the one that set running
	stop    func()
	after   types.MessageID              // must be confirmed before the first chunk is sent
	open    map[types.MessageID]struct{} // sent and not confirmed
	running bool
	over    bool
}

// startAfter makes the feed wait for the companion's receipt for a message, the
// app state key. Baileys fetches app state as soon as history comes, and can
// miss all of it when it does not have the key by then.
func (f *feed) startAfter(id types.MessageID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = id
}

// begin starts the feed. It is called once.
func (f *feed) begin(d *device, plan history.Plan) {
	f.mu.Lock()
	if f.over { // unlinked meanwhile
		f.mu.Unlock()
		return
	}
	f.device, f.open = d, map[types.MessageID]struct{}{}
	f.next, f.stop = iter.Pull2(plan.Chunks())
	f.mu.Unlock()
	if !d.sim.registerFeed(f) {
		f.end()
		return
	}
	f.kick()
}

// confirmed takes a receipt of the companion for a message.
func (f *feed) confirmed(id types.MessageID) {
	f.mu.Lock()
	_, ours := f.open[id]
	delete(f.open, id)
	if id == f.after {
		f.after, ours = "", true
	}
	f.mu.Unlock()
	if ours {
		f.kick()
	}
}

// kick starts sending if there is something to send and nobody does.
func (f *feed) kick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil || f.over || f.running || f.after != "" || len(f.open) >= feedWindow {
		return
	}
	f.running = true
	f.device.work(f.run)
}

// run sends until the window is full or the history is at its end.
func (f *feed) run() {
	d := f.device
	for f.proceed() {
		chunk, err, ok := f.next()
		if !ok || err != nil {
			if err != nil {
				d.sim.log.Warn("history ends early", "err", err)
			}
			f.mu.Lock()
			f.over = true
			f.mu.Unlock()
			continue
		}
		id := d.sim.messageID()
		f.mu.Lock()
		f.open[id] = struct{}{}
		f.mu.Unlock()
		d.user.tellHistory(d, id, chunk)
	}
}

// proceed says whether to send one more chunk; if not, nobody runs any more.
func (f *feed) proceed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over && len(f.open) < feedWindow {
		return true
	}
	f.running = false
	if f.over {
		f.release()
	}
	return false
}

// end gives the rest of the history up: the companion or the simulator is gone.
func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return
	}
	f.over = true
	if !f.running && f.next != nil {
		f.release()
	}
}

// release frees what the history holds. The caller holds mu and nobody runs.
func (f *feed) release() {
	f.stop()
	f.next = nil
	f.device.sim.forgetFeed(f)
}

// registerFeed remembers a feed for Close, which may have come before it.
func (s *Simulator) registerFeed(f *feed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.feeds == nil {
		s.feeds = map[*feed]struct{}{}
	}
	s.feeds[f] = struct{}{}
	return true
}

func (s *Simulator) forgetFeed(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.feeds, f)
}

// endFeeds ends all histories that are being sent.
func (s *Simulator) endFeeds() {
	s.mu.Lock()
	feeds := s.feeds
	s.feeds = nil
	s.mu.Unlock()
	for f := range feeds {
		f.end()
	}
}

// tellHistory sends one chunk: inside the message when it is small, else by
// way of the media servers.
func (u *User) tellHistory(d *device, id types.MessageID, chunk history.Chunk) {
	limit := inlineOther
	if chunk.Type == history.InitialBootstrap {
		limit = inlineBootstrap
	}
	if len(chunk.Payload) <= limit {
		u.tell(d, id, history.Notification(chunk, nil))
		return
	}
	up, err := u.sim.media.Upload(media.History, chunk.Payload)
	if err != nil {
		u.sim.log.Warn("history not uploaded", "err", err)
		return
	}
	u.tell(d, id, history.Notification(chunk, &history.BlobRef{
		DirectPath: up.DirectPath, MediaKey: up.MediaKey, FileSHA256: up.FileSHA256, FileEncSHA256: up.FileEncSHA256,
		EncHandle: up.DirectPath,
	}))
}
