// Package delivery takes events off their queue: first into the transcript,
// then to every webhook that wants them.
//
// # At least once, in order
//
// A record is done when the transcript has it and every subscription has
// answered 2xx. Until then it comes again, and so does what is behind it in its
// chat. What a subscription has had already is marked on the table, so that one
// that fails does not make the others hear things twice:
//
//	delivered#<event>   <subscription>   done: how many payloads of the event it has had; for a day
//
// A delivery can still be told twice, when its answer or its mark is lost. All
// tellings have the same webhook-id.
//
// # A receiver that is down
//
// The chat's first record waits for 5, 10, 20 ... 300 s; the queue gives up after
// ten receives, which is some 20 minutes. What is behind it is received as often
// and given up as well, but its messages are in the transcript: that is written
// for every record of a batch, whatever became of the delivery before it.
//
// # What receivers see
//
// Every call is signed as Standard Webhooks 1.0 says, and has a time limit of
// 15 s. Redirects are not followed: they would carry the signature elsewhere.
// Addresses that only this machine or its network can reach are refused when
// they are dialled (see [NewClient]).
package delivery
