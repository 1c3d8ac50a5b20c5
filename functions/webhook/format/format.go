// Package format is what a webhook's format is: a way to put events into the
// calls that programs of one kind expect. Each dialect brings its own; the
// deliverer knows none of them and signs, orders and repeats all alike.
package format

import (
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/webhook"
)

// Format puts an event into calls, none for what its programs have no words
// for. The same event gives the same calls in the same order, since a delivery
// that broke off goes on where it stopped. An error means that the event cannot
// be read and never will be.
type Format func(e event.Event) ([]Call, error)

// Call is one request to be made.
type Call struct {
	// Name is what filters go by: the event's name in the settings of
	// Evolution's webhooks (MESSAGES_UPSERT), whatever the format.
	Name string
	// Media is a file that belongs into the request, nil for none.
	Media *message.Media
	// Build makes the request. It may be called again.
	Build func(Target) (Request, error)
}

// Target is whom a call is for, and what was found for it.
type Target struct {
	Subscription webhook.Subscription
	ServerURL    string // of the API
	// File is Media's content, nil when it is not asked for, not known or too
	// large. FileURL then leads to one that is too large.
	File    []byte
	FileURL string
}

// Request is a POST before it is signed.
type Request struct {
	URL         string
	ContentType string // "" for JSON
	Body        []byte
}
