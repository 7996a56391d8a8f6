package node

import (
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lanyard/internal/digest"
	"lanyard/internal/identity"
	"lanyard/internal/store"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// entries are a node's history, with the files.
func entries(t *testing.T, n *Node) []Entry {
	t.Helper()
	h, err := n.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := []Entry{}
	for e, err := range h.Entries(t.Context(), HistoryQuery{Files: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// unmeasured leaves out of a comparison of entries what differs from run to run.
var unmeasured = cmpopts.IgnoreFields(Entry{}, "ID", "Address", "Began", "Seconds", "Rate", "Streams")

func TestBothEndsKeepTheTransfer(t *testing.T) {
	laptop, workstation := newNode(t), newNode(t)
	in := makeTree(t, someFiles)
	s := startSending(t, laptop, SendOptions{Paths: []string{filepath.Join(in, "wedding.mov"), filepath.Join(in, "2026")}, Receivers: 1})
	out := t.TempDir()
	began := time.Now()
	res, err := s.receive(workstation, out)
	if err != nil {
		t.Fatal(err)
	}
	s.finished()

	want := Entry{
		Direction: store.Received, Device: hostName(), DeviceID: laptop.id.ID().String(), Bytes: res.Bytes, Fetched: res.Fetched,
		Result: Done, Out: out, Names: []string{"2026/", "wedding.mov"}, AllFiles: 4,
	}
	for _, f := range res.Files {
		want.Files = append(want.Files, store.File{Path: f.Path, Size: f.Size, BLAKE3: f.BLAKE3})
	}
	got := entries(t, workstation)
	if diff := cmp.Diff([]Entry{want}, got, unmeasured); diff != "" {
		t.Errorf("received: %s", diff)
	}
	if e := got[0]; e.Began.Before(began.Truncate(time.Millisecond)) || e.Seconds <= 0 || e.Rate <= 0 || e.Streams < 1 || !strings.HasPrefix(e.Address, s.address) {
		t.Errorf("received: %+v", e)
	}
	want.Direction, want.DeviceID, want.Out = store.Sent, workstation.id.ID().String(), in
	got = entries(t, laptop)
	if diff := cmp.Diff([]Entry{want}, got, unmeasured); diff != "" {
		t.Errorf("sent: %s", diff)
	}
	if e := got[0]; e.Began.Before(began.Truncate(time.Millisecond)) || e.Seconds <= 0 || e.Rate <= 0 || e.Streams < 1 {
		t.Errorf("sent: %+v", e)
	}
}

func TestEachReceiverHasAnEntry(t *testing.T) {
	laptop := newNode(t)
	s := startSending(t, laptop, SendOptions{Paths: []string{makeTree(t, someFiles)}, Receivers: 3})
	var want []string
	for range 3 {
		n := newNode(t)
		want = append(want, n.id.ID().String())
		if _, err := s.receive(n, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
	s.finished()
	var got []string
	for _, e := range entries(t, laptop) {
		got = append(got, e.DeviceID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What nobody took, or only looked at, is no transfer.
func TestNoTransferNoEntry(t *testing.T) {
	laptop, workstation := newNode(t), newNode(t)
	s := startSending(t, laptop, SendOptions{Paths: []string{makeTree(t, someFiles)}})
	_, err := s.receive(workstation, t.TempDir(), func(o *ReceiveOptions) {
		o.Approve = func(context.Context, Offer) (Answer, error) { return Answer{}, nil }
	})
	if wire.FailureOf(err).Code != "rejected" {
		t.Errorf("got %v", err)
	}
	if _, err := s.receive(workstation, "", func(o *ReceiveOptions) { o.List, o.OnList = true, func(wire.File) {} }); err != nil {
		t.Error(err)
	}
	if _, err := s.receive(workstation, "", func(o *ReceiveOptions) { o.Code = "4711-wrong-horse-battery" }); err == nil {
		t.Error("a wrong code was taken")
	}
	s.stop()
	for _, n := range []*Node{laptop, workstation} {
		if found := entries(t, n); len(found) > 0 {
			t.Errorf("there is %+v", found)
		}
	}
}

// Both ends keep what was cut off.
func TestInterruptedEntry(t *testing.T) {
	laptop, workstation := newNode(t), newNode(t)
	s := startSending(t, laptop, SendOptions{Paths: []string{makeTree(t, map[string]int{"film": 30 * digest.BlockSize})}, Limit: 20 * digest.BlockSize})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := workstation.Receive(ctx, ReceiveOptions{Code: testCode, From: s.address, Out: t.TempDir(), Streams: 1, OnEvent: func(ev Event) {
		if ev.Kind == KindProgress && ev.Bytes > 2*digest.BlockSize {
			cancel()
		}
	}})
	if err == nil {
		t.Fatal("it was not cut off")
	}
	s.stop()
	for _, n := range []*Node{laptop, workstation} {
		got := entries(t, n)
		if len(got) != 1 || got[0].Result != "interrupted" || got[0].Message == "" || got[0].Fetched == 0 || got[0].AllFiles != 1 {
			t.Errorf("%+v", got)
		}
	}
}

// A file that does not arrive is in the receiver's entry with the reason.
func TestPartialEntry(t *testing.T) {
	laptop, workstation := newNode(t), newNode(t)
	in := makeTree(t, map[string]int{"good": 1000, "gone": 1000})
	s := startSending(t, laptop, SendOptions{Paths: []string{filepath.Join(in, "good"), filepath.Join(in, "gone")}})
	if err := os.Remove(filepath.Join(in, "gone")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.receive(workstation, t.TempDir()); wire.FailureOf(err).Code != "partial" {
		t.Fatalf("got %v", err)
	}
	s.stop()
	got := entries(t, workstation)
	if len(got) != 1 || got[0].Result != "partial" || len(got[0].Files) != 2 || got[0].Files[0].Path != "gone" || got[0].Files[0].Failure == "" {
		t.Errorf("%+v", got)
	}
	if got := entries(t, laptop); len(got) != 1 || got[0].Result != "partial" {
		t.Errorf("%+v", got)
	}
}

// A pipe and a text are transfers, too.
func TestPipedEntry(t *testing.T) {
	laptop, workstation := newNode(t), newNode(t)
	s := startSending(t, laptop, SendOptions{Text: "on the fridge", Receivers: 1})
	if _, err := s.receive(workstation, "", func(o *ReceiveOptions) { o.OnText = func(string) {} }); err != nil {
		t.Fatal(err)
	}
	s.finished()
	got := entries(t, workstation)
	if len(got) != 1 || got[0].Bytes != int64(len("on the fridge")) || got[0].Out != "" {
		t.Errorf("%+v", got)
	}
}

// spoil makes the database of a node one of a newer version.
func spoil(t *testing.T, n *Node) {
	t.Helper()
	if _, err := n.History(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(n.home, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
}

// Whatever is the matter with the database, files arrive, and it is told.
func TestTransfersGoOnWithoutHistory(t *testing.T) {
	damaged := func(t *testing.T, n *Node) {
		if err := os.WriteFile(filepath.Join(n.home, store.FileName), []byte("no database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unusable := func(t *testing.T, n *Node) {
		if err := os.Mkdir(filepath.Join(n.home, store.FileName), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		spoil   func(t *testing.T, n *Node)
		warning string
		kept    bool
	}{
		{"newer", spoil, "nothing is kept in the history: open the database: a newer lanyard has been here", false},
		{"damaged", damaged, "the history was damaged and lies in", true},
		{"unusable", unusable, "nothing is kept in the history: ", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			laptop, workstation := newNode(t), newNode(t)
			c.spoil(t, laptop)
			c.spoil(t, workstation)
			s := startSending(t, laptop, SendOptions{Paths: []string{makeTree(t, someFiles)}, Receivers: 1})
			var mu sync.Mutex
			var received []Event
			_, err := s.receive(workstation, t.TempDir(), func(o *ReceiveOptions) {
				o.OnEvent = func(ev Event) {
					mu.Lock()
					defer mu.Unlock()
					received = append(received, ev)
				}
			})
			if err != nil {
				t.Error(err)
			}
			s.finished()
			for side, events := range map[string][]Event{"sender": s.events, "receiver": received} {
				var warnings []string
				for _, ev := range events {
					if ev.Kind == KindWarning {
						warnings = append(warnings, ev.Reason)
					}
				}
				// The sender may be on a machine that can announce nothing.
				warnings = slices.DeleteFunc(warnings, func(w string) bool { return strings.Contains(w, "--from") })
				if len(warnings) != 1 || !strings.HasPrefix(warnings[0], c.warning) {
					t.Errorf("%s: warnings %q, want one that begins with %q", side, warnings, c.warning)
				}
			}
			if c.kept {
				for _, n := range []*Node{laptop, workstation} {
					if got := entries(t, n); len(got) != 1 {
						t.Errorf("%d entries", len(got))
					}
				}
			}
		})
	}
}

// A receiver that has the code cannot fill the history with receipts.
func TestEntriesOfAReceiverAreBounded(t *testing.T) {
	s, rec, _ := newTold(t)
	kept := 0
	s.remember = func(store.Transfer) { kept++ }
	for range maxEntries + 1 {
		s.received(rec, "a:2", wire.Receipt{Transfer: "x"}, wire.Verdict{}) // not everything, it says
	}
	if kept != maxEntries {
		t.Errorf("%d entries", kept)
	}
}

// A try that is lost and one that comes after it are two.
func TestLostTryHasAnEntry(t *testing.T) {
	s, rec, _ := newTold(t)
	var kept []store.Transfer
	s.remember = func(t store.Transfer) { kept = append(kept, t) }
	rec.went(0, 5, time.Now())
	if _, err := s.enter(rec.id, "new name", "a:2"); err != nil {
		t.Fatal(err)
	}
	rec.went(0, 1, time.Now())
	s.received(rec, "a:3", wire.Receipt{Transfer: "y", OK: true, Files: 1, Bytes: 1}, wire.Verdict{Agreed: 1})
	s.enterLost() // none is left
	want := []store.Transfer{
		{Direction: store.Sent, Device: "desk", DeviceID: rec.id.String(), Address: "a:1", Bytes: 5, Fetched: 5, Result: "interrupted", Message: "the receiver has gone, or sending was stopped"},
		{Direction: store.Sent, Device: "new name", DeviceID: rec.id.String(), Address: "a:3", Bytes: 1, Fetched: 1, Result: Done},
	}
	if diff := cmp.Diff(want, kept, cmpopts.IgnoreFields(Entry{}, "Began", "Seconds", "Rate")); diff != "" {
		t.Error(diff)
	}
}

func TestStreamsAreLearned(t *testing.T) {
	n := newNode(t)
	settled := func(count int, took time.Duration) transfer.Result {
		return transfer.Result{Bytes: 1e9, Elapsed: took, Settled: count}
	}
	from := func(device byte, link string, opts ReceiveOptions) *receive {
		r := &receive{node: n, opts: opts, report: func(ev Event) { t.Errorf("told %+v", ev) }, link: link, peer: &peer{id: identity.DeviceID{device}}}
		r.ledger = &ledger{node: n, report: r.report}
		return r
	}
	for _, c := range []struct {
		name string
		from *receive
		res  transfer.Result
		want int // learned for device 1 over wlan0
	}{
		{"nothing yet", from(2, "wlan0", ReceiveOptions{}), settled(8, learnFrom), 0},
		{"another link", from(1, "eth0", ReceiveOptions{}), settled(8, learnFrom), 0},
		{"too short", from(1, "wlan0", ReceiveOptions{}), settled(8, learnFrom-1), 0},
		{"long enough", from(1, "wlan0", ReceiveOptions{}), settled(16, learnFrom), 16},
		{"given", from(1, "wlan0", ReceiveOptions{Streams: 2}), settled(2, learnFrom), 16},
		{"limited", from(1, "wlan0", ReceiveOptions{Limit: 1}), settled(4, learnFrom), 16},
		{"not looked for", from(1, "wlan0", ReceiveOptions{}), settled(0, learnFrom), 16},
		{"unknown link", from(1, "", ReceiveOptions{}), settled(8, learnFrom), 16},
		{"fewer", from(1, "wlan0", ReceiveOptions{}), settled(4, learnFrom), 4},
	} {
		c.from.learn(t.Context(), c.res)
		if got := from(1, "wlan0", ReceiveOptions{}).learned(t.Context()); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for _, opts := range []ReceiveOptions{{Streams: 2}, {Limit: 1}} {
		if got := from(1, "wlan0", opts).learned(t.Context()); got != 0 {
			t.Errorf("with %+v it begins with %d", opts, got)
		}
	}
}

func TestInterfaceOf(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if name := interfaceOf(l.Addr()); name == "" {
		t.Error("loopback has no interface")
	}
	for _, addr := range []net.Addr{nil, &net.TCPAddr{IP: net.IPv4zero}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, &net.UnixAddr{}} {
		if name := interfaceOf(addr); name != "" {
			t.Errorf("%v is %s", addr, name)
		}
	}
}

func TestFolderOf(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{nil, ""},
		{[]string{at("a")}, dir},
		{[]string{at("a"), at("b/")}, dir},
		{[]string{at("a"), at("b/c")}, ""},
		{[]string{at("b/c"), at("a"), at("b/d")}, ""},
	} {
		if got := folderOf(c.paths); got != c.want {
			t.Errorf("%v: %q, want %q", c.paths, got, c.want)
		}
	}
}
