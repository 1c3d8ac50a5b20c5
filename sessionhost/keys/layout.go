package keys

import (
	"strings"
	"time"

	"roost/shared/instance"
)

// Sort keys, in the order a query meets them. What stands under "a/" is small,
// needed by every login and loaded by Open in one query; the rest is loaded
// when it is first asked for.
const (
	sortDevice   = "a/device"
	sortFence    = "a/fence" // who may write: attributes epoch, owner, seq
	sortDataKey  = "a/key"   // the wrapped data key
	sortPurge    = "a/purge" // there while everything else is being deleted
	sortSalt     = "a/salt"
	prefixLoaded = "a/"

	prefixDone         = "a/d/" // number of a chunk of handled ciphertext hashes
	prefixOpen         = "a/e/" // ciphertext hash: a decrypted event nobody has handled yet
	prefixPreKey       = "a/k/" // number of a chunk
	prefixPair         = "a/l/" // number of a chunk of LID pairs
	prefixNativePeer   = "a/p/" // address without LID: there are none but before a migration
	prefixNativeSender = "a/q/" // address/group, likewise
	prefixVersion      = "a/v/" // app state collection
	prefixSyncKey      = "a/y/" // app state key id

	prefixKnown    = "m/"   // all that follow
	prefixContact  = "m/c/" // JID
	prefixChat     = "m/s/" // JID
	prefixToken    = "m/t/" // JID
	prefixPeer     = "p/"   // Signal address: identity and session
	prefixSender   = "q/"   // Signal address/group
	prefixMutation = "x/m/" // collection/bucket
	prefixOutgoing = "x/o/" // hash of chat and id: a message that was sent
	prefixPoll     = "x/p/" // hash of chat and id: what a poll offers
	prefixSecret   = "x/s/" // hash of chat, sender and id
	prefixPart     = "z/"   // sort key/number: what an item has no room for
)

// How long things live. WhatsApp keeps undelivered messages for 14 days
// (sqlstore DeleteOldBufferedHashes).
const (
	eventLife  = 14 * 24 * time.Hour
	secretLife = 30 * 24 * time.Hour
	tokenLife  = 60 * 24 * time.Hour // whatsmeow ignores tokens of 28 days (tctoken.go)
	fenceLife  = 30 * 24 * time.Hour // after Delete
)

func partitionOf(id instance.ID) string { return "keys#" + string(id) }

// class tells how long a value stays in memory.
type class int

const (
	pinned   class = iota // while the Keys are open
	ratchets              // as Options.Sessions and SessionBytes allow
	facts                 // a few hundred kilobytes
	nothing               // not at all
	classes
)

func classOf(sort string) class {
	if len(sort) < 4 {
		return nothing
	}
	switch sort[:4] {
	case prefixDone, prefixOpen, prefixPair, prefixSecret, prefixOutgoing, prefixPoll:
		return nothing // an index of its own, or never asked for again
	case prefixNativePeer, prefixNativeSender:
		return ratchets
	case prefixMutation:
		return facts
	}
	switch sort[:2] {
	case prefixLoaded:
		return pinned
	case prefixKnown:
		return facts
	case prefixPeer, prefixSender:
		return ratchets
	}
	return nothing
}

// A Signal address is user:device, and user ends in _1 if it is a LID
// (types.JID.SignalAddressUser).
func native(address string) bool {
	user, _, _ := strings.Cut(address, ":")
	return !strings.Contains(user, "_")
}

func peerSort(address string) string {
	if native(address) {
		return prefixNativePeer + address
	}
	return prefixPeer + address
}

func senderSort(address, group string) string {
	if native(address) {
		return prefixNativeSender + address + "/" + group
	}
	return prefixSender + address + "/" + group
}

// kindOf is what an error may tell of a sort key, which names people.
func kindOf(sort string) string {
	for _, kind := range [...]struct{ prefix, name string }{
		{prefixOpen, "open events"},
		{prefixPreKey, "prekeys"},
		{prefixPair, "LID pairs"},
		{prefixNativePeer, "peers"},
		{prefixNativeSender, "sender keys"},
		{prefixVersion, "app state versions"},
		{prefixSyncKey, "app state keys"},
		{prefixDone, "handled events"},
		{prefixContact, "contacts"},
		{prefixChat, "chat settings"},
		{prefixToken, "privacy tokens"},
		{prefixPeer, "peers"},
		{prefixSender, "sender keys"},
		{prefixMutation, "app state MACs"},
		{prefixOutgoing, "sent messages"},
		{prefixPoll, "polls"},
		{prefixSecret, "message secrets"},
		{prefixLoaded, "device"},
	} {
		if strings.HasPrefix(sort, kind.prefix) {
			return kind.name
		}
	}
	return "keys"
}
