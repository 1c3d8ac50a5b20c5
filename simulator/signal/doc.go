// Package signal is the Signal protocol state of one simulated device: its
// identity, its prekeys, its pairwise sessions and its sender keys.
//
// The wire format and the key schedule are libsignal's; sessions are libsignal
// states. What differs from libsignal's session.Cipher is the order: here a
// message is authenticated and opened first, and only then does the state
// change. libsignal changes the state first and relies on a store that throws
// the changed record away when decryption fails. Sessions that live in memory
// have no such second copy, and parsing a record for every message would cost
// more than the cryptography.
//
// A simulated phone is trusting: a peer that comes back with a new identity is
// believed at once, because tests change identities on purpose and look at
// what the client under test does about it.
package signal
