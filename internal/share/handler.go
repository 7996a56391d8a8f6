package share

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"

	"lanyard/internal/pace"
	"lanyard/internal/wire"
)

// maxRuns is how many requests for blocks, and how many for single files, are
// served at once; a receiver may take a quarter of them.
const maxRuns = 256

// Hooks connect a share that is served with the rest of the program. All of
// them may be nil; they are called from the requests' goroutines.
type Hooks struct {
	// Device is the sender's name, and Streams how many it wishes for, as the
	// manifest tells them.
	Device  string
	Streams int
	// Lane is the one that what goes out of files to who asks waits in; it may
	// answer nil.
	Lane func(r *http.Request) *pace.Lane
	// Sent is called after a piece of a run was written, in order: the first
	// block that it is of, and how many bytes of content it has. The run goes on
	// when it returns.
	Sent func(r *http.Request, first wire.BlockIndex, bytes int)
	// Failed is called for each block that is sent as filler, with why: the file
	// changed or cannot be read.
	Failed func(i wire.FileIndex, why error)
	// Receipt is called when a receiver told its result, with what it is worth
	// by what was sent.
	Receipt func(r *http.Request, receipt wire.Receipt, verdict wire.Verdict)
}

// Handler answers the requests below a share's address:
//
//	GET  /manifest
//	GET  /blocks?first=F&count=N
//	GET  /files/{n}
//	POST /receipt
//
// Who may ask is decided by the caller, before.
func (s *Share) Handler(hooks Hooks) http.Handler {
	h := &handler{share: s, hooks: hooks}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /manifest", h.gated(s.runs, h.manifest))
	mux.HandleFunc("GET /blocks", h.gated(s.runs, h.blocks))
	mux.HandleFunc("GET /files/{n}", h.gated(s.downloads, h.file))
	mux.HandleFunc("POST /receipt", h.gated(s.runs, h.receipt))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		wire.WriteError(w, fmt.Errorf("%w here", wire.ErrNoShare))
	})
	return mux
}

type handler struct {
	share *Share
	hooks Hooks
}

func (h *handler) lane(r *http.Request) *pace.Lane {
	if h.hooks.Lane == nil {
		return nil
	}
	return h.hooks.Lane(r)
}

// gated serves requests as the gate has room, and answers errors. After the
// first byte of an answer went out, an error can only break the connection.
func (h *handler) gated(g *gate, serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		client := clientOf(r)
		if !g.enter(client) {
			wire.WriteError(w, wire.ErrBusy)
			return
		}
		defer g.leave(client)
		err := serve(w, r)
		var broken *brokenError
		switch {
		case errors.As(err, &broken):
			panic(http.ErrAbortHandler) // net/http closes the connection
		case err != nil:
			wire.WriteError(w, err)
		}
	}
}

// A brokenError says that an answer that has begun cannot be finished.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() error { return e.err }

func (h *handler) manifest(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	out := steadily(w, r)
	s := h.share
	if err := wire.WriteManifest(out, wire.Header{Share: s.id, Device: h.hooks.Device, Text: s.text, Streams: h.hooks.Streams}, s.files); err != nil {
		return &brokenError{err}
	}
	return nil
}

// file serves one file as any web server does, for browsers and players.
func (h *handler) file(w http.ResponseWriter, r *http.Request) error {
	s := h.share
	n, err := strconv.ParseUint(r.PathValue("n"), 10, 31)
	if err != nil || n >= uint64(len(s.files)) || s.files[n].Dir {
		return fmt.Errorf("%w: it has no such file", wire.ErrNoShare)
	}
	i := wire.FileIndex(n)
	file := &s.files[i]
	open := s.open.acquire(i)
	defer s.open.release(open)
	if err := open.check(file); err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "application/octet-stream")
	if file.Type != "" {
		head.Set("Content-Type", file.Type)
	}
	head.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(file.Path)}))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "private, no-cache")
	head.Set("ETag", fmt.Sprintf(`"%s-%d-%x-%x"`, s.id, i, file.Size, file.ModTime))
	out := steadily(w, r).over(h.lane(r), r)
	http.ServeContent(pacedWriter{w, out}, r, "", file.Modified(), open.reader(file))
	return nil
}

// receipt compares what a receiver has with what went out.
func (h *handler) receipt(w http.ResponseWriter, r *http.Request) error {
	s := h.share
	in := steadily(w, r)
	var verdict wire.Verdict
	receipt, err := wire.ReadReceipt(in, len(s.files), func(got wire.FileResult) error {
		if s.files[got.File].Dir {
			return fmt.Errorf("read receipt: %w: file %d is a folder", wire.ErrMalformed, got.File)
		}
		if got.Code != "" {
			verdict.Failed++
			return nil
		}
		switch hash, state := s.sent.hash(got.File); {
		case state == hashUnknown:
			verdict.Unknown++
		case state == hashKnown && hash == got.Hash:
			verdict.Agreed++
		default:
			verdict.Disagree(got.File)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if receipt.Share != s.id {
		return fmt.Errorf("read receipt: %w: it is of another share", wire.ErrMalformed)
	}
	if h.hooks.Receipt != nil {
		h.hooks.Receipt(r, receipt, verdict)
	}
	w.Header().Set("Content-Type", "application/json")
	if err := wire.WriteVerdict(w, verdict); err != nil {
		return &brokenError{err}
	}
	return nil
}
