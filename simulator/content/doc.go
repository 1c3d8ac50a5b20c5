// Package content is what simulated people say and what they understand:
// WhatsApp's message protobuf made from plain Go values, and read back.
//
// Builders return a *waE2E.Message as a phone would send it:
//
//	content.Text("hello")
//	content.Reply(content.Text("yes"), content.Quote{ID: id, Sender: anna, Message: question})
//	content.Reaction(content.Key{Chat: chat, ID: id}, "👍", now)
//
// Describe reads any message, from whichever client, into an Entry of a
// person's inbox. Nothing here talks to anybody: whoever sends a message
// encrypts it and adds the attributes of its stanza.
//
// Builders never change the messages they are given.
package content
