// Package linking is what a phone does when a companion is linked to its
// account. There are three ways in, and each ends with the phone knowing the
// companion's identity key and a secret shared with it:
//
//   - QR: the phone reads both from the code (ParseQR).
//   - Code: the user types eight characters, which wrap two ephemeral keys
//     (AnswerCode).
//   - Passkey: the companion proves itself with a WebAuthn assertion and both
//     sides show a code to compare (ParsePrologue, AnswerPasskey).
//
// Then the phone signs the companion's identity (Sign) and checks the
// companion's signature in return (Identity.Verify).
//
// The package does the cryptography only: it neither sends nor waits. The
// formats are those of whatsmeow's pair.go, pair-code.go and pair-passkey.go.
package linking
