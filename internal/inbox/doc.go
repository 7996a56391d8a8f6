// Package inbox is the receiving side of the disk: it decides under which names
// a sender's files may stand in a folder, keeps what has arrived of them over a
// crash, and puts whole files in place.
//
// Use: [Open] a folder, [Inbox.Plan] what is to be received (nothing is written
// yet), show it to who decides, [Plan.Begin], then [Landing.Write] each block
// that was verified, from any goroutine, and [Landing.Finish].
//
// What it guarantees:
//
//   - Nothing outside the folder is touched. All goes through one os.Root, and
//     only regular files are opened.
//   - A name that appears in the folder is a whole file, synced to the disk
//     before its name appeared. An existing file is replaced only when asked.
//   - A block that a journal names is on the disk. Killed or cut from power at
//     any moment, the same files from the same device go on from their journals
//     without being read, and a file that was put in place is recognised.
//   - What lies unfinished in the folder counts only if it was written with the
//     same [Secret], for that file, at that place. Anything else under its name is
//     set aside, told ([Landing.SetAside]) and not removed.
//   - Streams are never more than [MaxUnsynced] ahead of the disk.
//
// What it does not do: it verifies no digest (its caller has), asks nobody,
// knows no network, and does not guard against somebody who may write into
// the folder and changes a partial file there.
//
// # On the disk
//
// Everything unfinished lies in the folder ".lanyard" of the inbox, so on the
// same file system:
//
//   - KEY.part: a file's bytes, each block at its place.
//   - KEY.journal: which blocks of KEY.part are on the disk, with their digests
//     (see journal.go). Only files that were not whole at their first sync
//     have one.
//   - ID.transfer: one transfer's log: its files' keys, and for each file that
//     was about to be put in place its final name (see log.go). It is locked
//     by the process that receives, and goes when all files are in place.
//   - Any of these with ".foreign-" and eight characters behind it: what was set
//     aside.
//
// KEY is made from the sending device and the file's path, size and
// modification time, ID from the device and the keys of all files: neither
// depends on a code or a share's ID.
//
// # Putting a file in place
//
// In this order, each step on the disk before the next: the bytes, the intent
// in the log, the new name. A file whose intent is there and whose partial file
// is gone is in place, if the final name has its size and time. Batches of files
// share the syncs: on Linux one syncfs for many.
package inbox
