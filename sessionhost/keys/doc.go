// Package keys keeps what whatsmeow must remember of an instance (its device,
// its Signal sessions, who is who) on Roost's table. It implements every
// interface of whatsmeow's store package, so that any host can take over any
// instance, and a host that dies at any instruction loses no message.
//
// # One owner
//
// Keys belong to one process at a time, so what is in memory is true. [Open]
// writes a name of its own into one item, the fence; every later transaction
// rewrites the fence under the condition that the name still stands there, and
// counts a number up in it. An owner that was replaced can therefore store
// nothing at all, not even to items the new one has not touched: its next write
// fails with [ErrFenced], and so does every one after. All items carry the epoch
// of who wrote them and refuse a lower one, besides.
//
// # One transaction a message
//
// What decrypting a message changes (session, sender key, identity, prekey) and
// the decrypted event are one transaction, so that a message is with WhatsApp, or
// in the buffer, or handled. That transaction is the one in which the event counts
// as handled, with what else goes with the message (its secret, names, LID
// pairs): whatsmeow's last call before the receipt. Until then the table has what
// it had before, and WhatsApp has the message. Any other transaction that comes
// first takes the decryption along, and the event as not handled
// (decryption.go). What is sent is in the transaction of the session that it was
// encrypted with, should its receiver ask again. Names that come after their
// message wait for a transaction that happens anyway. In requests to the table:
//
//	inbound            1
//	outbound           1
//	login              0, and 2 for Open
//	takeover           2 for Open, then up to 2 to fill the memory, with a page
//	                   of 1 MB for each further 100 and more sessions
//	pairing            5
//
// # When a write's answer is lost
//
// The fence tells: its number is that of the last transaction that arrived. What
// did not arrive is sent again, unchanged, since it may be on its way still.
// When nothing can be learned for half a second, memory counts as stale, and
// whoever comes next takes a new owner's name, which keeps everything on its way
// out, and reads again.
//
// # Memory
//
// Sessions and sender keys are kept as [Options] allow, least recently used go
// first; names, tokens, chat settings and app state have a megabyte. Prekeys
// (26 kB), LID pairs and the hashes of the last 2,000 handled events stay; a new
// owner has the last 120 and more of those from the table.
//
// # At rest
//
// Every value is compressed if that helps, sealed for its place with the
// instance's data key, and split over several items if it is above 400 kB. The
// data key is stored wrapped; deleting the device deletes it first.
package keys
