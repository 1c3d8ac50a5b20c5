package simulator

import (
	"crypto/sha1" //nolint:gosec // the protocol's choice
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/signal"
)

// newKeyDigest begins the hash of a client's keys.
func newKeyDigest(identity [32]byte, signed signal.PreKey) hash.Hash {
	h := sha1.New() //nolint:gosec // the protocol's choice
	h.Write(identity[:])
	h.Write(signed.Public[:])
	if signed.Signature != nil {
		h.Write(signed.Signature[:])
	}
	return h
}

// deviceListHash names a device list so that clients notice a change they
// missed (whatsmeow send.go, participantListHashV2).
func deviceListHash(devices []types.JID) string {
	names := make([]string, len(devices))
	for i, j := range devices {
		names[i] = j.ADString()
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		h.Write([]byte(name))
	}
	return "2:" + base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:6])
}
