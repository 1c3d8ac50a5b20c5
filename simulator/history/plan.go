package history

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/types"
)

// Type is a part of the history.
type Type = waHistorySync.HistorySync_HistorySyncType

// The parts, with the names of the protocol.
const (
	InitialBootstrap = waHistorySync.HistorySync_INITIAL_BOOTSTRAP
	InitialStatusV3  = waHistorySync.HistorySync_INITIAL_STATUS_V3
	Full             = waHistorySync.HistorySync_FULL
	Recent           = waHistorySync.HistorySync_RECENT
	PushName         = waHistorySync.HistorySync_PUSH_NAME
	NonBlockingData  = waHistorySync.HistorySync_NON_BLOCKING_DATA
	OnDemand         = waHistorySync.HistorySync_ON_DEMAND
)

// What a zero Plan field means.
const (
	DefaultChunkMessages    = 2000
	DefaultChunkBytes       = 2 << 20
	DefaultBootstrapPerChat = 10
	DefaultInterval         = 7 * time.Minute
)

// ErrPlan means that a plan contradicts itself.
var ErrPlan = errors.New("invalid history plan")

// Contacts is where generated chats take their people from: the i-th contact's
// addresses and name. It must always give the same for the same i.
type Contacts func(i int) (pn, lid types.JID, name string)

// Plan is a phone's history and how it is cut up. The zero value sends all
// parts without content.
type Plan struct {
	// Seed decides all that is generated.
	Seed uint64
	// Types are the parts to send, in this order. Empty means INITIAL_BOOTSTRAP,
	// INITIAL_STATUS_V3, PUSH_NAME, NON_BLOCKING_DATA, RECENT, FULL. Each listed
	// part is sent, be it as one empty chunk: Baileys holds its events for 20 s
	// unless it is told of an INITIAL_BOOTSTRAP.
	Types []Type

	// Own is the account. Needed for groups to contain it; may be empty.
	OwnPN, OwnLID types.JID
	OwnName       string

	// Conversations are exact chats, sent before the generated ones.
	Conversations []Conversation

	// Chats is the number of generated chats; the last Groups of them are groups,
	// the others are with contact 0, 1, 2 and so on.
	Chats, Groups int
	// MessagesPerChat are sent, OlderPerChat are kept for requests on demand.
	MessagesPerChat, OlderPerChat int
	// Statuses is the number of status messages in INITIAL_STATUS_V3.
	Statuses int
	// LIDChats names generated direct chats and participants by LID, not PN.
	LIDChats bool
	// Secrets gives each generated message a 32 byte message secret. Clients store
	// each of them, so this is the heaviest load.
	Secrets bool
	// Contacts gives the people; nil means made-up ones.
	Contacts Contacts
	// Body makes the content of generated messages; nil means made-up texts. index
	// counts back from the newest message of the chat, 0.
	Body func(r *rand.Rand, chat, index int) *waE2E.Message
	// Newest is the time of the newest generated message; zero means the start of
	// 2026. Interval lies between two messages of a chat, at least a second;
	// 0 means DefaultInterval.
	Newest   time.Time
	Interval time.Duration

	// BootstrapPerChat is how many of a chat's newest messages INITIAL_BOOTSTRAP
	// carries; 0 means DefaultBootstrapPerChat. RecentPerChat is how many RECENT
	// carries; 0 means half of what is left. The last part listed of the three
	// takes the rest in any case.
	BootstrapPerChat, RecentPerChat int
	// ChunkMessages bounds the messages (or names) of a chunk, ChunkBytes its size
	// before compression, unless one message alone is larger. 0 means the default.
	ChunkMessages, ChunkBytes int
}

func (p Plan) withDefaults() (Plan, error) {
	if len(p.Types) == 0 {
		p.Types = []Type{InitialBootstrap, InitialStatusV3, PushName, NonBlockingData, Recent, Full}
	}
	for i, t := range p.Types {
		if t == OnDemand {
			return p, fmt.Errorf("%w: ON_DEMAND is sent on demand", ErrPlan)
		}
		if slices.Contains(p.Types[:i], t) {
			return p, fmt.Errorf("%w: %s listed twice", ErrPlan, t)
		}
	}
	if min(p.Chats, p.Groups, p.MessagesPerChat, p.OlderPerChat, p.Statuses, p.BootstrapPerChat, p.RecentPerChat, p.ChunkMessages, p.ChunkBytes) < 0 {
		return p, fmt.Errorf("%w: negative number", ErrPlan)
	}
	if p.Groups > p.Chats {
		return p, fmt.Errorf("%w: %d groups in %d chats", ErrPlan, p.Groups, p.Chats)
	}
	if p.Interval == 0 {
		p.Interval = DefaultInterval
	}
	if p.Interval < time.Second {
		return p, fmt.Errorf("%w: interval %v is below a second", ErrPlan, p.Interval)
	}
	if p.Newest.IsZero() {
		p.Newest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if p.Contacts == nil {
		p.Contacts = madeUpContact
	}
	if p.Body == nil {
		p.Body = madeUpBody
	}
	p.BootstrapPerChat = orDefault(p.BootstrapPerChat, DefaultBootstrapPerChat)
	p.ChunkMessages = orDefault(p.ChunkMessages, DefaultChunkMessages)
	p.ChunkBytes = orDefault(p.ChunkBytes, DefaultChunkBytes)
	return p, nil
}

func orDefault(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}

// conversational says whether a part carries chats.
func conversational(t Type) bool {
	return t == InitialBootstrap || t == Recent || t == Full
}

// share is the range [from, to) of a chat's n messages, newest first, that
// part t carries.
func (p Plan) share(t Type, n int) (from, to int) {
	var listed []Type
	for _, c := range []Type{InitialBootstrap, Recent, Full} {
		if slices.Contains(p.Types, c) {
			listed = append(listed, c)
		}
	}
	for i, c := range listed {
		size := n - from
		if i < len(listed)-1 {
			want := p.BootstrapPerChat
			if c == Recent {
				want = orDefault(p.RecentPerChat, (size+1)/2)
			}
			size = min(size, want)
		}
		if c == t {
			return from, from + size
		}
		from += size
	}
	return n, n
}
