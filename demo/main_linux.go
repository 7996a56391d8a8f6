package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

// atMost bounds the whole demo.
const atMost = 10 * time.Minute

func main() {
	lab.Enter()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run does all of it. It fails when a transfer fails or brings anything but
// what was sent; that a machine refuses the link is no failure.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	size := flags.Int64("size", 1<<30, "`bytes` of the film")
	keep := flags.Bool("keep", false, "keep the folder with the films, and say where it is")
	binary := flags.String("lanyard", "bin/lanyard", "the built `binary`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("what is %q? There are flags only", flags.Arg(0))
	case *size < minSize || *size > maxSize:
		return fmt.Errorf("-size is from %d to %d bytes", int64(minSize), int64(maxSize))
	}
	if *binary, err = filepath.Abs(*binary); err != nil {
		return err
	}
	if _, err := os.Stat(*binary); err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}

	dir, err := os.MkdirTemp("", "lanyard-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if *keep {
			fmt.Fprintf(out, "\nThe films are in %s\n", dir)
		} else {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	here := trial.Here()
	defer here.Close()
	d := &demo{out: out, binary: *binary, dir: dir, keep: *keep, here: here}
	return d.show(ctx, *size)
}
