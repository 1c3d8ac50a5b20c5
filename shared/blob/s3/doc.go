// Package s3 keeps Roost's objects in a bucket of S3. It makes the promises of
// package blob.
//
// Objects up to 5 MiB go up in one request that carries their SHA-256, by which
// S3 checks them; larger ones in parts of 5 MiB, two at a time, by the SDK's
// transfer manager, and appear when the last part is there. An upload that fails
// is aborted; what a crash leaves is for a lifecycle rule
// (AbortIncompleteMultipartUpload). Memory is 20 MiB for an upload at most.
//
// Requests are tried as [cloud.Default] says, each for a minute. Whoever reads
// objects needs s3:ListBucket too, because without it S3 says AccessDenied where
// it means not found.
//
// # Signed URLs
//
// A URL dies with the credentials that signed it. Credentials that say when they
// end bound the URL's expiry, and are renewed first if they end within half an
// hour and before the URL should. Credentials of a role that do not say it, as
// Lambda has them in its environment, are taken to live for another hour.
package s3
