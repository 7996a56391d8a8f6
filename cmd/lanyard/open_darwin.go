package main

import "os/exec"

// browser shows an address in the browser.
func browser(address string) *exec.Cmd { return exec.Command("/usr/bin/open", address) }
