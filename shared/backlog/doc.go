// Package backlog is what webhooks have been told, are still to be told, and
// could not be told: one delivery for each event and subscription.
//
// # Keys
//
//	delivery#<instance>#<event>           <subscription>                       the delivery; while it is not done, the event too
//	deliveries#<instance>                 <state>#<time>#<event>.<subscription>  list of them; times in ms, 13 digits
//	lane#<instance>#<subscription>#<chat> lane                                 what waits: first, next number, when it is due
//	lane#<instance>#<subscription>#<chat> <number>                             which delivery that is; 16 digits
//	due#<shard>                           <time>#<lane>                        lanes by the time of their next try
//	webhook-health#<owner>                <subscription>                       since when nothing has got through
//
// A delivery that succeeds at its first try is written once, to be known for a
// day. Everything else exists only while something fails.
//
// # Lanes
//
// A lane is what one subscription waits for in one chat. It begins with a
// delivery that has failed, everything after it in the chat queues up behind
// it, and it ends when it is empty. So a chat keeps its order at each endpoint,
// and no chat and no endpoint waits for another.
//
// A lane holds [MaxWaiting] deliveries. One more, and the oldest goes to the
// dead letters: what is left is without a gap up to now, and what was left out
// can be replayed. Refusing the newest instead would leave gaps wherever the
// lane happened to have room again.
//
// # When
//
// The long pauses are times on the table, found by key: [Repository.Wake] reads
// the range of due# that has passed, once a minute in the cloud, and puts a
// wake-up for each lane onto the queue called [Queue]; where one process is all
// there is, [Alarm] sleeps until the first of them. A FIFO queue cannot do it:
// it has no delay for a message, hides one for 12 h at most, and every hidden
// one counts against what may be in flight.
//
// The one short pause, 5 s, is finer than the minute and is done by the queue:
// the wake-up is sent at once, and hidden by its consumer until it is due. The
// events queue could hide the event itself, but with it everything that
// happens in the chat, for all webhooks and for the transcript. The group of a
// wake-up is the subscription and one of [spread] parts of its chats, so that
// an endpoint that hangs can keep that many consumers busy and no more.
//
// # Concurrency
//
// The events of a chat are handled one after another, and so are the wake-ups
// of a lane; the two may meet, and a replay may join. Every change of a lane is
// one transaction on condition of its revision. Who writes a delivery holds its
// lane.
//
// # The end
//
// Dead letters are kept for 14 days, then the table forgets them. Nothing has
// to be removed with an instance: its lanes end when their webhooks do.
package backlog
