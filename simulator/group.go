package simulator

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// Group is a chat of several users. Members are named by LID.
//
// What members do on their phones are methods that take the member as by; the
// companions of all members get the notification that the service sends. They
// return a *[GroupError] when the group does not let by do it.
type Group struct {
	sim     *Simulator
	jid     types.JID
	created time.Time
	creator *User

	// mu is taken after handset.group and before the locks of Simulator, User
	// and device: members are told of changes while it is held, so that they
	// hear of them in order.
	mu       sync.Mutex
	subject  string
	renamed  signature // who gave it
	about    groupAbout
	picture  picture
	members  []*member // the creator first
	requests []joinRequest
	ways     waysIn
	left     map[*User]int // how often somebody has left on their own

	announce  bool   // only admins may write
	locked    bool   // only admins may change subject, description, picture and timer
	adminAdd  bool   // only admins may add
	approval  bool   // an admin has to approve who joins
	ephemeral uint32 // seconds after which messages disappear, 0 for never

	community string    // default_membership_approval_mode of a community, "" for a plain group
	parent    types.JID // the community the group belongs to

	epoch           uint64 // changes when somebody leaves: sender keys are void
	membersVersion  uint64 // p_v_id
	announceVersion uint64 // a_v_id
}

// signature is who has written something, and when.
type signature struct {
	by *User
	at time.Time
}

// groupAbout is a group's description. Its id is "" while there is none.
type groupAbout struct {
	signature

	id   string
	text string
}

// member is a user in a group. keys, epoch and identity are about the sender
// key of the user's phone and guarded by its handset.group.
type member struct {
	user  *User
	role  string    // "", "admin" or "superadmin"
	since time.Time // when they joined; zero for those of the beginning

	keys     map[*device]bool // companions that have the current sender key
	epoch    uint64           // the group's when the sender key was made
	identity [32]byte         // the phone's when the sender key was made
}

func (m *member) admin() bool { return m.role != "" }

// Group makes a group with creator as its superadmin. Everybody's companions
// are told.
func (s *Simulator) Group(subject string, creator *User, others ...*User) *Group {
	g := s.newGroup(subject, creator)
	for _, u := range others {
		if g.find(u) == nil {
			g.members = append(g.members, &member{user: u})
		}
	}
	g.open("")
	return g
}

// newGroup makes a group that nobody else knows yet.
func (s *Simulator) newGroup(subject string, creator *User) *Group {
	g := &Group{
		sim: s, creator: creator, created: time.Now(), epoch: 1,
		jid:  types.NewJID("12036"+strconv.FormatInt(3_000_000_000_000+int64(s.seq.Add(1)), 10), types.GroupServer),
		left: map[*User]int{},
	}
	g.subject, g.renamed = subject, signature{creator, g.created}
	g.members = []*member{{user: creator, role: "superadmin"}}
	g.ways.init(g)
	g.membersVersion, g.announceVersion = nextVersion(0), nextVersion(0)
	return g
}

// open makes the group known and tells its members. Key is what the creating
// client has named its request, which it gets back.
func (g *Group) open(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sim.mu.Lock()
	g.sim.groups[g.jid.User] = g
	g.sim.mu.Unlock()
	g.tellCreated(key)
}

// Groups lists the groups in the order of their making.
func (s *Simulator) Groups() []*Group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*Group, 0, len(s.groups))
	for _, g := range s.groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b *Group) int { return cmp.Compare(a.jid.User, b.jid.User) })
	return out
}

// FindGroup returns the group that a JID names, also one made by a client; nil
// when there is none.
func (s *Simulator) FindGroup(j types.JID) *Group { return s.findGroup(j) }

func (s *Simulator) findGroup(j types.JID) *Group {
	if j.Server != types.GroupServer {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups[j.User]
}

// JID names the group.
func (g *Group) JID() types.JID { return g.jid }

// Subject is the group's name.
func (g *Group) Subject() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.subject
}

// Description is the text below the name, "" when there is none.
func (g *Group) Description() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.about.text
}

// Announce reports whether only admins may write.
func (g *Group) Announce() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.announce
}

// Locked reports whether only admins may change what the group looks like.
func (g *Group) Locked() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.locked
}

// Ephemeral is the time after which messages disappear, 0 for never.
func (g *Group) Ephemeral() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Duration(g.ephemeral) * time.Second
}

// Members lists who is in the group, in the order of joining.
func (g *Group) Members() []*User {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.users()
}

// Admins lists the members who may change the group.
func (g *Group) Admins() []*User {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.admins()
}

func (g *Group) users() []*User {
	out := make([]*User, len(g.members))
	for i, m := range g.members {
		out[i] = m.user
	}
	return out
}

func (g *Group) admins() []*User {
	var out []*User
	for _, m := range g.members {
		if m.admin() {
			out = append(out, m.user)
		}
	}
	return out
}

func (g *Group) find(u *User) *member {
	for _, m := range g.members {
		if m.user == u {
			return m
		}
	}
	return nil
}

// members lists who is in a group, nobody when there is none.
func (s *Simulator) members(j types.JID) []*User {
	g := s.findGroup(j)
	if g == nil {
		return nil
	}
	return g.Members()
}

// nextVersion is the version of a list after a change: a number that only
// grows, shaped like the service's, which counts microseconds.
func nextVersion(before uint64) uint64 {
	return max(before+1, uint64(time.Now().UnixMicro()))
}
