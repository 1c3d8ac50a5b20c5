// Package delivery takes events off their queue: first into the transcript,
// then to every webhook that wants them.
//
// # First the transcript
//
// Every event of a batch is stored before the first webhook is called, and the
// record is done when each subscription has either answered 2xx or has the
// event in its backlog. Neither what a webhook answers nor whether it does
// keeps a message from the transcript, or the chat's next one from being taken.
//
// # Together
//
// What is stored around the events of a batch is read in one request, and the
// transcript of all its chats is written in one; notes of deliveries that end at
// the same time go together. So a message costs three requests of the table, and
// one of ten in a batch 1.2 where they are of one chat, and fewer where they are not. When the write
// of a batch is refused, because somebody else has changed a chat since it was
// read, each chat is written for itself, and then each event.
//
// Subscriptions are remembered from batch to batch. Their version is read with
// each (package webhook), so that a change counts from the next event on.
//
// # At least once, in order
//
// The first call is made at once. When it fails, the event and all that follows
// in its chat wait in a lane (package backlog) and are tried again 5 s, 5 and
// 30 min, 2, 5, 10, 14, 20 and 24 h after each other: ten tries in 75 hours, then
// it is a dead letter, for 14 days. Retry-After is heeded. So an endpoint hears
// each chat in its order; a later event may overtake a failed one only in
// another chat, or when the failed one has been given up.
//
// A process may die between an answer and its note of it. The call is then made
// again, before anything that follows it, and under the same webhook-id.
//
// # Nobody waits for another
//
// Subscriptions are called at the same time. One that is slow has [patience] for
// the events of a batch, then the rest goes into its lane; one that hangs holds
// a chat up for its time limit of 15 s, once, since from then on it has a lane.
// Lanes are worked off by wake-ups on a queue of their own, four of a subscription
// at a time. One that has failed for a minute is called by them alone, also for
// chats in which nothing waits: so it takes no more than these four, however
// many chats its instance has. An answer counts when its header is there; its
// body is read for a second.
//
// # The end of a subscription
//
// One that answers 410, and one where nothing has got through for 5 days, is
// turned off, and the others are told (webhook.disabled). What waited for it
// becomes dead letters, so that it can be replayed when the endpoint has been
// mended and the subscription turned on again.
//
// # What receivers see
//
// Every call is signed as Standard Webhooks 1.0 says, with two secrets while
// they are being exchanged. Redirects are not followed: they would carry the
// signature elsewhere. Only public addresses are called, over https (package
// egress).
package delivery
