package keys

import (
	"context"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// answerLimit bounds how long an answer shuts out others when it comes to
// nothing, unless Options say otherwise.
const answerLimit = 3 * time.Second

// answer is the right to the ratchets of an answer to a receiver who could not
// read a message.
type answer struct {
	addresses [2]string // of the receiver, who may have two
	release   func()    // idempotent
}

// BeginAnswer must be called before whatsmeow encrypts a message again for a
// receiver who has asked for it (Client.PreRetryCallback). It does so on a
// goroutine and with a context of its own, outside [Keys.BeginSend]; here the
// answer gets the same right to the ratchets, until a session with the receiver
// has been stored that something was encrypted with. Answers of one instance
// must follow one another. An error when ctx ends first.
func (k *Keys) BeginAnswer(ctx context.Context, receiver types.JID) error {
	addresses := [2]string{receiver.SignalAddress().String()}
	if receiver.Server == types.DefaultUserServer {
		if lid, err := k.GetLIDForPN(ctx, receiver); err == nil && !lid.IsEmpty() {
			addresses[1] = lid.SignalAddress().String()
		}
	}
	if err := k.sending.lock(ctx); err != nil {
		return err
	}
	if err := k.ratchet.lock(ctx); err != nil {
		k.sending.unlock()
		return err
	}
	a := &answer{addresses: addresses}
	var limit *time.Timer
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = a
	a.release = sync.OnceFunc(func() {
		k.mu.Lock() // also orders this after limit is set
		limit.Stop()
		k.answer = nil
		k.mu.Unlock()
		k.ratchet.unlock()
		k.sending.unlock()
	})
	limit = time.AfterFunc(k.options.answerLimit, a.release)
	return nil
}

// answering tells whether an answer has the ratchets.
func (k *Keys) answering() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.answer != nil
}

// answered ends the answer under way when session, just stored for address, is
// the one that it was encrypted with. One that was begun with the receiver's new
// keys is stored before that as well.
func (k *Keys) answered(address string, session []byte) {
	k.mu.Lock()
	a := k.answer
	k.mu.Unlock()
	if a == nil || address != a.addresses[0] && address != a.addresses[1] {
		return
	}
	stored, err := store.SignalProtobufSerializer.Session.Deserialize(session)
	if err == nil && stored.SessionState != nil {
		if chain := stored.SessionState.SenderChain; chain != nil && chain.ChainKey != nil && chain.ChainKey.Index == 0 {
			return
		}
	}
	a.release()
}
