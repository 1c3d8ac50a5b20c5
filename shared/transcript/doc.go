// Package transcript is what was said on an instance: each message, edit,
// revoke, reaction and receipt, once, in the order of its chat, until the
// archive takes it over.
//
// # Keys
//
//	transcript#<instance>#<chat>   <time>#<arrival>#<event>     the entry; times in ms, 13 digits
//	transcript#<instance>          chat#<chat>                  the chat: its last entry, what is unread
//	transcript#<instance>          alias#<jid>                  which chat a phone number or LID belongs to
//	transcript#<instance>          contact#<jid>                whom the instance knows
//	transcript#<instance>          label#<id>                   a label
//	transcript#<instance>          labelled#<chat>#<label>      that a chat has it
//	transcript#<instance>          contact-of#<phone number>    the LID under which that contact is
//	transcript#<instance>          sealed                       nothing is stored any more
//	transcript-time#<instance>     <time>#<arrival>#<event>     header of what listings show, over all chats
//	transcript-ids#<instance>      <message>#<event>            where the entries about a message are
//	transcript-ids#<instance>      <message>!<event>            a receipt of the message
//	transcript-ids#<instance>      <message>                    a status or edit that came before its message; where one of the past is
//
// # Once
//
// An entry, its indexes, its chat and its sender's contact are written in one transaction, on condition
// that the index is absent. The index's key holds the event's id, so an event
// that is told again changes nothing, even if its chat has got another name
// since. The index of an event about receipts is one of these.
//
// # One chat under two names
//
// A person has a phone number and a LID, and an event may know either or both.
// A chat keeps the key it was first seen under; every other name becomes an
// alias. When two chats turn out to be one person's, the one of the LID goes on
// and remembers the other's partition: entries are never moved.
//
// A message costs two requests to the table, one read and one write. So does a
// receipt, and between them one read for the account's last message in the chat,
// and two for each other message that it is about.
//
// # Status
//
// A message's status only moves forward, in the order that package message
// gives. Each receipt is an entry of its own as well.
//
// # Edits
//
// A message remembers where its latest edit is, and is shown with it. What was
// said first stays; the edit is an entry of its own as well.
//
// # The past
//
// What a phone tells of the time before it was linked comes in pieces of one
// chat, and may come beside the messages' own events. Whoever is second finds
// the other: the past looks messages up by their ids, and leaves under each id
// for a week where the message is. It is stored twenty messages at a time.
//
// # The end
//
// [Repository.Seal] refuses every later write with [ErrSealed], so that the archive
// is of something that does not change.
package transcript
