package keys

import (
	"bytes"

	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"
)

// maxArchived is how many older sessions a record keeps (libsignal,
// state/record, archivedStatesMaxLength).
const maxArchived = 40

// mend undoes what libsignal does to the sessions of a record that did not
// decrypt a message. Two people who write to each other first at the same time
// have two sessions. libsignal tries a message on one after the other, takes
// each through the Diffie-Hellman step before it knows whether the message is
// authentic, and stores them all when one succeeds; it also leaves an old copy
// of that one behind (session, DecryptWithRecord). What is sent with a session
// that was taken somewhere else cannot be read by anybody.
//
// before and after are the record as it was and as libsignal wants it stored
// after one decryption. Only the session in front may have changed; the others
// become what they were, each once. What is no record is returned as it is.
func mend(before, after []byte) []byte {
	if alone(after) {
		return after
	}
	format := store.SignalProtobufSerializer.Session
	now, err := format.Deserialize(after)
	if err != nil || now.SessionState == nil || len(now.SessionState.SenderBaseKey) == 0 || len(now.PreviousStates) == 0 {
		return after
	}
	old, err := format.Deserialize(before)
	if err != nil || old.SessionState == nil {
		return after
	}
	kept := now.PreviousStates[:0]
	seen := [][]byte{now.SessionState.SenderBaseKey}
	for _, state := range append([]*record.StateStructure{old.SessionState}, old.PreviousStates...) {
		if len(state.SenderBaseKey) == 0 || len(kept) == maxArchived || contains(seen, state.SenderBaseKey) {
			continue
		}
		seen = append(seen, state.SenderBaseKey)
		kept = append(kept, state)
	}
	now.PreviousStates = kept
	return format.Serialize(now)
}

func contains(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}
