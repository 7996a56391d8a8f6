package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lanyard/internal/wire"
)

// noQuestion is for what must not be asked.
func noQuestion(t *testing.T) func(context.Context, Meeting) (bool, error) {
	return func(_ context.Context, m Meeting) (bool, error) {
		t.Errorf("%q was asked about", m.Device)
		return false, nil
	}
}

// Between trusted devices nobody compares words.
func TestTrustedNeedNoWords(t *testing.T) {
	a, b := newNode(t), newNode(t)
	befriended(t, a, b)
	if _, err := a.Rename(t.Context(), b.id.ID().String(), "the attic"); err != nil {
		t.Fatal(err)
	}
	src := makeTree(t, map[string]int{"film": 100})
	w := startWaiting(t, a, ReceiveOptions{Out: t.TempDir(), Approve: func(_ context.Context, o Offer) (Answer, error) {
		if o.Device != "the attic" || o.ByRule {
			t.Errorf("asked about %+v", o)
		}
		return Answer{Accept: true}, nil
	}})
	var offered []Event
	_, err := b.Send(t.Context(), SendOptions{
		Paths: []string{src}, To: []string{w.address}, Compare: noQuestion(t),
		OnEvent: func(ev Event) {
			if ev.Kind == KindOffered {
				offered = append(offered, ev)
			}
		},
	})
	<-w.done
	if err != nil || w.err != nil {
		t.Errorf("%v, %v", err, w.err)
	}
	asked := w.of(KindAsked)
	if len(asked) != 1 || asked[0].Words != "" || asked[0].Device != "the attic" || len(offered) != 1 || offered[0].Words != "" {
		t.Errorf("asked %+v, offered %+v", asked, offered)
	}
	// The alias is not taken for what it calls itself.
	known, err := a.Known(t.Context())
	if err != nil || len(known) != 1 || known[0].Name != b.name || known[0].Alias != "the attic" {
		t.Errorf("%+v, %v", known, err)
	}
}

// A device with the name of a trusted one and another key gets no offer in.
func TestNamesakeIsRefused(t *testing.T) {
	for _, name := range []string{"Attic", "ATTIC ", "loft"} {
		t.Run(name, func(t *testing.T) {
			a, b, stranger := newNode(t), newNode(t), newNode(t)
			b.name, stranger.name = "attic", name
			befriended(t, a, b)
			if _, err := a.Rename(t.Context(), "attic", "loft"); err != nil {
				t.Fatal(err)
			}
			src := makeTree(t, map[string]int{"film": 100})
			w := startWaiting(t, a, ReceiveOptions{Out: t.TempDir()})
			send := func(n *Node) error {
				_, err := n.Send(t.Context(), SendOptions{Paths: []string{src}, To: []string{w.address}})
				return err
			}
			if err := send(stranger); !errors.Is(err, wire.ErrWrongDevice) {
				t.Errorf("the sender was told %v", err)
			}
			refused := w.of(KindRefused)
			if len(refused) != 1 || refused[0].DeviceID != stranger.id.ID().String() || refused[0].Reason == "" || len(w.of(KindAsked)) > 0 {
				t.Errorf("refused %+v, asked %+v", refused, w.of(KindAsked))
			}
			if err := send(b); err != nil {
				t.Errorf("the trusted one: %v", err)
			}
		})
	}
}

// The list of files cannot bring in another name than the one that was looked at.
func TestNameOfTheManifest(t *testing.T) {
	a, b := newNode(t), newNode(t)
	b.name = "attic"
	r := newReceive(a, ReceiveOptions{}, func(Event) {})
	r.header.Device = "boss"
	r.peer = &peer{node: a, id: b.id.ID(), offer: newOffered("x", b.id.ID(), b.name, "10.0.0.1:1")}
	r.goByRule(t.Context())
	if r.title() != "attic" || r.header.Device != "attic" {
		t.Errorf("it is shown as %q", r.title())
	}
}

// At the sender, another key at the address that the system knows for the name
// of a trusted device is refused.
func TestOtherKeyAtTheName(t *testing.T) {
	a, b, stranger := newNode(t), newNode(t), newNode(t)
	b.name = "attic"
	befriended(t, a, b)
	w := startWaiting(t, stranger, ReceiveOptions{Out: t.TempDir()})
	meant, err := a.meant(t.Context(), "Attic")
	if err != nil || meant == nil || meant.ID != b.id.ID().String() {
		t.Fatalf("%+v, %v", meant, err)
	}
	if _, _, err := a.answering(t.Context(), w.address, meant); !errors.Is(err, wire.ErrWrongDevice) {
		t.Error(err)
	}
	if _, c, err := a.answering(t.Context(), w.address, nil); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

// What a rule takes goes to its folder and nobody is asked; what it does not,
// somebody is.
func TestRules(t *testing.T) {
	const most = 1000
	for _, c := range []struct {
		name    string
		rule    Rule
		trusted bool
		size    int
		out     bool // is said on the command line
		want    bool
	}{
		{"nothing", RuleSize, true, 0, false, true},
		{"one less", RuleSize, true, most - 1, false, true},
		{"exactly", RuleSize, true, most, false, true},
		{"one more", RuleSize, true, most + 1, false, false},
		{"always", RuleAlways, true, most + 1, false, true},
		{"elsewhere", RuleAlways, true, 1, true, true},
		{"ask", RuleAsk, true, 1, false, false},
		{"no more", RuleAlways, false, 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			a, b := newNode(t), newNode(t)
			befriended(t, a, b)
			id := b.id.ID().String()
			films := filepath.Join(t.TempDir(), "films")
			if _, err := a.SetRule(t.Context(), id, c.rule, most, films); err != nil {
				t.Fatal(err)
			}
			if !c.trusted {
				if _, err := a.Untrust(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			asked := false
			opts := ReceiveOptions{Approve: func(context.Context, Offer) (Answer, error) {
				asked = true
				return Answer{Accept: true}, nil
			}}
			want := films
			if !c.want {
				want = "."
			}
			if c.out {
				opts.Out = t.TempDir()
				want = opts.Out
			}
			w := startWaiting(t, a, opts)
			src := makeTree(t, map[string]int{"film": c.size})
			if _, err := b.Send(t.Context(), SendOptions{Paths: []string{filepath.Join(src, "film")}, To: []string{w.address}}); err != nil {
				t.Error(err)
			}
			<-w.done
			if w.err != nil || asked == c.want {
				t.Errorf("%v, asked: %v", w.err, asked)
			}
			if diff := cmp.Diff(tree(t, src), tree(t, want)); diff != "" {
				t.Errorf("-sent +received in %s:\n%s", want, diff)
			}
			if offers := w.of(KindOffer); len(offers) != 1 || offers[0].Offer.ByRule != c.want {
				t.Errorf("told %+v", offers)
			}
		})
	}
}

// Texts decide what they name: an alias before a name before an ID.
func TestNamed(t *testing.T) {
	nas := Known{ID: "aaaaaaa-bbbbbbb", Name: "nas", Trusted: time.Now()}
	attic := Known{ID: "ccccccc-bbbbbbb", Name: "NAS", Alias: "attic", Trusted: time.Now()}
	odd := Known{ID: "ddddddd-bbbbbbb", Name: "attic"}
	all := []Known{nas, attic, odd}
	for text, want := range map[string][]Known{
		"attic": {attic}, "nas": {nas, attic}, "AAAAAAA": {nas}, "ddddddd-b": {odd}, "aaaaaa": nil, "": nil, "x": nil,
	} {
		if diff := cmp.Diff(want, named(all, text), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
}

func TestRenameAndUntrust(t *testing.T) {
	n, one, two, seen := newNode(t), newNode(t), newNode(t), newNode(t)
	one.name, two.name, seen.name = "nas", "nas", "phone"
	befriended(t, n, one)
	befriended(t, n, two)
	ids := []string{one.id.ID().String(), two.id.ID().String()}
	if _, err := n.Rename(t.Context(), "nas", "attic"); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("an ambiguous name: %v", err)
	}
	if _, err := n.meant(t.Context(), "nas"); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("an ambiguous name is meant: %v", err)
	}
	if d, err := n.Rename(t.Context(), ids[0], " attic "); err != nil || d.Alias != "attic" || d.Title() != "attic" {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := n.meant(t.Context(), "ATTIC"); err != nil || d == nil || d.ID != ids[0] {
		t.Errorf("%+v, %v", d, err)
	}
	for _, alias := range []string{"attic", "Nas", "", " ", "a\x1bb", strings.Repeat("x", maxAlias+1), "\u200d"} {
		if _, err := n.Rename(t.Context(), ids[1], alias); !errors.Is(err, wire.ErrUsage) {
			t.Errorf("renamed to %q: %v", alias, err)
		}
	}
	if _, err := n.SetRule(t.Context(), "attic", RuleAlways, 0, "/films"); err != nil {
		t.Error(err)
	}
	d, err := n.Untrust(t.Context(), "attic")
	if err != nil || d.IsTrusted() || d.Alias != "" || d.Rule != RuleAsk || d.Folder != "" {
		t.Errorf("%+v, %v", d, err)
	}
	// Of the two only the other is trusted now.
	if d, err := n.meant(t.Context(), "nas"); err != nil || d == nil || d.ID != ids[1] {
		t.Errorf("%+v, %v", d, err)
	}
	for what, err := range map[string]error{
		"one that is not trusted": second(n.SetRule(t.Context(), ids[0], RuleAlways, 0, "")),
		"one that is not known":   second(n.Untrust(t.Context(), "nobody")),
	} {
		if !errors.Is(err, wire.ErrUsage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Its own name takes an alias back.
	if _, err := n.Rename(t.Context(), ids[1], "vault"); err != nil {
		t.Error(err)
	}
	if d, err := n.Rename(t.Context(), "vault", "NAS"); err != nil || d.Alias != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

func second[T any](_ T, err error) error { return err }

// Where it cannot be known who is trusted, nobody is sent to unasked.
func TestTrustUnknown(t *testing.T) {
	n := newNode(t)
	w := startWaiting(t, newNode(t), ReceiveOptions{Out: t.TempDir()})
	spoil(t, n)
	src := makeTree(t, map[string]int{"film": 100})
	opts := SendOptions{Paths: []string{src}, To: []string{w.address}}
	if _, err := n.Send(t.Context(), opts); !errors.Is(err, wire.ErrNewerState) || len(w.of(KindAsked)) > 0 {
		t.Errorf("sent with %v, asked %v", err, w.of(KindAsked))
	}
	asked := false
	opts.Compare = func(context.Context, Meeting) (bool, error) {
		asked = true
		return true, nil
	}
	if _, err := n.Send(t.Context(), opts); err != nil || !asked {
		t.Errorf("%v, asked: %v", err, asked)
	}
}

// Devices that are there are joined with what is known; trusted ones are listed
// also when they are not.
func TestDevicesWithKnown(t *testing.T) {
	since, last := time.UnixMilli(1e12), time.UnixMilli(2e12)
	got := withKnown([]Device{
		{Name: "desk", ID: "d", Addresses: []string{"10.0.0.2:1"}, Here: true, TakesOffers: true},
		{Name: "zoo", ID: "z", Addresses: []string{}, Here: true},
	}, []Known{
		{ID: "d", Name: "desk", Trusted: since, Alias: "study", Rule: RuleSize, MaxBytes: 7, Folder: "/f", LastSeen: last, LastRate: 5},
		{ID: "z", Name: "zoo", LastSeen: last, LastAddress: "10.0.0.3:1", Rule: RuleAsk},
		{ID: "n", Name: "nas", Trusted: since, Rule: RuleAsk, LastSeen: last, LastAddress: "10.0.0.4:1"},
		{ID: "o", Name: "old", LastSeen: last, Rule: RuleAsk},
	})
	want := []Device{
		{Name: "nas", ID: "n", Addresses: []string{}, Trusted: true, Since: since, Rule: RuleAsk, LastSeen: last, LastAddress: "10.0.0.4:1"},
		{
			Name: "desk", ID: "d", Addresses: []string{"10.0.0.2:1"}, Here: true, TakesOffers: true, Alias: "study",
			Trusted: true, Since: since, Rule: RuleSize, MaxBytes: 7, Folder: "/f", LastSeen: last, LastRate: 5,
		},
		{Name: "zoo", ID: "z", Addresses: []string{}, Here: true, LastSeen: last, LastAddress: "10.0.0.3:1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A daemon goes by rules, too: what one takes goes to its folder, and what none
// takes waits for an answer.
func TestDaemonGoesByRules(t *testing.T) {
	inbox, films := t.TempDir(), filepath.Join(t.TempDir(), "films")
	d, b := runDaemon(t, t.TempDir(), inbox, unusedPort(t)), newNode(t)
	befriended(t, d.node, b)
	if _, err := d.node.SetRule(t.Context(), b.id.ID().String(), RuleSize, 1000, films); err != nil {
		t.Fatal(err)
	}
	small, large := makeTree(t, map[string]int{"small": 1000}), makeTree(t, map[string]int{"large": 1001})
	send := func(dir string) error {
		_, err := b.Send(t.Context(), SendOptions{Paths: []string{dir}, To: []string{d.at}, Compare: noQuestion(t)})
		return err
	}
	if err := send(filepath.Join(small, "small")); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(tree(t, small), tree(t, films)); diff != "" {
		t.Error(diff)
	}
	sent := make(chan error, 1)
	go func() { sent <- send(filepath.Join(large, "large")) }()
	d.until("asking", func(ts []Transfer) bool { return len(ts) > 0 && ts[0].State == Asking })
	d.accept(Answer{Accept: true})
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(inbox, "large")); err != nil {
		t.Error(err)
	}
}
