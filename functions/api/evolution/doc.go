// Package evolution speaks the HTTP dialect of Evolution API 2.3.7, so that
// programs written for it run unchanged: its routes, status codes, error
// wordings and shapes, down to the doubly nested array of a refused body.
//
// Where Evolution's own behaviour fails its users this dialect is kinder, in
// ways that no client breaks on:
//
//   - connect waits for what it promises instead of sleeping two seconds, and
//     its answer always has all four keys. With a number it answers a pairing
//     code or an error with the reason, never a null: Evolution's
//     {"error":true,"message":...} under status 200 is taken for success by
//     every client that looks at the status, and then shown as an empty field.
//     So a failure of connect is the error envelope with 400 (do something
//     else), 429 or 503 (ask again).
//   - parameters of the query never replace those of the path: in Evolution that
//     lets one instance's token act on another.
//   - bodies of version 1, of the documentation and of the n8n node are taken
//     too, and fields of forms may be numbers and booleans written as text.
//
// What Evolution has and this server does not serve is refused with a
// sentence, under 400 and not under 404: programs take 404 for "the instance is
// gone" and create it again.
package evolution
