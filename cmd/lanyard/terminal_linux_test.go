package main

import (
	"io"
	"os"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// startpty NAME COLUMNS COMMAND ARG... starts a process on a terminal of its
// own. What it shows goes to NAME.err.
func startOnTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: startpty NAME COLUMNS COMMAND ARG...")
	}
	columns, err := strconv.ParseUint(args[1], 10, 16)
	ts.Check(err)
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	ts.Check(err)
	fd := int(master.Fd())
	ts.Check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	ts.Check(err)
	ts.Check(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}))
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	ts.Check(err)
	shown, err := os.Create(ts.MkAbs(args[0] + ".err"))
	ts.Check(err)

	cmd := command(ts, args[2:])
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	read := make(chan struct{})
	p := launch(ts, args[0], cmd, func() {
		<-read
		shown.Close()
		master.Close()
	})
	p.tty = master
	slave.Close()
	go func() {
		defer close(read)
		_, _ = io.Copy(shown, master) // ends with an error when nobody has the terminal open
	}()
}

var keys = map[string]string{"ENTER": "\r", "CTRL-C": "\x03", "CTRL-D": "\x04"}

// type NAME KEYS... types on the terminal of a process: text, or a key by its
// name.
func typeOnTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: type NAME KEYS...")
	}
	p := processOf(ts, args[0])
	for _, text := range args[1:] {
		if key, ok := keys[text]; ok {
			text = key
		}
		_, err := io.WriteString(p.tty, text)
		ts.Check(err)
	}
}
