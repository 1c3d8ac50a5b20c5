// Package blob is the port to Roost's bucket: whole objects under a key, for
// media, transcripts and manifests, and signed URLs to hand them out. It runs on
// S3 in the cloud and on a folder on a single machine.
//
// # What every adapter promises
//
//   - Durable on return: an object that Put stored survives the death of the
//     process and of the machine.
//   - Atomic: a reader sees the old object or the new one, whole, never a mix
//     and never a part; a reader that started goes on with what it opened. An
//     upload that fails leaves what was there before. Of two puts that overlap
//     either may win.
//   - Strongly consistent: a get or list that starts after a put or delete
//     returned sees it (S3 since December 2020).
//
// # Errors
//
// Every error wraps one of the Err values, the context's error, the error of the
// reader that was to be stored, or none of these when the fault is outside the
// contract. A put or delete with [ErrUnknownOutcome] may be done again.
package blob
