// Package appstate is the phone's and the server's side of app state sync: the
// settings, contacts and chat flags that a phone and its companions keep equal
// by exchanging encrypted patches.
//
// The server side is [Collection]: a numbered list of patches it cannot read,
// with an optional snapshot. [CollectionNode] turns one request stanza into one
// answer. [Collections] is the set of five an account has.
//
// The phone side is [Phone]: it holds the keys, makes patches and snapshots,
// and checks and reads the patches that companions upload, so that a test can
// see that a companion archived a chat.
//
// A patch moves one collection from version n to n+1. Four things protect it,
// all keyed by HKDF-SHA256 of the 32 byte app state sync key:
//
//   - index MAC: HMAC-SHA256 over the JSON index; it names the record.
//   - value MAC: HMAC-SHA512, cut to 32 bytes, over operation, key id and
//     AES-256-CBC ciphertext.
//   - snapshot MAC: HMAC-SHA256 over the LTHash of all live value MACs, the
//     version and the collection's name.
//   - patch MAC: HMAC-SHA256 over the snapshot MAC, the value MACs of the patch,
//     the version and the name.
//
// The formats are those of whatsmeow's appstate package (keys.go, hash.go,
// decode.go, encode.go). The crypto here is written anew, on the standard
// library and whatsmeow's LTHash, so that the two check each other.
package appstate
