//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// Scripts that need a terminal run on Linux only.
func startOnTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there is no terminal for tests on this system")
}

func typeOnTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there is no terminal for tests on this system")
}
