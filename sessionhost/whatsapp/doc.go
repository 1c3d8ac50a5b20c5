// Package whatsapp is Roost's side of the client library: it opens
// connections, translates what comes into Roost's words, and sends. Nothing
// else of Roost knows whatsmeow but the keys, which are its store.
//
// # What whatsmeow does that others must not have to know
//
//   - A handler that panics counts as success. Every handler here recovers and
//     reports failure (handle.go).
//   - A message is acknowledged when the handlers have returned true. Messages
//     therefore go to the Sink inside the handler, and what the Sink could not
//     store is refused; the connection is then reset, since WhatsApp sends it
//     again only on the next one.
//   - With a sender key a group message gives two events of one id, the first
//     of which says nothing (receive.go drops it by content, not by id).
//   - The stanza that ends pairing (515) can be lost: whoever sees PairSuccess
//     and no Connected soon after connects again (session).
//   - SendMessage says that all is well when it could not fetch the prekeys of
//     the receiver, whom it then leaves out (send.go looks before it sends).
//   - Histories are fetched whole into memory: ours are noted by the Sink, then
//     spooled and read as a stream, one at a time (history.go).
//   - permessage-deflate costs ten times the memory: it is not offered.
package whatsapp
