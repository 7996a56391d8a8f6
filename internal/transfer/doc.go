// Package transfer fetches the blocks of a share over many streams.
//
// One queue holds what is still to be fetched. Each stream takes a run from
// it, asks the sender for it, verifies every block against the digest that
// came behind it, and hands it to the sink; nothing is assigned to a stream
// beforehand, so that a slow one holds up no other. Runs start at one block
// and grow until one takes about half a second. Near the end they shrink, and
// a stream that finds the queue empty takes the tail half of the slowest run
// that is out. A block is claimed before it is written: of two streams that
// fetched it one writes it, so that every block is written exactly once.
//
// How many streams there are is found while they run (see tuner).
//
// A stream that breaks gives back what it had not finished and dials again,
// with growing pauses, while the others go on. Only when less than 4 KiB and no
// whole block have come over all streams together for as long as
// Options.Patience does the transfer give up. Time in which the machine slept
// does not count: what was connected before is dialled again first.
//
// The package knows nothing of files, names, codes or screens: it gets
// connections from a Source and gives blocks to a Sink.
package transfer
