package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

const (
	// maxAsked bounds the body of a request in bytes: some thousand paths.
	maxAsked = 1 << 20
	// maxDropAsked bounds that of a list of files that are to be put down.
	maxDropAsked = 32 << 20
	// maxSigningAsked bounds that of who is not signed in yet: strangers may have
	// many of them under way, each of which is held until it is there.
	maxSigningAsked = 16 << 10
)

// mostAsked bounds the body of a request to a path below /v1 or /api/v1.
func mostAsked(path string) int64 {
	switch strings.TrimPrefix(path, "/api") {
	case "/v1/drops":
		return maxDropAsked
	case "/v1/session", "/v1/account":
		return maxSigningAsked
	}
	return maxAsked
}

// A route is one call of the API: what answers it, and what is said of it in its
// description, openapi.json.
type route struct {
	pattern string // as of http.ServeMux
	summary string
	query   []string     // parameters, all of them optional
	ask     reflect.Type // of the body, JSON; nil: none
	answer  reflect.Type // JSON; nil: media
	media   string       // of an answer that is no JSON
	upload  bool         // whether the body is bytes of any number
	serve   func(a *api, w http.ResponseWriter, r *http.Request) error
}

// An api answers what is asked of a daemon.
type api struct {
	d       *node.Daemon
	machine Machine
}

// routes are the calls of the running node, below /v1. The beginning of a
// transfer's ID will do. Errors are those of wire's table.
var routes = []route{
	get("/v1/state", "all of the node at one time", (*api).state),
	get("/v1/node", "what it is called, where it listens", func(a *api, _ *http.Request) (node.DaemonInfo, error) { return a.d.Info(), nil }),
	{
		pattern: "GET /v1/events", summary: "what happens, as server-sent events that each carry a Notice: after the one " +
			"with number after, or in Last-Event-ID, or from now on",
		query: []string{"after"}, media: "text/event-stream", serve: (*api).events,
	},

	get("/v1/transfers", "those under way, the oldest first, then the last ones that are over", (*api).transfers),
	post("/v1/transfers", "begin one", (*api).add),
	get("/v1/transfers/{id}", "one, with the code of a share", (*api).transfer),
	get("/v1/transfers/{id}/files", "what is offered or transferred", (*api).files),
	{pattern: "GET /v1/transfers/{id}/code.svg", summary: "a QR code of a share: CODE@HOST:PORT", media: "image/svg+xml", serve: (*api).qr},
	post("/v1/transfers/{id}/answer", "answer what a transfer asks", (*api).answer),
	do("POST /v1/transfers/{id}/pause", "stop until resume", (*node.Daemon).Pause),
	do("POST /v1/transfers/{id}/resume", "go on, or try again", (*node.Daemon).Resume),
	do("POST /v1/transfers/{id}/cancel", "end for good", (*node.Daemon).Cancel),
	do("POST /v1/transfers/{id}/open", "show the folder on this machine's screen", nil).by((*api).open),

	get("/v1/devices", "those on the network and those that are trusted", (*api).devices),
	ask("PUT /v1/devices/{id}", "rename, or say what it may send unasked", (*api).changeDevice),
	do("DELETE /v1/devices/{id}", "take back the trust in it", nil).by((*api).untrust),

	get("/v1/trust", "the device that asks to be trusted", func(a *api, _ *http.Request) (Trust, error) { return Trust{a.d.TrustAsked()}, nil }),
	post("/v1/trust", "decide on it; answered when both users have", (*api).answerTrust),
	get("/v1/pairing", "the pairing that was asked for here", func(a *api, _ *http.Request) (PairingNow, error) { return PairingNow{a.d.Pairing()}, nil }),
	post("/v1/pairing", "begin to pair: by the code of another device, by words with one, or by a code of this one", func(a *api, _ *http.Request, j node.PairJob) (node.Pairing, error) {
		return a.d.Pair(j)
	}),
	post("/v1/pairing/answer", "tell whether the other screen shows the same words", (*api).answerPairing),
	do("DELETE /v1/pairing", "break it off, or clear the last one", nil).by(func(a *api, _ *http.Request) error {
		a.d.EndPairing()
		return nil
	}),

	get("/v1/bench", "the speed test that was asked for here", func(a *api, _ *http.Request) (BenchNow, error) { return BenchNow{a.d.Bench()}, nil }),
	post("/v1/bench", "begin to measure: the way from a trusted device to this one, or this machine alone", func(a *api, r *http.Request, j node.BenchJob) (node.Bench, error) {
		return a.d.StartBench(r.Context(), j)
	}),
	do("POST /v1/bench/stop", "stop it; it stays in sight with what it had found", nil).by(func(a *api, _ *http.Request) error {
		a.d.StopBench()
		return nil
	}),
	do("DELETE /v1/bench", "clear the last one", nil).by(func(a *api, _ *http.Request) error { return a.d.ClearBench() }),

	get("/v1/limits", "bytes a second", func(a *api, _ *http.Request) (node.Limits, error) { return a.d.Limits(), nil }),
	ask("PUT /v1/limits", "change them until the node ends, also for what is under way", (*api).setLimits),

	get("/v1/history", "what was sent and received, the last first; those before an ID", (*api).history, "search", "direction", "before", "limit"),
	get("/v1/history/{id}", "one, with its files", (*api).entry),
	{pattern: "GET /v1/history/{id}/receipt", summary: "the same as a file", answer: reflect.TypeFor[node.Entry](), serve: (*api).receipt},

	get("/v1/settings", "every setting, and where its value comes from", (*api).settings),
	ask("PUT /v1/settings", "change settings by their names; null is as by default", (*api).writeSettings),

	get("/v1/places", "folders of this machine to begin at", func(*api, *http.Request) (Places, error) { return findPlaces(), nil }),
	get("/v1/folder", "what is in a folder of this machine", (*api).folder, "path"),
	post("/v1/dialog", "have files or a folder chosen on this machine's screen", (*api).dialog),

	post("/v1/drops", "make room for files that are put down here to be sent", (*api).newDrop),
	{pattern: "PUT /v1/drops/{id}/files/{n}", summary: "one of them: its bytes", answer: reflect.TypeFor[Nothing](), upload: true, serve: (*api).putDrop},
	do("DELETE /v1/drops/{id}", "remove them", func(d *node.Daemon, id string) error { return d.DiscardDrop(id) }),
}

// Nothing is answered by what only succeeds.
type Nothing struct{}

// get is a call that only looks.
func get[A any](path, summary string, call func(*api, *http.Request) (A, error), query ...string) route {
	return route{
		pattern: "GET " + path, summary: summary, query: query, answer: reflect.TypeFor[A](),
		serve: func(a *api, w http.ResponseWriter, r *http.Request) error {
			answer, err := call(a, r)
			return write(w, answer, err)
		},
	}
}

// ask is a call that has a body.
func ask[Q, A any](pattern, summary string, call func(*api, *http.Request, Q) (A, error)) route {
	return route{
		pattern: pattern, summary: summary, ask: reflect.TypeFor[Q](), answer: reflect.TypeFor[A](),
		serve: func(a *api, w http.ResponseWriter, r *http.Request) error {
			var q Q
			if err := read(r, &q); err != nil {
				return err
			}
			answer, err := call(a, r, q)
			return write(w, answer, err)
		},
	}
}

func post[Q, A any](path, summary string, call func(*api, *http.Request, Q) (A, error)) route {
	return ask("POST "+path, summary, call)
}

// do is a call that neither asks nor answers anything more.
func do(pattern, summary string, call func(d *node.Daemon, id string) error) route {
	return route{pattern: pattern, summary: summary, answer: reflect.TypeFor[Nothing]()}.
		by(func(a *api, r *http.Request) error { return call(a.d, r.PathValue("id")) })
}

// by is the route carried out otherwise.
func (t route) by(call func(*api, *http.Request) error) route {
	t.serve = func(a *api, w http.ResponseWriter, r *http.Request) error {
		return write(w, Nothing{}, call(a, r))
	}
	return t
}

// newAPI answers the calls of the running node.
func newAPI(d *node.Daemon, m Machine) http.Handler {
	a := &api{d, m}
	mux := http.NewServeMux()
	for _, t := range routes {
		mux.HandleFunc(t.pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := t.serve(a, w, r); err != nil {
				wire.WriteError(w, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wire.WriteError(w, fmt.Errorf("%w: no call %s %s", wire.ErrUsage, r.Method, wire.Escape(r.URL.Path)))
	})
	return mux
}

// read takes the body of a request, one JSON object without unknown fields.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, mostAsked(r.URL.Path)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrMalformed, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one object", wire.ErrMalformed)
	}
	return nil
}

// write answers as JSON. What goes wrong in that means that the caller has gone.
func write(w http.ResponseWriter, answer any, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
	return nil
}

// number is a parameter of the query, 0 when it is not there.
func number(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: %s is a number", wire.ErrMalformed, name)
	}
	return n, nil
}
