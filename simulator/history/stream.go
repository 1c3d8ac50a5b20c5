package history

import (
	"iter"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
)

// Chunks makes the chunks of the plan in the order to send them, each when it is
// asked for. It can be run several times, also at once. An error ends it:
// ErrPlan, or what marshalling or compressing reported.
func (p Plan) Chunks() iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		plan, err := p.withDefaults()
		if err != nil {
			yield(Chunk{}, err)
			return
		}
		pack := &packer{}
		for _, t := range plan.Types {
			s := &stream{plan: plan, gen: newGenerator(plan), pack: pack, yield: yield, part: t}
			s.run()
			if s.stopped {
				return
			}
		}
	}
}

// stream makes the chunks of one part.
type stream struct {
	plan  Plan
	gen   *generator
	pack  *packer
	yield func(Chunk, error) bool
	part  Type

	total, done int // items of the part; for INITIAL_BOOTSTRAP the total is of all parts
	order       uint32
	stopped     bool

	// The chunk being filled.
	sync         *waHistorySync.HistorySync
	items, bytes int
	messages     int
	oldest       time.Time
}

func (s *stream) run() {
	s.sync = &waHistorySync.HistorySync{}
	switch s.part {
	case InitialBootstrap, Recent, Full:
		s.conversations()
	case InitialStatusV3:
		s.statuses()
	case PushName:
		s.pushNames()
	case NonBlockingData:
		s.pastParticipants()
	case OnDemand: // no part of a plan, see Plan.OnDemand
	}
	if !s.stopped {
		s.flush(true)
	}
}

// threads are the chats of the plan, exact ones first.
func (p Plan) threads(g *generator) iter.Seq[thread] {
	return func(yield func(thread) bool) {
		for _, c := range p.Conversations {
			if !yield(c.thread()) {
				return
			}
		}
		for i := range p.Chats {
			if !yield(g.thread(i)) {
				return
			}
		}
	}
}

func (s *stream) conversations() {
	// The chat list, empty chats included, goes with the first part that has chats.
	first := slices.IndexFunc(s.plan.Types, conversational) == slices.Index(s.plan.Types, s.part)
	s.total = s.count()
	for t := range s.plan.threads(s.gen) {
		from, to := s.plan.share(s.part, t.sent)
		if from == to && !first {
			continue
		}
		s.conversation(t, from, to, first)
		if s.stopped {
			return
		}
	}
}

func (s *stream) count() int {
	total := 0
	add := func(sent, times int) {
		from, to := s.plan.share(s.part, sent)
		if s.part == InitialBootstrap {
			from, to = 0, sent
		}
		total += (to - from) * times
	}
	for _, c := range s.plan.Conversations {
		add(len(c.Messages), 1)
	}
	add(s.plan.MessagesPerChat, s.plan.Chats)
	return total
}

// conversation adds the messages [from, to) of a chat, which may take several
// chunks: each then repeats what is known of the chat.
func (s *stream) conversation(t thread, from, to int, first bool) {
	meta := t.meta()
	// Two more fields come with the end of the chat.
	metaSize := proto.Size(meta) + 2*itemOverhead
	var mappings []*waHistorySync.PhoneNumberToLIDMapping
	if m := t.mapping(); first && m != nil {
		mappings = append(mappings, m)
		metaSize += proto.Size(m) + itemOverhead
	}
	open := func() *waHistorySync.Conversation {
		c := proto.Clone(meta).(*waHistorySync.Conversation)
		s.sync.Conversations = append(s.sync.Conversations, c)
		s.sync.PhoneNumberToLidMappings = append(s.sync.PhoneNumberToLidMappings, mappings...)
		s.bytes += metaSize
		mappings = nil
		return c
	}

	var c *waHistorySync.Conversation
	if from == to {
		// A chat without messages fills a chunk, too, but is no progress.
		if s.full(metaSize) && !s.flush(false) {
			return
		}
		c = open()
		s.items++
	}
	for i := from; i < to; i++ {
		m := historyMessage(t, i)
		need := proto.Size(m)
		if c == nil {
			need += metaSize
		}
		if s.full(need) {
			if !s.flush(false) {
				return
			}
			c = nil
		}
		if c == nil {
			c = open()
		}
		s.add(proto.Size(m))
		c.Messages = append(c.Messages, m)
		s.messages++
		s.see(m.GetMessage())
	}
	if to == t.sent {
		s.end(c, t)
	}
}

func historyMessage(t thread, i int) *waHistorySync.HistorySyncMsg {
	return &waHistorySync.HistorySyncMsg{
		Message:    t.message(i).Proto(t.jid),
		MsgOrderID: new(uint64(t.total - i)),
	}
}

// end marks the last piece of a chat.
func (s *stream) end(c *waHistorySync.Conversation, t thread) {
	c.EndOfHistoryTransfer = new(true)
	c.EndOfHistoryTransferType = waHistorySync.Conversation_COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY.Enum()
	if t.total > t.sent {
		c.EndOfHistoryTransferType = waHistorySync.Conversation_COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY.Enum()
	}
}

func (s *stream) statuses() {
	s.total = s.plan.Statuses
	for i := range s.plan.Statuses {
		m := s.gen.status(i)
		if !s.room(proto.Size(m)) {
			return
		}
		s.sync.StatusV3Messages = append(s.sync.StatusV3Messages, m)
		s.messages++
		s.see(m)
	}
}

func (s *stream) pushNames() {
	type named struct {
		jid  types.JID
		name string
	}
	names := func(yield func(named) bool) {
		if s.plan.OwnName != "" && !yield(named{s.gen.own(), s.plan.OwnName}) {
			return
		}
		for _, c := range s.plan.Conversations {
			if c.Chat.Server != types.GroupServer && c.Name != "" && !yield(named{c.Chat, c.Name}) {
				return
			}
		}
		for i := range s.plan.contacts() {
			jid, _, name := s.gen.address(i)
			if !yield(named{jid, name}) {
				return
			}
		}
	}
	// The exact names are few or absent; an estimate is good enough for progress.
	s.total = s.plan.contacts() + len(s.plan.Conversations) + 1
	for n := range names {
		entry := &waHistorySync.Pushname{ID: new(n.jid.String()), Pushname: new(n.name)}
		if !s.room(proto.Size(entry)) {
			return
		}
		s.sync.Pushnames = append(s.sync.Pushnames, entry)
	}
}

// pastParticipants tells of one person who left each generated group.
func (s *stream) pastParticipants() {
	s.total = s.plan.Groups
	for i := range s.plan.Groups {
		t := s.gen.thread(s.plan.Chats - s.plan.Groups + i)
		jid, _, _ := s.gen.address(s.plan.contacts() + i)
		entry := &waHistorySync.PastParticipants{
			GroupJID: new(t.jid.String()),
			PastParticipants: []*waHistorySync.PastParticipant{{
				UserJID:     new(jid.String()),
				LeaveReason: waHistorySync.PastParticipant_LEFT.Enum(),
				LeaveTS:     new(uint64(s.plan.Newest.Unix())),
			}},
		}
		if !s.room(proto.Size(entry)) {
			return
		}
		s.sync.PastParticipants = append(s.sync.PastParticipants, entry)
	}
}

// room makes room for one more item and counts it. It returns false if nobody
// wants more chunks.
func (s *stream) room(size int) bool {
	if s.full(size) && !s.flush(false) {
		return false
	}
	s.add(size)
	return true
}

const (
	// itemOverhead is tag and length of a nested field.
	itemOverhead = 8
	// chunkOverhead is type, order and progress.
	chunkOverhead = 16
)

// full says that the chunk must be sent before it takes an item of that size.
func (s *stream) full(size int) bool {
	return s.items > 0 && (s.items >= s.plan.ChunkMessages || s.bytes+size+itemOverhead+chunkOverhead > s.plan.ChunkBytes)
}

func (s *stream) add(size int) {
	s.items++
	s.done++
	s.bytes += size + itemOverhead
}

func (s *stream) see(m *waWeb.WebMessageInfo) {
	at := time.Unix(int64(m.GetMessageTimestamp()), 0)
	if s.oldest.IsZero() || at.Before(s.oldest) {
		s.oldest = at
	}
}

// flush sends the chunk and begins the next. It returns false if nobody wants
// more.
func (s *stream) flush(last bool) bool {
	s.order++
	progress := 100
	if s.total > 0 && (!last || s.part == InitialBootstrap) {
		progress = s.done * 100 / s.total
	}
	if !last {
		progress = min(progress, 99)
	}
	chunk, err := s.pack.pack(s.sync, Chunk{
		Type: s.part, Order: s.order, Progress: uint32(progress), Messages: s.messages, Oldest: s.oldest,
	})
	// Given up before the caller works on the chunk, so that its messages can go.
	s.sync = &waHistorySync.HistorySync{}
	s.items, s.bytes, s.messages, s.oldest = 0, 0, 0, time.Time{}
	s.stopped = !s.yield(chunk, err) || err != nil
	return !s.stopped
}
