package simulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// Names of privacy settings whose effects are simulated.
const (
	privacyReads    = "readreceipts"
	privacyLastSeen = "last"
	privacyOnline   = "online"
	privacyProfile  = "profile"
	privacyAbout    = "status"
)

// ErrSetting means that a privacy setting does not exist or cannot have that
// value.
var ErrSetting = errors.New("no such setting")

// privacySetting is one setting, the default first among its values
// (whatsmeow types.PrivacySettingType; Baileys Types/Chat).
type privacySetting struct {
	name   string
	values []string
}

var privacySettings = []privacySetting{
	{privacyReads, []string{"all", "none"}},
	{privacyLastSeen, []string{"all", "contacts", "contact_blacklist", "none"}},
	{privacyOnline, []string{"all", "match_last_seen"}},
	{privacyProfile, []string{"all", "contacts", "contact_blacklist", "none"}},
	{privacyAbout, []string{"all", "contacts", "contact_blacklist", "none"}},
	{"groupadd", []string{"all", "contacts", "contact_blacklist", "none"}},
	{"calladd", []string{"all", "known"}},
	{"messages", []string{"all", "contacts"}},
	{"defense", []string{"off", "on_standard"}},
	{"stickers", []string{"contacts", "contact_allowlist", "none"}},
}

// Privacy lists the account's privacy settings by name.
func (u *User) Privacy() map[string]string {
	out := map[string]string{}
	for _, s := range privacySettings {
		out[s.name] = s.values[0]
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.Copy(out, u.profile.privacy)
	return out
}

// SetPrivacy makes the phone change a privacy setting: readreceipts, last,
// online, profile, status, groupadd, calladd, messages, defense or stickers.
// It returns ErrSetting for what does not exist.
func (u *User) SetPrivacy(name, value string) error { return u.changePrivacy(nil, name, value) }

func (u *User) changePrivacy(by *device, name, value string) error {
	i := slices.IndexFunc(privacySettings, func(s privacySetting) bool { return s.name == name })
	if i < 0 || !slices.Contains(privacySettings[i].values, value) {
		return fmt.Errorf("%s=%s: %w", name, value, ErrSetting)
	}
	u.mu.Lock()
	if u.profile.privacy == nil {
		u.profile.privacy = map[string]string{}
	}
	u.profile.privacy[name] = value
	u.mu.Unlock()
	u.syncAccount(by, func() wire.Node { return wire.Node{Tag: "privacy", Content: []wire.Node{categoryNode(name, value)}} })
	if name == privacyLastSeen || name == privacyOnline {
		u.tellPresence()
	}
	return nil
}

func (u *User) privacy(name string) string {
	u.mu.Lock()
	value, ok := u.profile.privacy[name]
	u.mu.Unlock()
	if !ok {
		return "all"
	}
	return value
}

// shows reports whether the account lets viewer see something. Everybody is a
// contact of everybody here, so only "none" and a block hide it.
func (u *User) shows(category string, viewer *User) bool {
	if viewer == u {
		return true
	}
	return u.privacy(category) != "none" && !u.blocks(viewer)
}

func categoryNode(name, value string) wire.Node {
	return wire.Node{Tag: "category", Attrs: wire.Attrs{"name": name, "value": value}}
}

// getPrivacy lists the settings. Baileys takes the first child for the list.
func (st *stream) getPrivacy(n *wire.Node) {
	current := st.device.Load().user.Privacy()
	categories := make([]wire.Node, len(privacySettings))
	for i, s := range privacySettings {
		categories[i] = categoryNode(s.name, current[s.name])
	}
	st.result(n, wire.Node{Tag: "privacy", Content: categories})
}

func (st *stream) setPrivacy(n *wire.Node) {
	d := st.device.Load()
	request := child(n, "privacy")
	var changed []wire.Node
	for _, c := range request.GetChildrenByTag("category") {
		name, value := textAttr(&c, "name"), textAttr(&c, "value")
		if err := d.user.changePrivacy(d, name, value); err != nil {
			st.refuse(n, 400, "bad-request")
			return
		}
		changed = append(changed, categoryNode(name, value))
	}
	st.result(n, wire.Node{Tag: "privacy", Content: changed})
}

// private reports whether a chat is one with a person: groups and the status
// always show who has read.
func private(chat types.JID) bool {
	return chat.Server != types.GroupServer && chat.Server != types.BroadcastServer
}

// hidesReads reports whether author does not learn that reader has read a
// message in their chat: either has turned read receipts off.
func hidesReads(reader, author *User) bool {
	return reader.privacy(privacyReads) == "none" || author.privacy(privacyReads) == "none"
}
