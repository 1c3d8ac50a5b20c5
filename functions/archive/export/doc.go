// Package export moves the transcript of an instance that is being deleted from
// the table into the bucket, and takes the instance away after it. By the same
// steps it exports the transcript of an instance that goes on, and leaves it
// where it is.
//
// # Steps
//
//  1. claim the record          one worker at a time
//  2. seal the transcript       it does not change from here on
//  3. put the plan              which chats there are; fixes the total
//  4. put the parts             some 32 MiB of lines each; the record says how far
//  5. put the transcript        the parts in one object: JSON Lines, gzip
//  6. put the page              HTML for people; see page.go
//  7. put the manifest          counts, first and last, checksums, media
//  8. complete the record       the API answers now
//  9. remove the transcript     only now
//  10. state deleted, event     remove.instance, the last word about the instance
//  11. webhooks, record         webhooks stay for a day, for what is still to be delivered
//  12. remove the parts, finish the sweep looks no more
//
// A live export does the steps 1, 3 to 8 and 12. It holds what had happened when
// it was asked for; what is said meanwhile may be missing from chats that have
// been walked, and never stands in it twice.
//
// # Resuming
//
// A worker stops after [archive.Slice], puts the rest of the job onto the queue
// and is invoked again. The record says which parts are stored; a part that is
// half done is begun again, and has the same bytes, since what is sealed does
// not change, parts end after a number of bytes of lines and not of seconds, and
// nothing in them has a time. So the objects are the same, however often a
// worker died and wherever slices ended. A worker that dies leaves the claim to
// run out; the job comes back after that.
//
// # One gzip member
//
// The parts are pieces of one deflate stream, each flushed to a byte's end, the
// first with the header of gzip, the last with its trailer: the checksum of all
// lines goes along in the record. Put behind each other they are an ordinary
// gzip file of a single member, which every program reads, a browser's
// decompressor too.
//
// # Memory
//
// One part, compressed, one page of the table (1 MiB), the plan with some
// hundred bytes for each chat, and for the manifest as much for each media file.
package export
