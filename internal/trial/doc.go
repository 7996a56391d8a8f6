// Package trial runs the built binary as a user would: a sender and a receiver,
// each a process of its own with a state folder of its own, on this machine or
// on two hosts of a lab. The demo and the benchmarks sit on it.
//
//	here := trial.Here()
//	defer here.Close()
//	pair := trial.Pair{Binary: "bin/lanyard", Sender: here, Receiver: here, Dir: dir}
//	outcome, err := pair.Transfer(ctx, trial.Options{Paths: []string{"film.mov"}, Out: out})
//
// Guarantees: both ends are new to each other every time, so that nothing is
// remembered from one transfer to the next; no process outlives the transfer,
// its context or this process; what the binary says of an error is in the error.
//
// [Crowd] is for several transfers at once, of which it tells how fast each is.
//
// Non-goals: discovery, and any judgement of what came out.
//
// It exists on Linux only.
package trial
