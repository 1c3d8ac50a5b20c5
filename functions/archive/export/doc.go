// Package export moves the transcript of an instance that is being deleted from
// the table into the bucket, and takes the instance away after it.
//
// # Steps
//
//  1. claim the record          one worker at a time
//  2. seal the transcript       it does not change from here on
//  3. put the transcript        JSON Lines, gzip; one entry a line, chat after chat
//  4. put the manifest          counts, first and last, checksum
//  5. complete the record       the API answers now
//  6. remove the transcript     only now
//  7. state deleted, event      remove.instance, the last word about the instance
//  8. webhooks, record          webhooks stay for a day, for what is still to be delivered
//  9. finish                    the sweep looks no more
//
// Every step can be done again and gives the same: steps 2 to 4 because what is
// sealed does not change and gzip is written without a time, the others because
// removing what is gone is nothing. A worker that dies leaves the claim to run
// out; the job comes back after that and goes on at step 2, or at step 6 when
// the record is complete.
//
// # Memory
//
// One page of the table (1 MiB) and the compressor's window, whatever the length
// of the transcript. The manifest holds one count for each chat.
package export
