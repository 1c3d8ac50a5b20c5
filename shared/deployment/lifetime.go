package deployment

import "time"

const day = 24 * time.Hour

// Lifetimes are for how long objects stay that nobody removes by name, by what
// their keys begin with. template.yaml says the same to S3; where the bucket is
// a folder, its process sees to it.
var Lifetimes = map[string]time.Duration{
	// Bodies of queued events and commands: as long as their message can live,
	// which is 14 days on the queue and 14 more as a dead letter.
	"events/":   29 * day,
	"commands/": 29 * day,
	// What webhooks are still to be told (30 days), or could not be (14).
	"deliveries/": 31 * day,
	// Files that only webhooks want: as long as a link to one is good.
	"passing/": 8 * day,
	// Files to send: nobody waits longer than half a minute.
	"outbox/": day,
}
