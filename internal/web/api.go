package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

const (
	// maxAsked bounds the body of a request in bytes: some thousand paths.
	maxAsked = 1 << 20
	// patience is how long who listens to events may take for one.
	patience = 30 * time.Second
)

// An api answers what is asked of a daemon.
type api struct{ d *node.Daemon }

// newAPI answers the calls of the running node:
//
//	GET    /v1/node                     what it is called, where it listens
//	GET    /v1/transfers                {"transfers": [node.Transfer]}
//	POST   /v1/transfers                node.Job -> node.Transfer
//	POST   /v1/transfers/{id}/answer    node.Answer
//	POST   /v1/transfers/{id}/pause     and resume, cancel
//	GET    /v1/devices                  {"devices": [node.Device]}
//	GET    /v1/trust                    {"asked": node.Meeting}, or null
//	POST   /v1/trust                    node.TrustAnswer; answered when both users have
//	GET    /v1/limits, PUT /v1/limits   Limits
//	GET    /v1/events                   server-sent events, each a node.Notice
//
// The beginning of an ID will do. Errors are those of wire's table.
func newAPI(d *node.Daemon) http.Handler {
	a := &api{d}
	mux := http.NewServeMux()
	for pattern, call := range map[string]func(r *http.Request) (any, error){
		"GET /v1/node":                   func(*http.Request) (any, error) { return a.d.Info(), nil },
		"GET /v1/transfers":              func(*http.Request) (any, error) { return transfers{a.d.Transfers()}, nil },
		"POST /v1/transfers":             a.add,
		"POST /v1/transfers/{id}/answer": a.answer,
		"POST /v1/transfers/{id}/pause":  a.do(a.d.Pause),
		"POST /v1/transfers/{id}/resume": a.do(a.d.Resume),
		"POST /v1/transfers/{id}/cancel": a.do(a.d.Cancel),
		"GET /v1/devices":                a.devices,
		"GET /v1/trust":                  func(*http.Request) (any, error) { return trust{a.d.TrustAsked()}, nil },
		"POST /v1/trust":                 a.answerTrust,
		"GET /v1/limits":                 func(*http.Request) (any, error) { return a.d.Limits(), nil },
		"PUT /v1/limits":                 a.setLimits,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := call(r)
			if err != nil {
				wire.WriteError(w, err)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer) // an error means that the caller has gone
		})
	}
	mux.HandleFunc("GET /v1/events", a.events)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wire.WriteError(w, fmt.Errorf("%w: no call %s %s", wire.ErrUsage, r.Method, wire.Escape(r.URL.Path)))
	})
	return mux
}

type (
	transfers struct {
		Transfers []node.Transfer `json:"transfers"`
	}
	devices struct {
		Devices []node.Device `json:"devices"`
	}
	trust struct {
		Asked *node.Meeting `json:"asked"`
	}
)

// read takes the body of a request, one JSON object without unknown fields.
func read(r *http.Request, into any) error {
	dec := json.NewDecoder(io.LimitReader(r.Body, maxAsked))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrMalformed, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one object", wire.ErrMalformed)
	}
	return nil
}

func (a *api) add(r *http.Request) (any, error) {
	var j node.Job
	if err := read(r, &j); err != nil {
		return nil, err
	}
	return a.d.Add(r.Context(), j)
}

func (a *api) answer(r *http.Request) (any, error) {
	var answer node.Answer
	if err := read(r, &answer); err != nil {
		return nil, err
	}
	return struct{}{}, a.d.Answer(r.PathValue("id"), answer)
}

func (a *api) answerTrust(r *http.Request) (any, error) {
	var answer node.TrustAnswer
	if err := read(r, &answer); err != nil {
		return nil, err
	}
	return struct{}{}, a.d.AnswerTrust(r.Context(), answer)
}

// do makes a call of what is done to a transfer.
func (a *api) do(f func(id string) error) func(r *http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return struct{}{}, f(r.PathValue("id")) }
}

func (a *api) devices(r *http.Request) (any, error) {
	all, err := a.d.Devices(r.Context())
	return devices{all}, err
}

func (a *api) setLimits(r *http.Request) (any, error) {
	var l node.Limits
	if err := read(r, &l); err != nil {
		return nil, err
	}
	if err := a.d.SetLimits(l); err != nil {
		return nil, err
	}
	return a.d.Limits(), nil
}

// events tells what happens from now on, or, to who says what it has heard last,
// since then.
func (a *api) events(w http.ResponseWriter, r *http.Request) {
	seq := a.d.Newest()
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			wire.WriteError(w, fmt.Errorf("%w: Last-Event-ID is the number of an event", wire.ErrMalformed))
			return
		}
		seq = n
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	if _, err := io.WriteString(w, ": lanyard\n\n"); err != nil || out.Flush() != nil {
		return
	}
	for n := range a.d.Notices(r.Context(), seq) {
		if out.SetWriteDeadline(time.Now().Add(patience)) != nil || writeEvent(w, n) != nil || out.Flush() != nil {
			return
		}
	}
}

func writeEvent(w io.Writer, n node.Notice) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", n.Seq, data)
	return err
}
