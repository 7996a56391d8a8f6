package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// do runs the command at the machine, which must end well, and reads its result.
func (m *machine) do(result any, args ...string) {
	m.t.Helper()
	cmd := m.command(append(args, "--json")...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		m.t.Fatalf("%q: %v\n%s%s", args, err, said.String(), out)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(out, result); err != nil {
		m.t.Fatalf("%q printed %q: %v", args, out, err)
	}
}

// devices are those that the machine sees or trusts, by name.
func (m *machine) devices() map[string]node.Device {
	m.t.Helper()
	var all struct{ Devices []node.Device }
	m.do(&all, "devices")
	named := map[string]node.Device{}
	for _, d := range all.Devices {
		if _, isTwice := named[d.Name]; isTwice {
			m.t.Fatalf("two devices are called %s", d.Name)
		}
		named[d.Name] = d
	}
	return named
}

// awaitDevices waits until the machine sees all of these names.
func (m *machine) awaitDevices(names ...string) {
	m.t.Helper()
	var seen map[string]node.Device
	for began := time.Now(); time.Since(began) < patience; {
		seen = m.devices()
		if !slices.ContainsFunc(names, func(name string) bool { return !seen[name].Here || !seen[name].TakesOffers }) {
			return
		}
	}
	m.t.Fatalf("not all of %q were seen within %v: %+v", names, patience, seen)
}

// pairWith makes two machines trust each other, by a code that m shows.
func (m *machine) pairWith(other *machine) {
	m.t.Helper()
	p := m.start("pair")
	code := p.waitKind(node.KindWaiting).Code
	other.do(nil, "pair", code)
	if exit := p.end(patience); exit != wire.ExitDone {
		m.t.Fatalf("exit code %d\n%s", exit, p.text.String())
	}
}

// named waits until the running node's transfer of what has that name is in a
// state, and answers it.
func (m *machine) named(name string, s node.State) node.Transfer {
	m.t.Helper()
	is := func(t node.Transfer) bool {
		return t.State == s && t.Offer != nil && strings.TrimSuffix(t.Offer.Names[0], "/") == filepath.Base(name)
	}
	all := m.until(string(s)+" of "+filepath.Base(name), func(all []node.Transfer) bool { return slices.ContainsFunc(all, is) })
	return all[slices.IndexFunc(all, is)]
}

// A serving machine is one on which a node runs.
type serving struct {
	*machine
	name, dst string
	running   *process
}

// run starts a node that has a name.
func (m *machine) run(name string) *serving {
	m.t.Helper()
	n := &serving{machine: m, name: name, dst: m.t.TempDir()}
	n.env = []string{"LANYARD_NAME=" + name}
	n.running = n.serve(n.dst)
	return n
}

// film makes a file of size bytes, and answers its path.
func film(t *testing.T, name string, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	sparse(t, path, size)
	return path
}

// arrived checks a file in the folder that the node receives into.
func (n *serving) arrived(src string) {
	n.t.Helper()
	if hash(n.t, filepath.Join(n.dst, filepath.Base(src))) != hash(n.t, src) {
		n.t.Errorf("%s differs at %s", filepath.Base(src), n.name)
	}
}

// Three nodes on one network, of which charlie has a firewall that lets nobody
// connect.
func TestThreeNodes(t *testing.T) {
	machines := hub(t, 3, gigabit)
	alpha, bravo, charlie := machines[0].run("alpha"), machines[1].run("bravo"), machines[2].run("charlie")
	charlie.SetFirewall(true)
	alpha.awaitDevices("bravo", "charlie")
	bravo.awaitDevices("alpha", "charlie")
	charlie.awaitDevices("alpha", "bravo")
	// The nodes run meanwhile: they learn it from what the commands beside them
	// leave.
	alpha.pairWith(bravo.machine)
	bravo.pairWith(charlie.machine)
	alpha.pairWith(charlie.machine)

	// Both ways, by a command beside the running node and by that node itself.
	// Of a trusted device neither side is shown words.
	for _, way := range []struct{ from, to *serving }{{alpha, bravo}, {bravo, alpha}, {charlie, alpha}} {
		src := film(t, "from "+way.from.name+".mov", 50<<20)
		p := way.from.start("send", "--yes", "--to", way.to.name, src)
		asked := way.to.named(src, node.Asking)
		if offered := p.waitKind(node.KindOffered); asked.Words != "" || offered.Words != "" {
			t.Errorf("words between devices that trust each other: %q and %q", asked.Words, offered.Words)
		}
		if asked.Device != way.from.name {
			t.Errorf("%q asks, not %s", asked.Device, way.from.name)
		}
		way.to.do(nil, "transfers", "accept", asked.ID)
		if res := p.result(patience); res.Receivers != 1 {
			t.Errorf("%d receivers", res.Receivers)
		}
		way.to.named(src, node.Ended)
		way.to.arrived(src)
	}
	src := film(t, "by itself.mov", 50<<20)
	bravo.do(nil, "send", "--background", "--to", "alpha", src)
	alpha.do(nil, "transfers", "accept", alpha.named(src, node.Asking).ID)
	bravo.named(src, node.Ended)
	alpha.named(src, node.Ended)
	alpha.arrived(src)

	// With a code, to the one that nobody can connect to.
	src = film(t, "by code.mov", 50<<20)
	p := alpha.send(src)
	charlie.do(nil, "receive", p.waitKind(node.KindWaiting).Code, "--background")
	p.result(patience)
	charlie.named(src, node.Ended)
	charlie.arrived(src)

	// A rule of bravo's lets in what is no larger.
	bravo.do(nil, "devices", "rule", "alpha", "1GB")
	src = film(t, "small.mov", 50<<20)
	alpha.do(nil, "send", "--background", "--to", "bravo", src)
	if got := bravo.named(src, node.Ended); !got.Offer.ByRule {
		t.Errorf("it was not the rule that accepted %+v", got)
	}
	bravo.arrived(src)
	src = film(t, "large.mov", 1_000_000_001)
	p = alpha.start("send", "--yes", "--to", "bravo", src)
	bravo.do(nil, "transfers", "decline", bravo.named(src, node.Asking).ID)
	if exit := p.end(patience); exit != wire.ExitRejected {
		t.Errorf("declined: exit code %d", exit)
	}

	// Some files of an offer.
	src = filepath.Join(t.TempDir(), "day 1")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.mov", "b.mov", "notes.txt", "sound.wav"} {
		sparse(t, filepath.Join(src, name), 3<<20)
	}
	charlie.do(nil, "send", "--background", "--to", "bravo", src)
	bravo.do(nil, "transfers", "accept", bravo.named(src, node.Asking).ID, "--only", "*.mov")
	bravo.named(src, node.Ended)
	charlie.named(src, node.Ended)
	got, err := filepath.Glob(filepath.Join(bravo.dst, "day 1", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = filepath.Base(got[i])
	}
	if !slices.Equal(got, []string{"a.mov", "b.mov"}) {
		t.Errorf("%q arrived", got)
	}

	// Two at once.
	bravo.do(nil, "transfers", "limit", "--down", "40MB/s")
	bravo.do(nil, "devices", "rule", "charlie", "always")
	before, _ := bravo.transfers()
	var films []string
	for _, n := range []*serving{alpha, charlie} {
		films = append(films, film(t, "two from "+n.name+".mov", 200<<20))
		n.do(nil, "send", "--background", "--to", "bravo", films[len(films)-1])
	}
	moving := func(t node.Transfer) bool { return t.State == node.Running && t.Bytes > 0 }
	bravo.until("two under way", func(all []node.Transfer) bool {
		return len(slices.DeleteFunc(slices.Clone(all), func(t node.Transfer) bool { return !moving(t) })) == 2
	})
	bravo.do(nil, "transfers", "limit", "--down", "none")
	bravo.until("done", each(len(before)+2, func(t node.Transfer) bool { return t.State.IsOver() }))
	for _, path := range films {
		bravo.arrived(path)
	}
}

// Who has a trusted device's name and not its key is neither sent to nor
// received from, and both are told.
func TestNameWithAnotherKey(t *testing.T) {
	a, c := pair(t, gigabit)
	alpha, charlie := a.run("alpha"), c.run("charlie")
	alpha.pairWith(c)
	src := film(t, "film.mov", 3<<20)
	charlie.running.kill(syscall.SIGTERM)
	charlie.home = t.TempDir()

	toAlpha := charlie.start("send", "--yes", "--to", "alpha", src)
	if exit := toAlpha.end(patience); exit != wire.ExitUnauthorised || failureOf(t, toAlpha) != "wrong_device" {
		t.Errorf("its offer ended with %d\n%s%s", exit, toAlpha.text.String(), toAlpha.out.String())
	}
	charlie.serve(t.TempDir())
	fromAlpha := alpha.start("send", "--yes", "--to", "charlie", src)
	if exit := fromAlpha.end(patience); exit != wire.ExitUnauthorised || failureOf(t, fromAlpha) != "wrong_device" {
		t.Errorf("an offer to it ended with %d\n%s%s", exit, fromAlpha.text.String(), fromAlpha.out.String())
	}
	if all, _ := alpha.transfers(); len(all) > 0 {
		t.Errorf("somebody was asked: %+v", all)
	}
	alpha.running.wait("refusal", func(ev node.Event) bool {
		return ev.Device == "charlie" && strings.Contains(ev.Reason, "which you trust, and not its key")
	})
}
