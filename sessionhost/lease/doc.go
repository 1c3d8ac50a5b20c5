// Package lease makes sure that an instance has one owner at a time, with no
// server for it but the table: a host keeps one record that says it is alive
// (package fleet), and owns the instances that name it only while that record
// counts.
//
// # States of a host
//
//	joining ──▶ held ──▶ leaving ──▶ released    SIGTERM: sessions are handed over first
//	               │
//	               └──▶ lapsed ──▶ joining       it could not renew, or was paused: a new term
//
// The names of a host and of a term of it (a random text) stand in the record.
// While the lease is held the record is renewed four times a lease; each renewal
// counts the beat up under the condition that the term is still there and has
// not been ended. An observer that sees no new beat for a whole lease on its own
// clock ends the term, under the condition that the beat has not moved, and only
// instances of ended terms are taken.
//
// # Why two owners cannot both write
//
// Let a renewal begin at s by the holder's clock, and a lease be L.
//
//   - The holder trusts it until s + L - L/5, and no renewal whose answer it has
//     not seen. Clocks are never compared, only lengths of time are; the fifth
//     pays for clocks that run at different speeds and for closing the sockets.
//   - The renewal is on the table at s or later. An observer that has read it
//     knows so at a moment o >= s, and ends the term after another read that
//     began at o + L or later and still showed it. So the term is ended after
//     the holder has stopped to trust it.
//   - A renewal that arrives late, when the term was ended, fails: [ErrLapsed].
//
// The clock counts while the process is stopped (SIGSTOP) and while the machine
// sleeps. Every write of a session and everything it says to WhatsApp passes
// [Term.Held] first, so a host that wakes up finds that it owns nothing before it
// has written anything ([Term.Table], [Term.Queue], [Term.Conn]), and all its
// sockets are closed.
//
// What is left is a host that is stopped between that look and the system call
// behind it. It meets fences: every record of an instance is written under the
// condition that it still names this host and epoch (instance.ErrTaken), every
// transaction on keys rewrites the fence that the next owner has replaced
// (keys.ErrFenced), an event that is told twice has one id, and WhatsApp closes
// the older of two connections (stream replaced), which is answered with a
// state, never with another connection.
//
// # Time bounds
//
//	                                     of L        L = 5 s
//	renewal, and a look at the others    L/4         1.25 s
//	the answer of a renewal              L/2         2.5 s
//	a holder trusts a renewal            L - L/5     4 s
//	a silent host is ended               L to 5/4 L  5 to 6.25 s after its last renewal
//	its instances are taken              at once, at most StartRate at a time
//	a host that was ended clears away    its queue is forwarded for 70 s, then dropped
//
// A host that is told to end hands over: its record says that it leaves, then
// each session is closed, released in its record, and another host is nudged. Nobody waits for
// a lease.
//
// # Cost
//
// Two requests each quarter of a lease (the renewal, the list of hosts), and a
// look at the list of instances that nobody holds each second lease: 1.7 a
// second and host at L = 5 s, whatever the number of instances.
package lease
