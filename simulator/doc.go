// Package simulator is a WhatsApp: a server and phones that unmodified clients
// pair with, log in to and talk to, with real Noise and Signal cryptography.
//
// It exists because nothing else can prove a WhatsApp gateway: the service
// itself cannot be reached from a build, cannot be made to fail on purpose and
// tells nobody what a client did wrong. The simulator is strict (it records
// what a correct client never does, see [Violation]), rude where the protocol
// allows it (see [Knobs]) and can fail in every way a test needs (see [Fault]).
//
// # Pointing a client at it
//
//	sim := simulator.New(simulator.Config{})
//	server := httptest.NewServer(sim)
//	whatsmeow.WACertPubKey = sim.RootPublicKey() // once, before any client connects
//	hc := sim.HTTPClient(server.URL)
//	client.SetWebsocketHTTPClient(hc)
//	client.SetPreLoginHTTPClient(hc)
//	client.SetMediaHTTPClient(hc)
//
// All simulators of one process share one root key, because a client trusts
// exactly one. A client in another process reads the key from GET /simulator.
//
// # People
//
// A [User] is a WhatsApp account with its phone. [Simulator.Phone] makes the
// account whose companion is under test, [Simulator.Contact] somebody it talks
// to; both are the same thing seen from two sides. Every user has a phone
// number and a LID, Signal state of its own and an inbox.
//
// Tests in other languages hold the phones over HTTP, on the same port: the
// control API, described in control_doc.go. simulator/cmd/simulator serves it.
//
// # How a stanza travels
//
// A [stream] is one client connection: its read loop hands every stanza to the
// handler that stanzas.go names for it, in order. What the server says goes
// through the stream's outbox, which keeps the order and never blocks the one
// who speaks. What must survive a connection (messages, receipts,
// notifications, calls) goes through the device's queue: it stays there until
// the client has acknowledged it and is sent again on the next connection.
//
//	client ─▶ stream.read ─▶ stanzas.go ─▶ handler ─▶ stream.push ─▶ client
//	                                          └─▶ device.deliver ─▶ queue ─▶ stream
//
// # Adding a stanza
//
//  1. Find what the client sends: run a test with Config.Logger set and read
//     the line "unknown iq" (or "unknown stanza"): it carries the XML.
//  2. Write func (st *stream) handleThing(n *wire.Node) beside what it resembles
//     and answer with st.result(n, child...) or st.refuse(n, code, text).
//     Attributes that are JIDs must be types.JID values, not strings.
//  3. Name it in the table of stanzas.go, by namespace, type and first child.
//  4. Add a test that drives it with a whatsmeow client: world_test.go pairs
//     one in a line.
//
// What a person does on a phone is a method of [User]; what goes wrong is a
// [Fault]; what the server may do either way is a field of [Knobs].
//
// # Locks
//
// Group.mu guards a group, Simulator.mu the directory, User.mu an account,
// device.mu a device and its queue, stream.out the outbox. They may be taken in
// this order (handset.group -> Group.mu -> Simulator.mu -> User.mu -> device.mu
// -> stream.out) and never the other way; no lock is held while bytes are
// written to a socket. Before Simulator.mu come settings.mu (an account's app
// state) and feed.mu (the history that a companion is being sent).
//
// # Figures
//
// bench_test.go has light clients in a process of their own and counts what
// the simulator takes without them:
//
//	go test -run - -bench Fan -benchtime 100000x ./simulator
//	go test -run - -bench Login -benchtime 5000x ./simulator
//	go test -run - -bench Pair -benchtime 1000x ./simulator
//	go test -run - -bench 'Idle|PreKeys' -benchtime 1x ./simulator
//
// Seen on 2026-11-22 with 2 cores of an AMD EPYC virtual machine (Linux 6.18,
// Go 1.26.8), which the clients shared and, all the time, other work too (load
// 1.7 to 6.3). The best and the worst of five runs, of three for logins,
// pairings and memory; processor time is the simulator's alone.
//
//	                                 best       worst      processor time each
//	messages to one client           68,800/s   53,800/s   17 to 22 us, 44 allocations
//	messages spread over 1,000       44,000/s   17,200/s   26 to 35 us, 45 allocations
//	logins until active               1,720/s      880/s   0.45 to 0.54 ms
//	pairings with the first sync        390/s      195/s   2.9 to 3.4 ms
//
//	an idle connection, 10,000 of them     9.9 kB of heap, 4.1 kB of stack, 1 goroutine; 17.8 kB resident
//	a linked account beside it             35 kB of heap: app state, first sync, 8 prekeys
//	812 prekeys instead of 8               30.4 kB of heap
//	an account that nobody has linked      2.4 kB of heap
//	all of it for 10,000, with 8 prekeys   71 to 72 kB resident each
//
// Messages are texts of 100 letters, encrypted before (User.Prepare), each
// confirmed by a receipt that the simulator acknowledges and notes for the
// author. They are first messages of a session (pkmsg), since light clients
// write nothing back. Memory is without compression and without the kernel's
// socket buffers.
//
// Processor time bounds them all. Of the spread messages the clients take
// another 18 to 26 us each, so both together fill 2 cores at some 44,000/s; in
// the worst run they got hardly more than one. In a profile of the simulator's
// part, system calls were 23 %, encoding stanzas 19 % and garbage collection
// 11 %; pairings are mostly Curve25519.
package simulator
