package node

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/digest"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// asks has a daemon ask another one for something.
func (r *running) asks(of *running, out string) Transfer {
	r.t.Helper()
	added, err := r.Add(r.t.Context(), Job{From: of.at, Out: out + string(filepath.Separator)})
	if err != nil {
		r.t.Fatal(err)
	}
	return added
}

// A device asks for something; somebody here chooses, wrong at first, and it gets
// that.
func TestDaemonGives(t *testing.T) {
	src := makeTree(t, map[string]int{"trip/1.mov": 3 * digest.BlockSize, "trip/empty": 0, "b.txt": 20})
	giver, taker := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	out := t.TempDir()
	added := taker.asks(giver, out)
	if added.Kind != TransferAsked || added.Direction != store.Received {
		t.Errorf("asked %+v", added)
	}
	here := giver.until("asking", all(1, Asking))[0]
	there := taker.until("shows words", func(ts []Transfer) bool { return len(ts) == 1 && ts[0].Words != "" })[0]
	if here.Kind != TransferGiven || here.Direction != store.Sent || here.Words != there.Words || here.Device != "workstation" ||
		here.DeviceID != taker.Info().Device || here.Offer != nil || there.State != Waiting {
		t.Errorf("here %+v, there %+v", here, there)
	}
	for _, wrong := range []Answer{
		{Accept: true},
		{Accept: true, Paths: []string{"b.txt"}},
		{Accept: true, Paths: []string{filepath.Join(src, "none")}},
		{Accept: true, Drop: "none"},
		{Accept: true, Paths: []string{src}, Drop: "none"},
	} {
		if err := giver.Answer(here.ID, wrong); !errors.Is(err, wire.ErrUsage) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	giver.until("still asking", all(1, Asking))
	if err := giver.Pause(here.ID); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("paused: %v", err)
	}
	giver.accept(Answer{Accept: true, Paths: []string{filepath.Join(src, "trip"), filepath.Join(src, "b.txt")}})
	sent := giver.until("given", all(1, Ended))[0]
	got := taker.until("received", all(1, Ended))[0]
	if sent.Bytes != sent.Total || sent.Total != 3*digest.BlockSize+20 || sent.Words != "" || got.Bytes != sent.Total || got.Offer == nil {
		t.Errorf("given %+v, received %+v", sent, got)
	}
	if diff := cmp.Diff(tree(t, src), tree(t, out)); diff != "" {
		t.Errorf("-given +received:\n%s", diff)
	}
}

// Several are given something at one time, one of them twice, and each gets its
// own.
func TestDaemonGivesSeveral(t *testing.T) {
	src := makeTree(t, map[string]int{"0": 8 * digest.BlockSize, "1": 8*digest.BlockSize + 1, "2": 8*digest.BlockSize + 2})
	giver := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	one, two := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	outs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	if err := giver.SetLimits(Limits{Up: 8 * digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	for i, taker := range []*running{one, two, one} {
		taker.asks(giver, outs[i])
		giver.until("asking", func(ts []Transfer) bool { return len(ts) == i+1 && ts[i].State == Asking })
		giver.accept(Answer{Accept: true, Paths: []string{filepath.Join(src, string(rune('0'+i)))}})
		giver.until("given", func(ts []Transfer) bool { return len(ts) == i+1 && ts[i].Bytes > 0 })
	}
	giver.until("all given", all(3, Ended))
	one.until("received", all(2, Ended))
	two.until("received", all(1, Ended))
	for i, out := range outs {
		if _, err := os.Stat(filepath.Join(out, string(rune('0'+i)))); err != nil {
			t.Error(err)
		}
	}
}

// What is given can be refused by either side, and cancelled.
func TestDaemonGivesNothing(t *testing.T) {
	giver, taker := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	is := func(r *running, id string, s State) Transfer {
		t.Helper()
		for _, v := range r.until(string(s), func(ts []Transfer) bool {
			return slices.ContainsFunc(ts, func(v Transfer) bool { return v.ID == id && v.State == s })
		}) {
			if v.ID == id {
				return v
			}
		}
		return Transfer{}
	}
	asking := func() (given, asked string) {
		t.Helper()
		asked = taker.asks(giver, t.TempDir()).ID
		for _, v := range giver.until("asking", has(Asking)) {
			if v.State == Asking {
				given = v.ID
			}
		}
		return given, asked
	}
	given, asked := asking()
	giver.accept(Answer{})
	is(giver, given, Declined)
	is(taker, asked, Declined)

	given, asked = asking()
	if err := taker.Cancel(asked); err != nil {
		t.Fatal(err)
	}
	is(taker, asked, Cancelled)
	is(giver, given, Cancelled) // when it has not asked for long enough

	given, asked = asking()
	src := makeTree(t, map[string]int{"a": 16 * digest.BlockSize})
	if err := giver.SetLimits(Limits{Up: digest.BlockSize}); err != nil {
		t.Fatal(err)
	}
	giver.accept(Answer{Accept: true, Paths: []string{src}})
	taker.until("moving", func(ts []Transfer) bool { return ts[0].Bytes >= digest.BlockSize })
	if err := giver.Cancel(given); err != nil {
		t.Fatal(err)
	}
	if v := is(giver, given, Cancelled); v.Error != nil {
		t.Errorf("cancelled with %+v", v.Error)
	}
	if v := is(taker, asked, Failed); v.Error == nil || v.Error.Code != "stopped" {
		t.Errorf("there it failed by %+v", v.Error)
	}

	// Asked for once more, it goes on where it stopped.
	if err := giver.SetLimits(Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := taker.Resume(asked); err != nil {
		t.Fatal(err)
	}
	giver.until("asking", has(Asking))
	giver.accept(Answer{Accept: true, Paths: []string{src}})
	is(taker, asked, Ended)
}

// Between devices that trust each other no words are shown; another device of that
// name gets nothing.
func TestDaemonGivesTheTrusted(t *testing.T) {
	giver, taker := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	_, err := giver.node.trust(t.Context(), taker.node.id.ID(), "workstation", taker.at)
	_, err2 := taker.node.trust(t.Context(), giver.node.id.ID(), "workstation", giver.at)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	taker.asks(giver, t.TempDir())
	here := giver.until("asking", all(1, Asking))[0]
	there := taker.until("asked", func(ts []Transfer) bool { return len(ts) == 1 && ts[0].DeviceID != "" })[0]
	if here.Words != "" || there.Words != "" {
		t.Errorf("words are shown: %q here, %q there", here.Words, there.Words)
	}
	stranger := newNode(t)
	stranger.name = "workstation"
	if _, err := stranger.Receive(t.Context(), ReceiveOptions{From: giver.at, Out: t.TempDir()}); !errors.Is(err, wire.ErrWrongDevice) {
		t.Errorf("a namesake: %v", err)
	}
	if n := len(giver.Transfers()); n != 1 {
		t.Errorf("%d transfers", n)
	}
}

// Dropped files are given, and are gone when that is over.
func TestDaemonGivesADrop(t *testing.T) {
	giver, taker := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	id := putDown(t, giver.Daemon, map[string]string{"a/b.txt": "hello", "c": ""})
	out := t.TempDir()
	taker.asks(giver, out)
	giver.until("asking", all(1, Asking))
	giver.accept(Answer{Accept: true, Drop: id})
	giver.until("given", all(1, Ended))
	taker.until("received", all(1, Ended))
	if got, err := os.ReadFile(filepath.Join(out, "a", "b.txt")); string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(giver.drops.dir, id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the drop is still there: %v", err)
	}
}
