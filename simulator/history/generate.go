package history

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWeb"
	"go.mau.fi/whatsmeow/types"
)

const groupSize = 8

var (
	firstNames = []string{"Ada", "Björn", "Chiara", "Deniz", "Elif", "Farid", "Grace", "Hana", "Ivo", "José", "Kofi", "Ling", "Mia", "Nils", "Olga", "Priya"}
	lastNames  = []string{"Adler", "Brandt", "Costa", "Diallo", "Evans", "Fischer", "García", "Haddad", "Ito", "Jansen", "Kaya", "Lopez", "Müller", "Novak", "Okafor", "Petrov"}
	words      = strings.Fields(`the a to and we you I it is in on for at can are with this that have not be see
		tomorrow today meeting invoice order please thanks yes no ok call later train home price photo 👍 😀 café
		straße schön question answer delivery Monday Friday number address time minutes hours week price offer`)
)

// generator makes the chats of one plan. Each message has a random source of
// its own, so that it is the same in whatever order messages are made.
type generator struct {
	plan  Plan
	pcg   *rand.PCG
	r     *rand.Rand
	group int // size of a group
}

func newGenerator(p Plan) *generator {
	pcg := rand.NewPCG(0, 0)
	r := rand.New(pcg) //nolint:gosec // repeatable on purpose
	return &generator{plan: p, pcg: pcg, r: r, group: min(groupSize, max(1, p.contacts()))}
}

// contacts is the number of people that generated chats know.
func (p Plan) contacts() int {
	if n := p.Chats - p.Groups; n > 0 || p.Chats == 0 {
		return n
	}
	return groupSize
}

// seed points the source at one message; -1 is the chat itself.
func (g *generator) seed(chat, index int) *rand.Rand {
	g.pcg.Seed(mix(g.plan.Seed^mix(uint64(chat)+1)), mix(uint64(index)+2))
	return g.r
}

// mix is the finisher of SplitMix64: it makes counters into good seeds.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (g *generator) address(contact int) (jid, alt types.JID, name string) {
	pn, lid, name := g.plan.Contacts(contact)
	if g.plan.LIDChats && !lid.IsEmpty() {
		return lid, pn, name
	}
	return pn, lid, name
}

func (g *generator) own() types.JID {
	if g.plan.LIDChats && !g.plan.OwnLID.IsEmpty() {
		return g.plan.OwnLID
	}
	return g.plan.OwnPN
}

func (g *generator) thread(chat int) thread {
	t := thread{
		sent: g.plan.MessagesPerChat, total: g.plan.MessagesPerChat + g.plan.OlderPerChat,
		stamp: func(i int) time.Time { return g.stamp(chat, i) },
		id:    func(i int) string { return g.id(chat, i) },
	}
	c := Conversation{Archived: chat%17 == 16}
	var members []int
	if direct := g.plan.Chats - g.plan.Groups; chat < direct {
		t.jid, t.alt, t.name = g.address(chat)
	} else {
		number := chat - direct
		t.jid = types.NewJID(fmt.Sprintf("120363%012d", mix(g.plan.Seed^mix(uint64(number)))%1e12), types.GroupServer)
		t.name = fmt.Sprintf("Group %d", number)
		for i := range g.group {
			member := (number*3 + i) % g.plan.contacts()
			jid, _, _ := g.address(member)
			members = append(members, member)
			c.Participants = append(c.Participants, jid)
		}
		if own := g.own(); !own.IsEmpty() {
			c.Participants = append(c.Participants, own)
		}
	}
	c.Chat, c.Alt, c.Name = t.jid, t.alt, t.name
	t.message = func(i int) Message { return g.message(chat, i, members) }
	if chat < 3 && !c.Archived {
		c.Pinned = g.plan.Newest
	}
	if chat%11 == 10 {
		c.MuteEnd = g.plan.Newest.AddDate(1, 0, 0)
	}
	if chat%5 == 0 {
		for c.Unread < min(3, t.sent) && !t.message(c.Unread).FromMe {
			c.Unread++
		}
	}
	if t.sent > 0 {
		// meta takes the time of the chat from its newest message.
		c.Messages = []Message{{Time: t.stamp(0)}}
	}
	t.meta = c.meta
	return t
}

func (g *generator) id(chat, index int) string {
	r := g.seed(chat, index)
	return fmt.Sprintf("3A%018X", r.Uint64())
}

func (g *generator) stamp(chat, index int) time.Time {
	r := g.seed(chat, index)
	r.Uint64() // the id's
	return g.jitter(r, chat, index)
}

// jitter keeps the times of a chat falling: it stays below half an interval,
// and times are cut to seconds.
func (g *generator) jitter(r *rand.Rand, chat, index int) time.Time {
	late := time.Duration(r.Int64N(int64(g.plan.Interval/2) + 1)).Truncate(time.Second)
	return g.plan.Newest.Add(-time.Duration(chat)*time.Second - time.Duration(index)*g.plan.Interval - late)
}

func (g *generator) message(chat, index int, members []int) Message {
	r := g.seed(chat, index)
	m := Message{ID: fmt.Sprintf("3A%018X", r.Uint64())}
	m.Time = g.jitter(r, chat, index)
	m.FromMe = r.IntN(5) < 2
	if g.plan.Secrets {
		m.Secret = make([]byte, 0, 32)
		for range 4 {
			x := r.Uint64()
			m.Secret = append(m.Secret, byte(x), byte(x>>8), byte(x>>16), byte(x>>24), byte(x>>32), byte(x>>40), byte(x>>48), byte(x>>56))
		}
	}
	author := chat
	if m.FromMe {
		m.Status = waWeb.WebMessageInfo_Status(3 + r.IntN(2)) // delivered or read
		if members != nil {
			m.Participant = g.own()
		}
	} else {
		if members != nil {
			author = members[r.IntN(len(members))]
			m.Participant, _, m.PushName = g.address(author)
		} else {
			_, _, m.PushName = g.address(author)
		}
	}
	m.Message = g.plan.Body(r, chat, index)
	return m
}

// status is the i-th status message, from contact i modulo their number.
func (g *generator) status(i int) *waWeb.WebMessageInfo {
	r := g.seed(-2, i)
	m := Message{ID: fmt.Sprintf("3A%018X", r.Uint64())}
	m.Participant, _, m.PushName = g.address(i % max(1, g.plan.contacts()))
	// A status lives for a day.
	m.Time = g.plan.Newest.Add(-time.Duration(r.Int64N(int64(24 * time.Hour))))
	m.Message = madeUpBody(r, 0, 0)
	return m.Proto(types.StatusBroadcastJID)
}

func madeUpContact(i int) (pn, lid types.JID, name string) {
	return types.NewJID(fmt.Sprintf("49155%08d", i), types.DefaultUserServer),
		types.NewJID(fmt.Sprintf("155%012d", i), types.HiddenUserServer),
		firstNames[i%len(firstNames)] + " " + lastNames[i/len(firstNames)%len(lastNames)]
}

func madeUpBody(r *rand.Rand, _, _ int) *waE2E.Message {
	switch n := r.IntN(20); {
	case n < 16:
		return &waE2E.Message{Conversation: new(madeUpText(r))}
	case n < 19:
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
			Text: new(madeUpText(r)),
			ContextInfo: &waE2E.ContextInfo{
				StanzaID:      new(fmt.Sprintf("3A%018X", r.Uint64())),
				QuotedMessage: &waE2E.Message{Conversation: new(madeUpText(r))},
			},
		}}
	default:
		return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{
			Key:  &waCommon.MessageKey{ID: new(fmt.Sprintf("3A%018X", r.Uint64())), FromMe: new(true)},
			Text: new("👍"),
		}}
	}
}

// madeUpText is mostly short, sometimes long.
func madeUpText(r *rand.Rand) string {
	n := 1 + r.IntN(12)
	if r.IntN(10) == 0 {
		n *= 5
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}
