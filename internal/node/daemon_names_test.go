package node

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// Files get other names when somebody says so, also after a restart in between,
// and names that cannot be are told at once.
func TestDaemonRenames(t *testing.T) {
	home, inbox, port := t.TempDir(), t.TempDir(), unusedPort(t)
	to, from := runDaemon(t, home, inbox, port), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	if err := from.SetLimits(Limits{Up: 4 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	src := makeTree(t, map[string]int{"trip/1.mov": 10 * digest.BlockSize, "trip/2.mov": 10*digest.BlockSize + 1, "trip/raw/3.mov": 2, "trip/4.mov": 3})
	if _, err := from.Add(t.Context(), Job{To: to.at, Yes: true, Paths: []string{filepath.Join(src, "trip")}}); err != nil {
		t.Fatal(err)
	}
	id := to.until("asking", all(1, Asking))[0].ID
	for name, names := range map[string]map[string]string{
		"not offered":      {"trip/9.mov": "a"},
		"a folder":         {"trip/raw": "a"},
		"out of it":        {"trip/1.mov": "../a"},
		"from the root":    {"trip/1.mov": "/a"},
		"no name":          {"trip/1.mov": ""},
		"one of another":   {"trip/1.mov": "2.mov"},
		"the same twice":   {"trip/1.mov": "a", "trip/2.mov": "a"},
		"the same, longer": {"trip/1.mov": "a", "trip/2.mov": "trip/a"},
		"a folder's":       {"trip/1.mov": "raw"},
		"below a file":     {"trip/1.mov": "trip/2.mov/a"},
		"too long":         {"trip/1.mov": strings.Repeat("a", 256)},
		"of lanyard":       {"trip/1.mov": ".lanyard/a"},
	} {
		if err := to.Answer(id, Answer{Accept: true, Names: names}); !errors.Is(err, wire.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	names := map[string]string{"trip/1.mov": "2.mov", "trip/2.mov": "1.mov", "trip/raw/3.mov": "films/3.mov"}
	if err := to.Answer(id, Answer{Accept: true, Names: names}); err != nil {
		t.Fatal(err)
	}
	to.until("moving", moving(1))
	listed, more, err := to.Files(id)
	if err != nil || more != 0 || len(listed) != 4 {
		t.Fatalf("listed %+v, %d more, %v", listed, more, err)
	}
	got := map[string]string{}
	for _, f := range listed {
		got[f.Path] = f.Name
	}
	if diff := cmp.Diff(map[string]string{"trip/1.mov": "trip/2.mov", "trip/2.mov": "trip/1.mov", "trip/raw/3.mov": "films/3.mov", "trip/4.mov": ""}, got); diff != "" {
		t.Errorf("-want +listed:\n%s", diff)
	}
	to.stop()
	to = runDaemon(t, home, inbox, port)
	to.until("done", all(1, Ended))
	sent, here := tree(t, src), tree(t, inbox)
	want := map[string]string{
		"trip/2.mov": sent["trip/1.mov"], "trip/1.mov": sent["trip/2.mov"],
		"films/3.mov": sent["trip/raw/3.mov"], "trip/4.mov": sent["trip/4.mov"],
	}
	if diff := cmp.Diff(want, here); diff != "" {
		t.Errorf("-want +received:\n%s", diff)
	}
}

// Who always takes what a device sends is asked once.
func TestDaemonAlwaysTakes(t *testing.T) {
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	offer(t, from, to, 1)
	to.accept(Answer{Accept: true, Always: true})
	to.until("done", all(1, Ended))
	src := makeTree(t, map[string]int{"b.mov": 100})
	if _, err := from.Add(t.Context(), Job{To: to.at, Yes: true, Paths: []string{filepath.Join(src, "b.mov")}}); err != nil {
		t.Fatal(err)
	}
	to.until("taken", all(2, Ended))
	if !trusts(t, to.node, from.node) || trusts(t, from.node, to.node) {
		t.Error("the wrong device is trusted")
	}
}

// A receiver that cancels what it has accepted does not turn it down; a sender
// that is started again knows how much it has sent.
func TestDaemonIsCancelledThere(t *testing.T) {
	home, port := t.TempDir(), unusedPort(t)
	to, from := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, home, t.TempDir(), port)
	if err := from.SetLimits(Limits{Up: 4 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	offer(t, from, to, 60)
	to.accept(Answer{Accept: true})
	from.until("moving", moving(1))
	from.stop()
	from = runDaemon(t, home, t.TempDir(), port)
	if v := from.Transfers()[0]; v.Bytes < 2*digest.BlockSize || v.Total != 60*digest.BlockSize {
		t.Errorf("it goes on at %d of %d bytes", v.Bytes, v.Total)
	}
	from.until("goes on", func(ts []Transfer) bool { return ts[0].State == Running })
	if err := to.Cancel(to.Transfers()[0].ID); err != nil {
		t.Fatal(err)
	}
	v := from.until("cancelled there", all(1, Cancelled))[0]
	if v.Error == nil || v.Error.Code != "stopped" {
		t.Errorf("cancelled by %+v", v.Error)
	}
}
