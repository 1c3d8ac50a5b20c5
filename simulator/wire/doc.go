// Package wire is WhatsApp's transport: a websocket that carries length-prefixed
// frames, a Noise XX handshake that proves both sides, and stanzas of binary XML
// in encrypted frames. [Accept] is the server's half, which unmodified clients
// speak to. [Dial] is a light client half for load tests and hostile tests.
//
// # Frames
//
// A frame is a 3-byte big-endian length and as many bytes, fewer than 2^24. A
// client puts 'W','A',6,DictVersion before its first frame, and before that,
// if a server once told it to, 'E','D',0,1, a 3-byte length and that many bytes
// of routing information. A server sends no header. A reader takes frames
// however they are spread over websocket messages; a writer puts the frames of
// one call together into messages of a few KiB, and none into two, because
// whatsmeow (socket.FrameSocket, processData) loses a frame that is spread over
// two, and with it all later traffic.
//
// # Handshake
//
// Noise_XX_25519_AESGCM_SHA256 with the client's header as prologue: clientHello
// (ephemeral key), serverHello (ephemeral key, encrypted static key, encrypted
// certificate chain), clientFinish (encrypted static key, encrypted payload).
// The client's static key is its credential, the payload says who it is. After
// that every frame is sealed with AES-256-GCM, one key and counter a direction.
//
// # Stanzas
//
// The first byte of a decrypted frame is flags (bit 1: the rest is zlib), the
// rest is one node. A node is checked for depth and size before it is decoded,
// so that a hostile one costs no more than the bytes it came in.
//
// # Life of a connection
//
// One goroutine reads, any number write. A connection is over, and Done closed,
// after Close, after Drop and after the first failed Read or Write; it never
// recovers. Nobody but Read and Write notices that the peer is gone, so a
// connection must be read until it fails. Time bounds: 20 s for the server's
// handshake, 15 s for a write, 5 s for an orderly close.
package wire
