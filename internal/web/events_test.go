package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lanyard/internal/node"
)

// listen reads what is told after a place in the stream, until enough says so.
func (c *caller) listen(query, last string, enough func(node.Notice) bool) (heard []node.Notice) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://lanyard/v1/events"+query, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != "text/event-stream" {
		c.t.Fatalf("%d, %s", res.StatusCode, got)
	}
	id := ""
	for in := bufio.NewScanner(res.Body); in.Scan(); {
		if n, isID := strings.CutPrefix(in.Text(), "id: "); isID {
			id = n
		}
		data, isData := strings.CutPrefix(in.Text(), "data: ")
		if !isData {
			continue
		}
		var n node.Notice
		if err := json.Unmarshal([]byte(data), &n); err != nil {
			c.t.Fatal(err)
		}
		if fmt.Sprint(n.Seq) != id {
			c.t.Errorf("the event %s has number %d", id, n.Seq)
		}
		if heard = append(heard, n); enough(n) {
			return heard
		}
	}
	c.t.Fatalf("the stream ended after %+v", heard)
	return nil
}

// Who comes with a number hears what came after it, each once, and who comes with
// one that is not known that something was missed.
func TestEventsAfter(t *testing.T) {
	c := newCaller(t, runNode(t, "attic", machine))
	share := func(text string) string {
		return want[node.Transfer](c, "POST", "/v1/transfers", node.Job{Text: text}).ID
	}
	first := share("one")
	c.find(node.TransferShare, node.Waiting)
	// The state is read at a number, and the notices after it bring it up to date.
	state := want[State](c, "GET", "/v1/state", nil)
	second := share("two")
	about := func(id string) func(node.Notice) bool {
		return func(n node.Notice) bool { return n.Transfer == id && n.Kind == node.KindTransfer }
	}
	after := fmt.Sprint("?after=", state.Seq)
	heard := c.listen(after, "", about(second))
	for i, n := range heard {
		if n.Seq != state.Seq+1+uint64(i) || n.Kind == node.KindMissed {
			t.Errorf("%d after %d: %+v", i, state.Seq, n)
		}
	}
	if of := heard[len(heard)-1].Of; of == nil || of.ID != second || of.Code != "" {
		t.Errorf("%+v", of)
	}
	// A browser that comes again says it in a header; the address is still the first.
	last := fmt.Sprint(heard[len(heard)-1].Seq)
	want[Nothing](c, "POST", "/v1/transfers/"+second+"/cancel", nil)
	if again := c.listen(after, last, about(second)); again[0].Seq != heard[len(heard)-1].Seq+1 {
		t.Errorf("after %s comes %+v", last, again[0])
	}
	for _, unknown := range []string{"0", "1", "18446744073709551615"} {
		missed := c.listen("?after="+unknown, "", about(first))
		if missed[0].Kind != node.KindMissed {
			t.Errorf("after %s: %+v", unknown, missed[0])
		}
	}
	for _, wrong := range []string{"-1", "x", "18446744073709551616"} {
		c.refused("GET", "/v1/events?after="+wrong, "", "malformed", "by its number")
	}
}

// Each event has its time, and a comment fills the time in which there is none.
// Names cannot make two events of one.
func TestTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &clocked{ResponseRecorder: httptest.NewRecorder()}
		began := time.Now()
		tell(w, func(yield func(node.Notice) bool) {
			time.Sleep(quiet)
			if yield(node.Notice{}) {
				yield(node.Notice{Seq: 7, Event: node.Event{Kind: node.KindGone, Device: "\r\n\ndata: x\u2028"}})
			}
		})
		want := ": lanyard\n\n: here\n\nid: 7\n" +
			`data: {"seq":7,"event":"gone","time":"0001-01-01T00:00:00Z","device":"\r\n\ndata: x\u2028"}` + "\n\n"
		if got := w.Body.String(); got != want || !w.Flushed {
			t.Errorf("%q, want %q", got, want)
		}
		late := began.Add(quiet + patience)
		if diff := cmp.Diff([]time.Time{began.Add(patience), late, late}, w.write); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
