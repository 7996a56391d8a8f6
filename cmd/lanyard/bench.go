package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// benchFlags are what the command line of bench says.
type benchFlags struct {
	to     string
	listen bool
	plot   string
	out    string
}

func newBench(t *terminal) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench [flags] [CODE]",
		Short: "measure how fast files come to this machine, and why no faster",
		Long: `Measure the way from another machine to this one: both machines, the network,
and whole transfers with one stream, with more, and with as many as help. It
takes about a minute, and ends with a table, the gain of many streams over one,
and a verdict: what is in the way, and what to do about it.

On the other machine "lanyard bench --listen" shows the code; or that machine
trusts this one and "lanyard serve" runs there: name it with --to. Without a
code and without --to this machine is measured alone.

Files of up to 4 GiB, and a tenth of what is free at most, are written for it
into the folder and removed in the end. Nothing of it comes into the history.`,
		Example: `  lanyard bench                           this machine alone
  lanyard bench --listen                  shows a code, and waits
  lanyard bench 7-river-anvil-moss        on the other machine
  lanyard bench 7-river-anvil-moss --to 192.168.1.20
  lanyard bench --to workstation --plot speed.svg`,
		ValidArgsFunction: completeCode,
		RunE:              func(cmd *cobra.Command, args []string) error { return bench(cmd, t, &f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "measure the way from `DEVICE` or HOST[:PORT]")
	flags.BoolVar(&f.listen, "listen", false, "wait for others, who measure the way from here")
	flags.StringVarP(&f.out, "out", "o", "", "measure the disk of folder `PATH` (default: this one)")
	flags.StringVar(&f.plot, "plot", "", "draw the result into `FILE.svg`")
	addSettings(cmd)
	addOutputFlags(cmd, t)
	// The error is that of a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("to", completeDevice)
	return cmd
}

func bench(cmd *cobra.Command, t *terminal, f *benchFlags, args []string) error {
	code := strings.Join(args, " ")
	if err := f.check(cmd, code); err != nil {
		return err
	}
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	n, err := openNode(ctx, set)
	if err != nil {
		return err
	}
	defer n.Close() // nothing was written
	n.SetLimits(int64(set.LimitUp), int64(set.LimitDown))
	code = cmp.Or(code, os.Getenv(codeVariable))
	v := &benchView{t: t}
	if f.listen {
		err := n.ListenBench(ctx, node.ListenBenchOptions{Code: code, Dir: f.out, Bind: set.Bind, Port: set.Port, OnEvent: v.on})
		t.board.clear()
		if ctx.Err() != nil {
			return interruption{text: "stopped waiting for others"}
		}
		return err
	}
	report, err := n.Bench(ctx, node.BenchOptions{Code: code, To: f.to, Dir: f.out, Bind: set.Bind, Port: set.Port, OnStage: v.stage, OnEvent: v.on})
	t.board.clear()
	switch {
	case err != nil && ctx.Err() != nil:
		return interruption{text: "stopped: nothing is left behind"}
	case err != nil:
		return err
	}
	return f.show(t, &report)
}

// check says what makes no sense, before anything is looked for.
func (f *benchFlags) check(cmd *cobra.Command, code string) error {
	listens := cmd.Flags().Changed("bind") || cmd.Flags().Changed("port")
	switch {
	case f.listen && code != "":
		return usage("--listen shows a code, and takes none: give one in %s", codeVariable)
	case f.listen && (f.to != "" || f.plot != ""):
		return usage("--listen is for the other machine: --to and --plot are for the one that measures")
	case !f.listen && listens:
		return usage("--bind and --port are for waiting, with --listen")
	case code != "" && !node.IsCode(code):
		return usage("%q is no code, such as 7-river-anvil-moss: name a device with --to", code)
	}
	if f.plot == "" {
		return nil
	}
	if filepath.Ext(f.plot) != ".svg" {
		return usage("--plot draws SVG: name a file that ends in .svg")
	}
	if info, err := os.Stat(filepath.Dir(f.plot)); err != nil || !info.IsDir() {
		return usage("--plot: there is no folder %s", wire.Escape(filepath.Dir(f.plot)))
	}
	return nil
}

// A benchResult is what --json writes.
type benchResult struct {
	*node.BenchReport
	// As every command has them.
	Bytes   int64             `json:"bytes"` // that were transferred
	Streams int               `json:"streams"`
	Files   []node.FileResult `json:"files"`
}

// show writes the report of a test that was carried out.
func (f *benchFlags) show(t *terminal, r *node.BenchReport) error {
	if f.plot != "" {
		if err := os.WriteFile(f.plot, r.Chart(), 0o644); err != nil {
			return fmt.Errorf("draw the result: %w", err)
		}
	}
	if t.json {
		result := benchResult{BenchReport: r, Files: []node.FileResult{}}
		for _, run := range r.Runs {
			result.Bytes += run.Bytes
			if run.Automatic {
				result.Streams = run.Streams
			}
		}
		t.result = result
		return nil
	}
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		return err
	}
	return t.print(table.String())
}

// A benchView shows how far a speed test is, and who measures.
type benchView struct{ t *terminal }

// stage moves the bar, or, with --json, tells the stage on standard error.
func (v *benchView) stage(s node.BenchStage) {
	switch {
	case v.t.quiet:
		return
	case v.t.json:
		_ = writeJSON(v.t.err, map[string]any{
			"event": "stage", "step": s.Step, "streams": s.Streams, "done": s.Done, "rate": s.Rate,
		})
		return
	}
	g := gauge{Name: stepName(s), Done: int64(1000 * s.Done), Total: 1000, Rate: s.Rate, IsPart: true}
	v.t.board.show("bench", g)
}

// stepName says what is measured.
func stepName(s node.BenchStage) string {
	switch {
	case s.Step == node.BenchMachines:
		return "machines"
	case s.Step == node.BenchNetwork:
		return "network, " + count(s.Streams, "connection")
	case s.Streams == 0:
		return "automatic"
	}
	return count(s.Streams, "stream")
}

func (v *benchView) on(ev node.Event) {
	if v.t.event(ev) {
		return
	}
	t := v.t
	switch ev.Kind {
	case node.KindWaiting:
		v.waiting(ev)
	case node.KindNewCode:
		t.newCode(ev, v.howTo)
	case node.KindLooking:
		t.say("  %s...", wire.Escape(ev.Reason))
	case node.KindConnected:
		t.say("  measuring the way from %s at %s (Ctrl-C stops)", name(ev.Device), host(ev.Address))
	case node.KindTesting:
		t.say("  %s at %s measures the way to it...", name(ev.Device), host(ev.Address))
	case node.KindTested:
		t.say("  %s has done with it", name(ev.Device))
	case node.KindRefused, node.KindWarning:
		t.trouble(ev)
	}
}

// howTo shows what to type at the other machine.
func (v *benchView) howTo(code string) { v.t.say("  On the other machine:  lanyard bench %s", code) }

// waiting shows that, and what else will do.
func (v *benchView) waiting(ev node.Event) {
	if v.t.quiet {
		v.t.insist("%s", ev.Code)
		return
	}
	v.howTo(ev.Code)
	if len(ev.Addresses) > 0 {
		v.t.say("  or, by address:        lanyard bench %s --to %s", ev.Code, ev.Addresses[0])
	}
	v.t.say("  %-34s (Ctrl-C stops)", "waiting for the other machine...")
}
