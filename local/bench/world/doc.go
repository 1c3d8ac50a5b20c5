// Package world is everything around the system under test, as one process: a
// simulated WhatsApp with its people, the receiver of the webhooks and whoever
// calls the API. One clock therefore sees both ends of what is measured.
//
// Load is open: what is due is done at its time, however long what was done
// before takes, and latencies of requests count from the time they were due. A
// system that falls behind is not spared the rest.
//
// The process serves one port of the loopback: WhatsApp, /hook for webhooks,
// and a call in JSON for each kind of measurement (client.go).
package world
