package simulator

import (
	"crypto/sha256"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// tokenBucket is for how long one privacy token is issued, in seconds
// (whatsmeow tctoken.go: 7 days).
const tokenBucket = 604800

// setTokens is a client that gives others its privacy token: they may see what
// is for trusted contacts, and write to it first. The others' companions get
// the token, and a person without a client gives their own in return, as a
// phone does that has opened the chat.
func (st *stream) setTokens(n *wire.Node) {
	d := st.device.Load()
	tokens := child(n, "tokens")
	for _, t := range tokens.GetChildrenByTag("token") {
		jid, ok := jidAttr(&t, "jid")
		if !ok || textAttr(&t, "type") != "trusted_contact" {
			st.refuse(n, 400, "bad-request")
			return
		}
		peer := st.sim.findUser(jid)
		if peer == nil || peer == d.user {
			continue
		}
		d.user.IssueToken(peer)
		if len(peer.companions()) == 0 {
			peer.IssueToken(d.user)
		}
	}
	st.result(n)
}

// IssueToken gives a peer's companions this account's privacy token
// (tctoken). They hear of it once per 7 days at most.
func (u *User) IssueToken(peer *User) {
	t := time.Now().Unix()
	u.mu.Lock()
	if u.profile.tokens == nil {
		u.profile.tokens = map[*User]int64{}
	}
	again := u.profile.tokens[peer] == t/tokenBucket
	u.profile.tokens[peer] = t / tokenBucket
	u.mu.Unlock()
	if again {
		return
	}
	token := u.tokenFor(peer, t/tokenBucket)
	for _, d := range peer.companions() {
		n := u.notification("privacy_token", u.pn, wire.Node{Tag: "tokens", Content: []wire.Node{{
			Tag:     "token",
			Attrs:   wire.Attrs{"jid": withDevice(peer.pn, d.id), "t": t, "type": "trusted_contact"},
			Content: token,
		}}})
		n.Attrs["sender_lid"] = u.lid
		d.deliver(n)
	}
}

func (u *User) tokenFor(peer *User, bucket int64) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "tctoken %s %s %d", u.lid.User, peer.lid.User, bucket))
	return sum[:16]
}

// LockReachOut keeps the account from writing to people it has no chat with
// until then: such messages are refused with error 463. A time that is past
// lifts the lock. Companions are told either way.
func (u *User) LockReachOut(until time.Time) {
	u.mu.Lock()
	u.profile.locked = until
	u.mu.Unlock()
	for _, d := range u.companions() {
		d.deliver(u.notification("mex", types.ServerJID, wire.Node{
			Tag: "update", Attrs: wire.Attrs{"op_name": "NotificationUserReachoutTimelockUpdate"},
			Content: mexData("xwa2_notify_account_reachout_timelock", u.reachOutLock()),
		}))
	}
}

// reachOutLock is the lock as clients read it (whatsmeow's
// NotifyAccountReachoutTimelock, Baileys' fetchAccountReachoutTimelock).
func (u *User) reachOutLock() map[string]any {
	u.mu.Lock()
	until := u.profile.locked
	u.mu.Unlock()
	if !time.Now().Before(until) {
		return map[string]any{"is_active": false, "enforcement_type": "DEFAULT", "time_enforcement_ends": "0"}
	}
	return map[string]any{
		"is_active": true, "enforcement_type": "WEB_COMPANION_ONLY", "time_enforcement_ends": unixOr0(until),
	}
}

// lockedOut reports whether the account may not write to a user now.
func (u *User) lockedOut(to types.JID) bool {
	u.mu.Lock()
	locked := time.Now().Before(u.profile.locked)
	u.mu.Unlock()
	if !locked {
		return false
	}
	peer := u.sim.findUser(to)
	return peer != nil && peer != u && !u.hasChat(peer)
}
