package simulator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	wastate "go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waSyncAction"
	"google.golang.org/protobuf/proto"

	"roost/simulator/appstate"
)

// settings are what a phone and its companions keep equal: the flags of chats,
// the address book, labels and the push name, as app state. Nothing of it is
// made before somebody needs it, so that accounts stay cheap.
type settings struct {
	user *User

	// mu guards what is made on demand. It is taken before User.mu.
	mu      sync.Mutex
	server  appstate.Collections // what the server stores
	phone   *appstate.Phone      // what the phone knows
	pulling sync.Mutex           // keeps what companions did in order; taken before mu

	// The rest is guarded by User.mu.
	live    map[string]appstate.Mutation // the latest of each record
	changed journal[appstate.Mutation]   // what companions did
	past    past
	told    sentMessages // peer messages, to send them again
}

func (s *settings) init(u *User) { s.user = u }

// open returns both sides of the account's app state. The first call makes
// them, with the push name in it.
func (s *settings) open() (appstate.Collections, *appstate.Phone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phone != nil {
		return s.server, s.phone
	}
	s.server, s.phone = appstate.NewCollections(), appstate.NewPhone(appstate.NewKey())
	s.phone.Download = s.user.sim.openBlob
	first := firstSettings()
	if name := s.user.Name(); name != "" {
		first = append(first, appstate.PushName(name))
	}
	for _, c := range first {
		if err := s.push(s.server, s.phone, c); err != nil {
			s.user.sim.log.Warn("app state lacks a setting", "collection", c.Collection, "err", err)
		}
	}
	return s.server, s.phone
}

// firstSettings are what a phone writes by itself, something into every
// collection: clients take the first contents of an empty one for old news and
// dispatch no events for them (whatsmeow appstate.go, fetchAppState).
func firstSettings() []appstate.Change {
	one := func(name appstate.Name, version int32, value *waSyncAction.SyncActionValue, index ...string) appstate.Change {
		return appstate.Change{Collection: name, Ops: []appstate.Op{{Index: index, Version: version, Value: value}}}
	}
	sentinel := func() *waSyncAction.SyncActionValue {
		return &waSyncAction.SyncActionValue{KeyExpiration: &waSyncAction.KeyExpiration{ExpiredKeyEpoch: proto.Int32(0)}}
	}
	return []appstate.Change{
		one(wastate.WAPatchCriticalBlock, 3, &waSyncAction.SyncActionValue{
			LocaleSetting: &waSyncAction.LocaleSetting{Locale: new("en_US")},
		}, wastate.IndexSettingLocale),
		one(wastate.WAPatchCriticalUnblockLow, 8, sentinel(), wastate.IndexSentinel),
		one(wastate.WAPatchRegularHigh, 8, sentinel(), wastate.IndexSentinel),
		one(wastate.WAPatchRegular, 7, &waSyncAction.SyncActionValue{
			PrimaryFeature: &waSyncAction.PrimaryFeature{Flags: []string{"contact_sync"}},
		}, wastate.IndexPrimaryFeature),
		one(wastate.WAPatchRegularLow, 4, &waSyncAction.SyncActionValue{
			UnarchiveChatsSetting: &waSyncAction.UnarchiveChatsSetting{UnarchiveChats: new(false)},
		}, wastate.IndexSettingUnarchiveChats),
	}
}

// opened reports whether anybody has needed the app state yet.
func (s *settings) opened() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phone != nil
}

// push adds a change of the phone to what open returned.
func (s *settings) push(server appstate.Collections, phone *appstate.Phone, c appstate.Change) error {
	version, err := phone.Push(server[c.Collection], c)
	if err != nil {
		return fmt.Errorf("push %s: %w", c.Collection, err)
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	for _, op := range c.Ops {
		s.learn(appstate.Mutation{
			Collection: c.Collection, Version: version, Removed: op.Remove,
			Kind: op.Index[0], Index: op.Index, Action: op.Value, ActionVersion: op.Version,
		})
	}
	return nil
}

// learn keeps the latest of each record. The caller holds User.mu.
func (s *settings) learn(m appstate.Mutation) {
	if s.live == nil {
		s.live = map[string]appstate.Mutation{}
	}
	key := strings.Join(m.Index, "\x00")
	if s.live[key].Version > m.Version {
		return // the phone and a companion were at it at the same time
	}
	if m.Removed {
		delete(s.live, key)
		return
	}
	s.live[key] = m
	if m.Kind == wastate.IndexSettingPushName {
		s.user.name = m.Action.GetPushNameSetting().GetName()
	}
}

// pull lets the phone read what a companion has appended. A patch it cannot
// read is the companion's fault.
func (s *settings) pull(by *device, name appstate.Name) {
	s.pulling.Lock()
	defer s.pulling.Unlock()
	server, phone := s.open()
	mutations, err := phone.Pull(server[name])
	if err != nil {
		s.user.sim.violations.add(Malformed, by.pn(), "app state: "+err.Error())
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	for _, m := range mutations {
		s.learn(m)
		s.changed.add(m)
	}
}

// forget drops everything, as a phone does whose companions found it broken.
func (s *settings) forget() {
	s.mu.Lock()
	s.server, s.phone = nil, nil
	s.mu.Unlock()
	s.user.mu.Lock()
	s.live = nil
	s.user.mu.Unlock()
}

// Mutations lists what companions did to the account's app state, oldest first:
// chats archived, the push name changed and so on, record by record.
func (u *User) Mutations() []appstate.Mutation {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.settings.changed.list)
}

// AwaitMutation returns the first of Mutations, past or coming, that match
// accepts, or ctx's error.
func (u *User) AwaitMutation(ctx context.Context, match func(appstate.Mutation) bool) (appstate.Mutation, error) {
	return awaitEntry(ctx, u, &u.settings.changed, match)
}

// Change is the phone that changes its app state and tells the companions. The
// methods beside it are what people do; see package appstate for more changes.
func (u *User) Change(changes ...appstate.Change) error {
	server, phone := u.settings.open()
	for _, c := range changes {
		if server[c.Collection] == nil {
			return fmt.Errorf("collection %q: %w", c.Collection, appstate.ErrMalformed)
		}
		if err := u.settings.push(server, phone, c); err != nil {
			return err
		}
		u.announceSettings(nil, c.Collection)
	}
	return nil
}
