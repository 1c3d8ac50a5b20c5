// Package knownraces keeps the race detector from failing a test for a race of
// the client library with itself. Such a race is not ours to mend, and leaving
// out the tests that meet it would leave out the ends of sessions, which are
// what must be tested.
//
// Each entry names one function of the library, in one line of known.txt, with
// why it races above it. A report is kept back only when that function is in
// one of its two stacks; a race in our own code is reported as ever, also when
// the library has called it. Adding an entry needs a report and a reason.
package knownraces
