// Package session is one instance's life on its host: the connection, the
// pairing, the state that the record shows.
//
// # One loop
//
// Everything about a session is decided on one goroutine, run. Whatever happens
// reaches it through the inbox: commands of the API, signals of the connection,
// results of what was started in the background. Fields without another owner
// named are the loop's. Messages do not pass the loop: they are stored on the
// connection's own goroutine before WhatsApp is told that they have arrived
// (sink.go).
//
// # States
//
//	           connect            codes              phone agrees       login
//	created ───────────▶ connecting ─────▶ pairing ─────────────▶ starting ─────▶ open ⇄ idle
//	closed, loggedOut ───────┘   │            │ qrTimeout                │            │
//	                             └─ linked: starting, then open          │            │
//	closed ◀─────────────────────────────────┴──────────────────────────┴────────────┘
//
// A connection that ends without a reason that only a person can mend is opened
// again: at once with a little jitter, then after 1, 2, 4 ... 60 seconds.
//
// WhatsApp's silence makes an instance idle, whether its socket is open or being
// opened again; how long that takes, and what is given up then, says Rhythm.
//
// # Time bounds
//
//	dial until login or codes        20 s, then the attempt counts as failed
//	phone agrees until login          5 s, then connected again (the stanza that ends pairing can be lost)
//	login until ready                10 s at most, when WhatsApp does not say that all is delivered
//	pairing                          settings.qrTimeout, 160 s by default
//	QR code                          60 s for the first of six, 20 s for others (WhatsApp's own)
//	pairing code                     160 s, or until its connection ends
//	silence until idle               90 s (Rhythm), then the socket is opened anew
//	idle until released              10 min, only where the record says Releases
//	recover                          10 s; 2 s for a sign of life of a socket in doubt
package session
