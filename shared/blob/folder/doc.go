// Package folder keeps Roost's bucket in a folder and serves its signed URLs.
//
// # Files
//
// A key is a path below the folder, each part percent-encoded. An object is two
// files there, of which % (never followed by anything but two hex digits in an
// encoded part) marks the kind:
//
//	part%object.NONCE   the bytes
//	part%meta           JSON: which of the former is current, and its Info
//
// Put writes the bytes under a new nonce, then the metadata, each synced, and
// renames the metadata into place: that rename is the one instant at which the
// object changes. The bytes it replaced are removed afterwards; a reader that
// has them open keeps them. A crash leaves unused files at worst, which
// [Folder.Sweep] removes.
//
// # Signatures
//
// A URL carries its expiry and a SHA-256 HMAC over method, key, expiry, file
// name, size limit and content type, so none of them can be changed. Whoever
// holds the secret can sign; all processes that serve a folder share it.
package folder
