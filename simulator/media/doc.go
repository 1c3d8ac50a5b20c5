// Package media is WhatsApp's media servers and the cryptography of the files
// on them.
//
// A Store holds uploaded bodies in memory and answers the HTTP requests that
// unmodified clients send to the host named in their media_conn:
//
//	POST   /mms/<kind>/<token>?auth=&token=              upload, encrypted
//	POST   /newsletter/newsletter-<kind>/<token>?…       upload, plain
//	GET    <direct path>[&anything]                      download, with Range
//	DELETE /mms/<kind>/<token>?auth=&token=&d_md=        forget a history blob
//
// The shapes are those of whatsmeow (upload.go, download.go) and Baileys
// (Utils/messages-media.ts). The store never sees a key: a simulated phone
// encrypts with Encrypt, puts the body and sends the key inside a message.
// Profile pictures are bodies put without encryption.
package media
