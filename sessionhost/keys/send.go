package keys

import (
	"context"
	"sync"
)

// sendHold is a send's right to the ratchets.
type sendHold struct {
	k       *Keys
	release func() // idempotent
}

type sendKey struct{}

// BeginSend must be called before whatsmeow's SendMessage, with whose context
// the send is then made; done ends it and must be called.
//
// whatsmeow reads a session, encrypts and stores it again without a lock
// against decryption, so that a message that arrives meanwhile makes it use a
// key twice and the contact cannot read what was sent. Between BeginSend and
// the moment the sessions are stored (or done, if nothing was) no message is
// decrypted. The answers a send waits for before that (device lists, prekeys)
// do not pass the queue of messages, so nothing can wait in a circle; it waits
// for WhatsApp's acknowledgement without holding anything that decryption
// needs. Sends of one instance follow one another. A ctx that ends while
// waiting returns as it is, and the send fails by it.
func (k *Keys) BeginSend(ctx context.Context) (sendCtx context.Context, done func()) {
	if err := k.sending.lock(ctx); err != nil {
		return ctx, func() {}
	}
	if err := k.ratchet.lock(ctx); err != nil {
		k.sending.unlock()
		return ctx, func() {}
	}
	hold := &sendHold{k: k, release: sync.OnceFunc(k.ratchet.unlock)}
	return context.WithValue(ctx, sendKey{}, hold), sync.OnceFunc(func() {
		hold.release()
		k.sending.unlock()
	})
}

// holding tells whether ctx is of a send of k.
func holding(ctx context.Context, k *Keys) bool {
	hold, ok := ctx.Value(sendKey{}).(*sendHold)
	return ok && hold.k == k
}

// sent ends the hold of the send that ctx is of.
func (k *Keys) sent(ctx context.Context) {
	if hold, ok := ctx.Value(sendKey{}).(*sendHold); ok && hold.k == k {
		hold.release()
	}
}

// sendUrgency is that of what PutManySessions, which ends each send, will carry.
func (k *Keys) sendUrgency(ctx context.Context) urgency {
	if holding(ctx, k) {
		return beforeReceipt
	}
	return promptly
}
