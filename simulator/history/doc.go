// Package history makes the history a phone sends to a companion it has just
// linked: chats and old messages, as many as a test wants, in compressed chunks.
//
// A [Plan] says what the phone holds: exact conversations, generated ones, or
// both. [Plan.Chunks] makes the chunks one at a time, so a million messages need
// no more memory than one chunk. [Notification] wraps a chunk as the message that
// announces it, with the payload inside or as a reference to an uploaded blob.
//
// A real history comes in parts (the HistorySyncType of the protocol), each with
// its own chunks numbered from 1. A plan spreads the messages of each chat over
// the listed parts that carry conversations, so that each message is sent once:
// the newest go to INITIAL_BOOTSTRAP, the next to RECENT, the rest to FULL. What
// the phone holds beyond that comes only on demand: [ParseRequest] reads such a
// request, [Plan.OnDemand] answers it.
//
// Everything follows from the plan: the same plan gives the same bytes.
package history
