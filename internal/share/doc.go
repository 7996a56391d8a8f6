// Package share is the sending side: it turns files and folders into a
// manifest, reads and hashes their blocks, and answers the requests for them.
//
// [Walk], [FromText] and [Spool] make a share; [Share.Handler] serves it, to
// any number of receivers at once. Whether somebody may have the share is
// decided before a request gets here.
//
// # What holds
//
//   - Nothing is hashed ahead: a block is read and hashed when it is asked for,
//     so that the first byte leaves at once, whatever the size.
//   - What is sent is what the manifest says, or marked as not being it: the
//     size and the time of a file are looked at after every read.
//   - Only regular files below the paths that were named are opened. A file
//     that is swapped for a link, a pipe or a device meanwhile is a changed
//     file.
//   - A share costs about 150 bytes of memory for each file and, for files that
//     are being sent, 32 bytes for each block; besides that 512 KiB for each
//     run that is being served, of which there are at most 256.
//
// # What it does not do
//
// It knows no tickets, keeps to the rate that [Hooks] give and finds none,
// follows no links inside a folder, and does not notice a file that changes
// without its time changing, except by the receipt in the end.
package share
