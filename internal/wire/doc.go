// Package wire is what nodes say to each other: the manifest, runs of blocks,
// receipts, errors, and the numbering of blocks that both sides share.
//
// It is pure: it opens no sockets and no files, and starts no goroutines.
// Decoders take what strangers send: each has a bound on what it reads and
// keeps, and fails with one of the sentinels of this package. Text in what they
// return is as untrusted as before, unless it says otherwise: [Escape] makes it
// fit to be shown, and package inbox decides about paths.
//
// What is written here is protocol version 1, see docs/protocol.md. Fields that
// are not known are ignored, so that later versions can add some.
package wire
