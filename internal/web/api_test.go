package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"rsc.io/qr"

	"lanyard/internal/node"
)

// until waits until something is so.
func (r *running) until(what string, is func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	for range r.d.Notices(ctx, 0, time.Second) {
		if is() {
			return
		}
	}
	r.t.Fatalf("not %s: %+v, %+v", what, r.d.Transfers(), r.d.Pairing())
}

// find waits for the transfer of a kind in a state.
func (r *running) find(kind node.TransferKind, state node.State) (found node.Transfer) {
	r.t.Helper()
	r.until(fmt.Sprint(kind, " is ", state), func() bool {
		for _, v := range r.d.Transfers() {
			if v.Kind == kind && v.State == state {
				found = v
				return true
			}
		}
		return false
	})
	return found
}

// address is where the node listens.
func (r *running) address() string { return r.d.Info().Addresses[0] }

const (
	hindi  = "छुट्टी/🎬 फ़िल्म.mp4"
	hebrew = "שלום.txt"
)

// putDown drops files with their contents.
func (c *caller) putDown(files map[string]string) (id string) {
	c.t.Helper()
	var drop NewDrop
	for path, content := range files {
		drop.Files = append(drop.Files, node.DropFile{Path: path, Size: int64(len(content))})
	}
	id = want[Drop](c, "POST", "/v1/drops", drop).ID
	for n, f := range drop.Files {
		if status, text := c.ask("PUT", fmt.Sprintf("/v1/drops/%s/files/%d", id, n), files[f.Path]); status != 200 {
			c.t.Fatalf("%s: %d %s", f.Path, status, text)
		}
	}
	return id
}

// Two nodes do with each other all that there is, and every answer is as it is
// described.
func TestCalls(t *testing.T) {
	cellar := runNode(t, "cellar", machine)
	attic := runNode(t, "attic", machine)
	c := newCaller(t, attic)
	info := want[node.DaemonInfo](c, "GET", "/v1/node", nil)
	if s := want[State](c, "GET", "/v1/state", nil); info.Name != "attic" || s.Node.Device != info.Device || s.Seq == 0 {
		t.Errorf("%+v, %+v", info, s)
	}
	c.sharesDrop(cellar)
	c.takesOffer(cellar)
	c.gives(cellar)
	c.pairs(cellar)
	c.measures()
	c.remembers()
	limits := want[node.Limits](c, "PUT", "/v1/limits", node.Limits{Up: 5e6})
	if now := want[node.Limits](c, "GET", "/v1/limits", nil); now != limits || now.Up != 5e6 {
		t.Errorf("%+v, %+v", limits, now)
	}
	want[Places](c, "GET", "/v1/places", nil)
	want[Folder](c, "GET", "/v1/folder?path="+url.QueryEscape(attic.inbox), nil)
	want[Settings](c, "GET", "/v1/settings", nil)
	want[Settings](c, "PUT", "/v1/settings", map[string]any{})
	// After all that, what is told in one piece and each notice are as described, too.
	want[State](c, "GET", "/v1/state", nil)
	for n := range attic.d.Notices(t.Context(), 0, time.Millisecond) {
		if n.Kind == "" {
			break
		}
		var v any
		if err := json.Unmarshal([]byte(asJSON(t, n)), &v); err != nil {
			t.Fatal(err)
		}
		if why := misfit(c.doc, "the notice", object{"$ref": "#/components/schemas/Notice"}, v); why != "" {
			t.Error(why)
		}
	}
	otherwise := map[string]bool{ // tested elsewhere
		"GET /v1/events": true, "POST /v1/dialog": true, "POST /v1/transfers/{id}/open": true,
	}
	for _, one := range routes {
		if !c.succeeded[one.pattern] && !otherwise[one.pattern] {
			t.Errorf("nobody has called %s", one.pattern)
		}
	}
}

// sharesDrop shares dropped files under a code, which the other node receives.
func (c *caller) sharesDrop(other *running) {
	c.t.Helper()
	gone := c.putDown(map[string]string{"a": "b"})
	want[Nothing](c, "DELETE", "/v1/drops/"+gone, nil)
	c.refused("POST", "/v1/transfers", asJSON(c.t, node.Job{Drop: gone}), "usage", "drop the files once more")
	content := map[string]string{hindi: strings.Repeat("film", 1000), hebrew: ""}
	drop := c.putDown(content)
	added := want[node.Transfer](c, "POST", "/v1/transfers", node.Job{Drop: drop})
	c.until("a code", func() bool {
		v, err := c.d.Transfer(added.ID)
		return err == nil && v.Code != "" && len(v.Addresses) > 0
	})
	at := "/v1/transfers/" + added.ID
	shared := want[node.Transfer](c, "GET", at, nil)
	if shared.Kind != node.TransferShare || shared.Direction != node.Sent || shared.Offer == nil || shared.Offer.Bytes != 4000 {
		c.t.Errorf("%+v", shared)
	}
	c.refused("DELETE", "/v1/drops/"+drop, "", "usage", "being sent")
	c.seesCode(at, shared)
	want[Files](c, "GET", at+"/files", nil)
	want[Nothing](c, "POST", at+"/pause", nil)
	c.find(node.TransferShare, node.Paused)
	want[Nothing](c, "POST", at+"/resume", nil)
	c.until("a code once more", func() bool {
		v, err := c.d.Transfer(added.ID)
		shared = v
		return err == nil && v.State == node.Waiting && v.Code != "" && len(v.Addresses) > 0
	})
	if _, err := other.d.Add(c.t.Context(), node.Job{Code: shared.Code, From: shared.Addresses[0]}); err != nil {
		c.t.Fatal(err)
	}
	other.find(node.TransferCode, node.Ended)
	for path, text := range content {
		if got, err := os.ReadFile(filepath.Join(other.inbox, filepath.FromSlash(path))); err != nil || string(got) != text {
			c.t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	want[Nothing](c, "POST", at+"/cancel", nil)
	c.find(node.TransferShare, node.Cancelled)
	c.until("the drop gone", func() bool {
		_, err := os.Stat(filepath.Join(c.home, "drops", drop))
		return os.IsNotExist(err)
	})
}

var module = regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`)

// seesCode looks at the picture of a share's code.
func (c *caller) seesCode(at string, shared node.Transfer) {
	c.t.Helper()
	_, svg := c.ask("GET", at+"/code.svg", "")
	code, err := qr.Encode(shared.Code+"@"+shared.Addresses[0], qr.M)
	if err != nil {
		c.t.Fatal(err)
	}
	side := code.Size + 8
	if !strings.HasPrefix(string(svg), fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d"`, side, side)) {
		c.t.Errorf("%.200s", svg)
	}
	isBlack := map[string]bool{}
	for _, m := range module.FindAllStringSubmatch(string(svg), -1) {
		isBlack[m[1]+" "+m[2]] = true
	}
	for y := range side {
		for x := range side {
			if isBlack[fmt.Sprint(x, y)] != code.Black(x-4, y-4) {
				c.t.Fatalf("module %d, %d is wrong", x, y)
			}
		}
	}
}

// takesOffer takes what the other node offers, under another name, and trusts it
// from then on.
func (c *caller) takesOffer(other *running) {
	c.t.Helper()
	src := filepath.Join(c.t.TempDir(), "report \u202egpj.exe")
	if err := os.WriteFile(src, []byte("12345"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	push := func() {
		if _, err := other.d.Add(c.t.Context(), node.Job{Paths: []string{src}, To: c.address(), Yes: true}); err != nil {
			c.t.Fatal(err)
		}
	}
	push()
	asking := c.find(node.TransferOffered, node.Asking)
	at := "/v1/transfers/" + asking.ID
	files := want[Files](c, "GET", at+"/files", nil)
	if len(files.Files) != 1 || files.Files[0].Path != "report \u202egpj.exe" || files.Files[0].Size != 5 || files.More != 0 {
		c.t.Fatalf("%+v", files)
	}
	answer := func(name string) string {
		return asJSON(c.t, node.Answer{Accept: true, Always: true, Names: map[string]string{files.Files[0].Path: name}})
	}
	c.refused("POST", at+"/answer", answer("../up"), "usage", "the name")
	c.refused("POST", at+"/pause", "", "usage", "cannot be paused")
	c.refused("GET", at+"/code.svg", "", "usage", "no code")
	if status, text := c.ask("POST", at+"/answer", answer("reports/"+hebrew)); status != 200 {
		c.t.Fatalf("%s", text)
	}
	done := c.find(node.TransferOffered, node.Ended)
	if got, err := os.ReadFile(filepath.Join(c.inbox, "reports", hebrew)); err != nil || string(got) != "12345" {
		c.t.Errorf("%q, %v", got, err)
	}
	if done.Out != c.inbox {
		c.t.Errorf("%+v", done)
	}
	// From now on nobody is asked.
	push()
	c.until("both there", func() bool {
		n := 0
		for _, v := range c.d.Transfers() {
			if v.Kind == node.TransferOffered && v.State == node.Ended {
				n++
			}
		}
		return n == 2
	})
	if all := want[Transfers](c, "GET", "/v1/transfers", nil); len(all.Transfers) != 3 {
		c.t.Errorf("%+v", all)
	}
	c.changesDevice(done.DeviceID)
}

// changesDevice changes what is decided on a trusted device, and trusts it no
// more.
func (c *caller) changesDevice(id string) {
	c.t.Helper()
	at := "/v1/devices/" + id
	device := func() node.Device {
		all := want[Devices](c, "GET", "/v1/devices", nil).Devices
		for _, d := range all {
			if d.ID == id {
				return d
			}
		}
		c.t.Fatalf("%s is not there: %+v", id, all)
		return node.Device{}
	}
	if d := device(); !d.Trusted || d.Rule != node.RuleAlways {
		c.t.Errorf("%+v", d)
	}
	changed := want[node.Device](c, "PUT", at, map[string]any{"alias": "छत", "rule": "size", "max_bytes": 5e9, "folder": c.home})
	if diff := cmp.Diff(device(), changed); diff != "" || changed.Alias != "छत" || changed.MaxBytes != 5e9 || changed.Rule != node.RuleSize || changed.Folder != c.home {
		c.t.Errorf("%+v, %s", changed, diff)
	}
	for body, words := range map[string]string{
		`{"rule":"never"}`: "never", `{"folder":"films"}`: "from the root on", `{"alias":"a\u0000b"}`: "control characters",
		`{"rule":"size","max_bytes":-1}`: "",
	} {
		c.refused("PUT", at, body, "usage", words)
	}
	c.refused("PUT", "/v1/devices/nobody", `{"alias":"x"}`, "usage", "nobody")
	want[Nothing](c, "DELETE", at, nil)
	for _, d := range want[Devices](c, "GET", "/v1/devices", nil).Devices {
		if d.ID == id && d.Trusted {
			c.t.Errorf("%+v", d)
		}
	}
	c.refused("DELETE", at, "", "usage", "")
}

// gives the other node what it asks for.
func (c *caller) gives(other *running) {
	c.t.Helper()
	if _, err := other.d.Add(c.t.Context(), node.Job{From: c.address()}); err != nil {
		c.t.Fatal(err)
	}
	asking := c.find(node.TransferGiven, node.Asking)
	if asking.Words == "" || asking.Offer != nil {
		c.t.Errorf("%+v", asking)
	}
	at := "/v1/transfers/" + asking.ID + "/answer"
	c.refused("POST", at, `{"accept":true,"paths":["/no/such/file"]}`, "usage", "/no/such/file")
	drop := c.putDown(map[string]string{"given.txt": "here"})
	if status, text := c.ask("POST", at, asJSON(c.t, node.Answer{Accept: true, Drop: drop})); status != 200 {
		c.t.Fatalf("%s", text)
	}
	other.find(node.TransferAsked, node.Ended)
	c.find(node.TransferGiven, node.Ended)
	if got, err := os.ReadFile(filepath.Join(other.inbox, "given.txt")); err != nil || string(got) != "here" {
		c.t.Errorf("%q, %v", got, err)
	}
}

// measures this machine, is stopped, and knows nothing of it in the end.
func (c *caller) measures() {
	c.t.Helper()
	if now := want[BenchNow](c, "GET", "/v1/bench", nil); now.Bench != nil {
		c.t.Errorf("%+v", now.Bench)
	}
	c.refused("POST", "/v1/bench", `{"device":"nobody"}`, "usage", "")
	c.refused("POST", "/v1/bench", asJSON(c.t, node.BenchJob{Device: c.d.Info().Device}), "usage", "not trusted")
	if b := want[node.Bench](c, "POST", "/v1/bench", node.BenchJob{}); b.State != node.BenchRunning || b.Step != node.BenchMachines {
		c.t.Errorf("%+v", b)
	}
	c.refused("POST", "/v1/bench", `{"device":""}`, "busy", "")
	if s := want[State](c, "GET", "/v1/state", nil); s.Bench == nil || s.Bench.State != node.BenchRunning {
		c.t.Errorf("%+v", s.Bench)
	}
	c.refused("DELETE", "/v1/bench", "", "busy", "")
	want[Nothing](c, "POST", "/v1/bench/stop", nil)
	if b := want[BenchNow](c, "GET", "/v1/bench", nil).Bench; b == nil || b.State != node.BenchStopped || b.Error != nil {
		c.t.Errorf("%+v", b)
	}
	if left, err := filepath.Glob(filepath.Join(c.inbox, ".lanyard-bench-*")); err != nil || len(left) > 0 {
		c.t.Errorf("left behind: %q, %v", left, err)
	}
	want[Nothing](c, "POST", "/v1/bench/stop", nil) // too late, and takes nothing away
	want[Nothing](c, "DELETE", "/v1/bench", nil)
	if now := want[BenchNow](c, "GET", "/v1/bench", nil); now.Bench != nil {
		c.t.Errorf("%+v", now.Bench)
	}
}

// pairs by a code of this node, by words asked for here, and by words asked for
// there.
func (c *caller) pairs(other *running) {
	c.t.Helper()
	if now := want[PairingNow](c, "GET", "/v1/pairing", nil); now.Pairing != nil {
		c.t.Errorf("%+v", now.Pairing)
	}
	c.refused("POST", "/v1/pairing/answer", `{"accept":true}`, "usage", "no words")
	stands := func(r *running, state node.PairState) {
		c.t.Helper()
		r.until("pairing "+string(state), func() bool { p := r.d.Pairing(); return p != nil && p.State == state })
	}
	want[node.Pairing](c, "POST", "/v1/pairing", node.PairJob{})
	c.refused("POST", "/v1/pairing", `{}`, "busy", "")
	c.until("a code", func() bool { return len(c.d.Pairing().Addresses) > 0 && c.d.Pairing().Code != "" })
	shown := want[PairingNow](c, "GET", "/v1/pairing", nil).Pairing
	if _, err := other.d.Pair(node.PairJob{Code: shown.Code, To: shown.Addresses[0]}); err != nil {
		c.t.Fatal(err)
	}
	stands(other, node.PairDone)
	stands(c.running, node.PairDone)
	if p := want[PairingNow](c, "GET", "/v1/pairing", nil).Pairing; p.Device != "cellar" || p.Code != "" {
		c.t.Errorf("%+v", p)
	}
	want[Nothing](c, "DELETE", "/v1/pairing", nil)
	other.d.EndPairing()
	if now := want[PairingNow](c, "GET", "/v1/pairing", nil); now.Pairing != nil {
		c.t.Errorf("%+v", now.Pairing)
	}

	want[node.Pairing](c, "POST", "/v1/pairing", node.PairJob{To: other.address()})
	stands(c.running, node.PairAsking)
	other.until("trust asked", func() bool { return other.d.TrustAsked() != nil })
	theirs, ours := other.d.TrustAsked(), c.d.Pairing()
	if theirs.Words != ours.Words {
		c.t.Errorf("%q, %q", theirs.Words, ours.Words)
	}
	want[Nothing](c, "POST", "/v1/pairing/answer", Verdict{true})
	if err := other.d.AnswerTrust(c.t.Context(), node.TrustAnswer{Accept: true, DeviceID: theirs.DeviceID}); err != nil {
		c.t.Error(err)
	}
	stands(c.running, node.PairDone)

	if _, err := other.d.Pair(node.PairJob{To: c.address()}); err != nil {
		c.t.Fatal(err)
	}
	stands(other, node.PairAsking)
	c.until("trust asked", func() bool { return c.d.TrustAsked() != nil })
	asked := want[Trust](c, "GET", "/v1/trust", nil).Asked
	if err := other.d.AnswerPairing(true); err != nil {
		c.t.Error(err)
	}
	want[Nothing](c, "POST", "/v1/trust", node.TrustAnswer{Accept: true, DeviceID: asked.DeviceID})
	stands(other, node.PairDone)
}

// remembers what was transferred.
func (c *caller) remembers() {
	c.t.Helper()
	all := want[Entries](c, "GET", "/v1/history", nil)
	if len(all.Entries) != 4 || all.Next != 0 {
		c.t.Fatalf("%+v", all)
	}
	var paged []node.Entry
	for before := int64(0); ; {
		page := want[Entries](c, "GET", fmt.Sprintf("/v1/history?limit=3&before=%d", before), nil)
		paged = append(paged, page.Entries...)
		if before = page.Next; before == 0 {
			break
		}
	}
	if diff := cmp.Diff(all.Entries, paged); diff != "" {
		c.t.Errorf("page by page (-want +got):\n%s", diff)
	}
	sent := want[Entries](c, "GET", "/v1/history?direction=sent&search="+url.QueryEscape("फ़िल्म"), nil)
	if len(sent.Entries) != 1 || sent.Entries[0].Direction != node.Sent || len(sent.Entries[0].Files) != 0 {
		c.t.Fatalf("%+v", sent)
	}
	at := fmt.Sprint("/v1/history/", sent.Entries[0].ID)
	whole := want[node.Entry](c, "GET", at, nil)
	if diff := cmp.Diff(whole, want[node.Entry](c, "GET", at+"/receipt", nil)); diff != "" || len(whole.Files) != 2 {
		c.t.Errorf("%+v\n%s", whole, diff)
	}
	c.refused("GET", "/v1/history/99", "", "usage", "no transfer 99")
	c.refused("GET", "/v1/history/x", "", "malformed", "numbers")
	for _, wrong := range []string{"limit=-1", "limit=x", "before=x", "direction=up"} {
		c.refused("GET", "/v1/history?"+wrong, "", "malformed", "")
	}
}
