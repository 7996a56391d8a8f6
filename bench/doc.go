// Bench measures the built binary against other programs that move files, in
// one run on one machine, and writes what it measured to docs/performance.md.
//
//	go run ./bench                     all cases, five runs each
//	go run ./bench -case wifi -runs 3  one case, shown on standard output
//
// Each case is a file (case_*), and so is each program (run_*). In a case the
// programs take turns, A B C A B C, so that what the machine does meanwhile
// falls on all of them; a ratio is taken within each turn, and the median of
// these is what counts.
//
// A program that is not installed is shown as missing; scripts/deps.sh bench
// installs them. It runs on Linux, since the emulated links do.
package main
