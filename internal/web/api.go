package web

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

const (
	// patience is how long who listens to events may take for one.
	patience = 30 * time.Second
	// quiet is how long there may be nothing to tell before a comment tells who
	// listens that the node is there.
	quiet = 15 * time.Second
)

type (
	// A State is all that a page shows.
	State struct {
		node.DaemonState
		// Desktop tells whether this machine has a screen that dialogs and folders
		// can be opened on.
		Desktop bool `json:"desktop"`
	}
	Transfers struct {
		Transfers []node.Transfer `json:"transfers"`
	}
	Files struct {
		Files []node.ListedFile `json:"files"`
		More  int               `json:"more"` // that are not listed
	}
	Devices struct {
		Devices []node.Device `json:"devices"`
	}
	Trust struct {
		Asked *node.Meeting `json:"asked"`
	}
	PairingNow struct {
		Pairing *node.Pairing `json:"pairing"`
	}
	BenchNow struct {
		Bench *node.Bench `json:"bench"`
	}
	Verdict struct {
		Accept bool `json:"accept"`
	}
)

func (a *api) state(r *http.Request) (State, error) {
	s, err := a.d.State(r.Context())
	return State{s, hasDesktop()}, err
}

func (a *api) transfers(*http.Request) (Transfers, error) { return Transfers{a.d.Transfers()}, nil }

func (a *api) transfer(r *http.Request) (node.Transfer, error) {
	return a.d.Transfer(r.PathValue("id"))
}

func (a *api) files(r *http.Request) (Files, error) {
	files, more, err := a.d.Files(r.PathValue("id"))
	return Files{files, more}, err
}

func (a *api) add(r *http.Request, j node.Job) (node.Transfer, error) {
	return a.d.Add(r.Context(), j)
}

func (a *api) answer(r *http.Request, answer node.Answer) (Nothing, error) {
	return Nothing{}, a.d.Answer(r.PathValue("id"), answer)
}

func (a *api) open(r *http.Request) error {
	t, err := a.d.Transfer(r.PathValue("id"))
	if err != nil {
		return err
	}
	if t.Out == "" {
		return fmt.Errorf("%w: nothing was received into a folder", wire.ErrUsage)
	}
	return openFolder(r.Context(), t.Out)
}

func (a *api) devices(r *http.Request) (Devices, error) {
	all, err := a.d.Devices(r.Context())
	return Devices{all}, err
}

func (a *api) changeDevice(r *http.Request, c node.DeviceChange) (node.Device, error) {
	return a.d.ChangeDevice(r.Context(), r.PathValue("id"), c)
}

func (a *api) untrust(r *http.Request) error { return a.d.Untrust(r.Context(), r.PathValue("id")) }

func (a *api) answerTrust(r *http.Request, answer node.TrustAnswer) (Nothing, error) {
	return Nothing{}, a.d.AnswerTrust(r.Context(), answer)
}

func (a *api) answerPairing(_ *http.Request, v Verdict) (Nothing, error) {
	return Nothing{}, a.d.AnswerPairing(v.Accept)
}

func (a *api) setLimits(_ *http.Request, l node.Limits) (node.Limits, error) {
	if err := a.d.SetLimits(l); err != nil {
		return l, err
	}
	return a.d.Limits(), nil
}

// A NewDrop lists files that are to be put down.
type NewDrop struct {
	Files []node.DropFile `json:"files"`
}

// A Drop is where they are.
type Drop struct {
	ID string `json:"id"`
}

func (a *api) newDrop(r *http.Request, drop NewDrop) (Drop, error) {
	id, err := a.d.NewDrop(r.Context(), drop.Files)
	return Drop{id}, err
}

func (a *api) putDrop(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		return fmt.Errorf("%w: files are numbered from 0 on", wire.ErrMalformed)
	}
	return write(w, Nothing{}, a.d.PutDrop(r.Context(), r.PathValue("id"), n, r.Body))
}

// events tells what happens from now on, or, to who says what it has heard last,
// since then.
func (a *api) events(w http.ResponseWriter, r *http.Request) error {
	seq := a.d.Newest()
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("after")
	}
	if last != "" {
		n, err := strconv.ParseUint(last, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: the last event is known by its number", wire.ErrMalformed)
		}
		seq = n
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tell(w, a.d.Notices(r.Context(), seq, quiet))
	return nil
}

// tell writes notices as they come, and a comment for one without a kind, until
// there are no more or nobody takes them in time.
func tell(w http.ResponseWriter, notices iter.Seq[node.Notice]) {
	out := http.NewResponseController(w)
	say := func(text string) bool {
		if out.SetWriteDeadline(time.Now().Add(patience)) != nil {
			return false
		}
		_, err := io.WriteString(w, text)
		return err == nil && out.Flush() == nil
	}
	if !say(": lanyard\n\n") {
		return
	}
	for n := range notices {
		text := ": here\n\n"
		if n.Kind != "" {
			data, err := json.Marshal(n)
			if err != nil {
				return // it has begun, and the one who listens begins anew
			}
			text = fmt.Sprintf("id: %d\ndata: %s\n\n", n.Seq, data)
		}
		if !say(text) {
			return
		}
	}
}

// Entries are transfers of the history, and where those before them begin.
type Entries struct {
	Entries []node.Entry `json:"entries"`
	Next    int64        `json:"next"` // for before; 0: there are no more
}

// mostEntries are answered at a time.
const mostEntries = 200

func (a *api) history(r *http.Request) (Entries, error) {
	before, err := number(r, "before")
	if err != nil {
		return Entries{}, err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return Entries{}, err
	}
	if limit == 0 || limit > mostEntries {
		limit = mostEntries
	}
	q := node.HistoryQuery{Search: strings.Fields(r.URL.Query().Get("search")), Before: before, Limit: int(limit) + 1}
	switch direction := node.Direction(r.URL.Query().Get("direction")); direction {
	case "", node.Sent, node.Received:
		q.Direction = direction
	default:
		return Entries{}, fmt.Errorf("%w: a direction is %s or %s", wire.ErrMalformed, node.Sent, node.Received)
	}
	h, err := a.d.History(r.Context())
	if err != nil {
		return Entries{}, err
	}
	found := Entries{Entries: []node.Entry{}}
	for e, err := range h.Entries(r.Context(), q) {
		if err != nil {
			return Entries{}, err
		}
		if len(found.Entries) == int(limit) {
			found.Next = found.Entries[limit-1].ID
			break
		}
		found.Entries = append(found.Entries, e)
	}
	return found, nil
}

func (a *api) entry(r *http.Request) (node.Entry, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return node.Entry{}, fmt.Errorf("%w: transfers of the history are known by numbers", wire.ErrMalformed)
	}
	h, err := a.d.History(r.Context())
	if err != nil {
		return node.Entry{}, err
	}
	return h.Entry(r.Context(), id)
}

func (a *api) receipt(w http.ResponseWriter, r *http.Request) error {
	e, err := a.entry(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="lanyard-%d.json"`, e.ID))
	return write(w, e, nil)
}
