//go:build unix

package main

import "syscall"

// detached is how a process runs that does not end with this terminal.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
