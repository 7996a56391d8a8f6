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
	"slices"
	"strings"
	"syscall"
	"time"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

const (
	allAtMost  = 90 * time.Minute // all of it
	runAtMost  = 3 * time.Minute  // one program's turn
	fullRuns   = 5
	memoryDir  = "/dev/shm" // a tmpfs on every Linux
	resultFile = "docs/performance.md"
)

// A benchCase is one thing to measure.
type benchCase struct {
	name string // for -case
	run  func(context.Context, *bench) (report, error)
}

func cases() []benchCase {
	return []benchCase{
		{"loopback", loopback},
		{"gigabit", gigabit},
		{"wifi", wifi},
		{"bursts", bursts},
		{"far", far},
		{"firstbyte", firstByte},
		{"memory", memory},
		{"resume", resume},
		{"tree", tree},
		{"fair", fair},
		{"streams", streams},
		{"records", records},
	}
}

func main() {
	lab.Enter()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, allAtMost)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and writes. It fails when lanyard fails; that another program
// does, or that a target is missed, is for the reader to see.
func run(ctx context.Context, args []string, out, log io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	names := flags.String("case", "", "`cases` to run, with commas between them: "+strings.Join(caseNames(), ",")+" (default: all)")
	runs := flags.Int("runs", fullRuns, "`turns` that every program gets")
	scale := flags.Float64("scale", 1, "`part` of the bytes and files, above 0 to 1: for trying the programs, not for measuring")
	to := flags.String("out", "", "`file` to write (default: "+resultFile+" of all cases in full, else standard output)")
	binary := flags.String("lanyard", "bin/lanyard", "the built `binary`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*names)
	switch {
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("what is %q? There are flags only", flags.Arg(0))
	case *runs < 1:
		return fmt.Errorf("-runs is at least 1, not %d", *runs)
	case !(*scale > 0 && *scale <= 1):
		return fmt.Errorf("-scale is above 0 and at most 1, not %v", *scale)
	}
	if *to == "" && len(chosen) == len(cases()) && *runs >= fullRuns && *scale == 1 {
		*to = resultFile
	}
	if *binary, err = filepath.Abs(*binary); err != nil {
		return err
	}
	if _, err := os.Stat(*binary); err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}

	here := trial.Here()
	defer here.Close()
	doc := document{began: time.Now(), runs: *runs, scale: *scale, machine: describe(), versions: versions(ctx, *binary)}
	var failed []error
	for _, c := range chosen {
		r, err := measure(ctx, c, &bench{binary: *binary, runs: *runs, scale: *scale, here: here, log: log})
		if err != nil {
			return fmt.Errorf("case %s: %w", c.name, err)
		}
		for _, e := range r.failures {
			failed = append(failed, fmt.Errorf("case %s: %w", c.name, e))
		}
		r.name = c.name
		doc.reports = append(doc.reports, r)
	}
	doc.took = time.Since(doc.began)
	if *to == "" {
		_, err = io.WriteString(out, doc.String())
	} else {
		err = doc.write(*to)
	}
	return errors.Join(append(failed, err)...)
}

// measure runs a case in folders that it makes and removes.
func measure(ctx context.Context, c benchCase, b *bench) (r report, err error) {
	if b.memory, err = os.MkdirTemp(memoryDir, "lanyard-bench-"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.memory)) }()
	if b.disk, err = os.MkdirTemp("", "lanyard-bench-"); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.disk)) }()
	fmt.Fprintf(b.log, "%s\n", c.name)
	return c.run(ctx, b)
}

func caseNames() (names []string) {
	for _, c := range cases() {
		names = append(names, c.name)
	}
	return names
}

func choose(names string) ([]benchCase, error) {
	if names == "" {
		return cases(), nil
	}
	var chosen []benchCase
	for name := range strings.SplitSeq(names, ",") {
		i := slices.Index(caseNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("there is no case %q, but %s", name, strings.Join(caseNames(), ", "))
		}
		chosen = append(chosen, cases()[i])
	}
	return chosen, nil
}
