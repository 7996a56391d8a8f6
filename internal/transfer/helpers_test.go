package transfer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// content is block b of file i: made up, not stored, so that a share may be of
// any size.
func content(files []wire.File, i wire.FileIndex, b digest.FileBlock) []byte {
	data := make([]byte, digest.BlockLen(files[i].Size, b))
	seed := byte(int(i)*7 + int(b)*13)
	for k := range data {
		data[k] = seed + byte(k) + byte(k>>8)
	}
	return data
}

// A fakeSender serves made-up files over plain HTTP, and misbehaves as told.
type fakeSender struct {
	*http.Server
	addr   string
	files  []wire.File
	layout *wire.Layout
	served atomic.Int64 // bytes of blocks
	wg     sync.WaitGroup

	// fault is asked before each block goes out.
	fault func(b wire.BlockIndex) fault
	room  int           // streams that it says to have room for; 0: it says nothing
	lets  chan struct{} // closed when what lingers may go on
}

type fault int

const (
	none    fault = iota
	hangUp        // the connection breaks in the middle of the block
	corrupt       // one bit is wrong
	changed       // the source has changed
	stall         // nothing more comes
	linger        // the second half comes when the sender lets it
)

func serveFake(t testing.TB, sizes ...int64) *fakeSender {
	files := make([]wire.File, len(sizes))
	for i, size := range sizes {
		files[i] = wire.File{Path: fmt.Sprint(i), Size: size}
	}
	f := &fakeSender{files: files, layout: wire.NewLayout(files), fault: func(wire.BlockIndex) fault { return none }}
	f.addr = f.listen(t, "127.0.0.1:0")
	t.Cleanup(f.stop)
	return f
}

// listen serves at addr, and answers what that came to be. It leaves f.addr,
// which streams that dial read meanwhile.
func (f *fakeSender) listen(t testing.TB, addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	f.Server = &http.Server{Handler: http.HandlerFunc(f.blocks)}
	f.wg.Go(func() { f.Serve(l) })
	return l.Addr().String()
}

func (f *fakeSender) stop() {
	f.Close()
	f.wg.Wait()
}

func (f *fakeSender) blocks(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer ticket" {
		wire.WriteError(w, wire.ErrUnauthorised)
		return
	}
	first, count, err := wire.ParseRun(f.layout, r.URL.RawQuery)
	if err != nil {
		wire.WriteError(w, err)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(wire.RunLength(f.layout, first, count)))
	if f.room != 0 {
		w.Header().Set(wire.StreamsHeader, fmt.Sprint(f.room))
	}
	for b := first; b < first+count; b++ {
		i, n := f.layout.Locate(b)
		data := content(f.files, i, n)
		trailer := make([]byte, wire.TrailerSize)
		wire.PutTrailer(trailer, wire.StatusOK, digest.Block(data, n, f.files[i].Size))
		switch f.fault(b) {
		case hangUp:
			w.Write(data[:len(data)/2])
			panic(http.ErrAbortHandler)
		case corrupt:
			data[len(data)/2] ^= 1
		case changed:
			wire.PutTrailer(trailer, wire.StatusSourceChanged, digest.Digest{})
		case stall:
			<-r.Context().Done()
			return
		case linger:
			w.Write(data[:len(data)/2])
			_ = http.NewResponseController(w).Flush()
			<-f.lets
			data = data[len(data)/2:]
		}
		w.Write(append(data, trailer...))
		f.served.Add(int64(len(data)))
	}
}

func (f *fakeSender) source() Source {
	return Source{
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", f.addr)
		},
		Access: func() (string, string) { return "id", "ticket" },
		Renew:  func(context.Context, string) error { return wire.ErrUnauthorised },
	}
}

// A checkingSink checks every block that it gets, and that it gets it once.
type checkingSink struct {
	t      rapid.TB
	files  []wire.File
	mu     sync.Mutex
	got    map[wire.FileIndex]map[digest.FileBlock]bool
	failed map[wire.FileIndex]error
	before func() error
}

func newSink(t rapid.TB, files []wire.File) *checkingSink {
	return &checkingSink{t: t, files: files, got: map[wire.FileIndex]map[digest.FileBlock]bool{}, failed: map[wire.FileIndex]error{}}
}

func (c *checkingSink) Write(_ context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, _ digest.Digest) error {
	if c.before != nil {
		if err := c.before(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.got[i] == nil {
		c.got[i] = map[digest.FileBlock]bool{}
	}
	if c.got[i][b] {
		c.t.Errorf("block %d of file %d was written twice", b, i)
	}
	c.got[i][b] = true
	if !bytes.Equal(data, content(c.files, i, b)) {
		c.t.Errorf("block %d of file %d is not what was sent", b, i)
	}
	return nil
}

func (c *checkingSink) Fail(i wire.FileIndex, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed[i] = why
}

// whole checks that every block of the spans, but for files that failed, came.
func (c *checkingSink) whole(layout *wire.Layout, spans []Span) {
	c.t.Helper()
	for _, s := range spans {
		for b := s.First; b < s.End; b++ {
			i, n := layout.Locate(b)
			if c.failed[i] == nil && !c.got[i][n] {
				c.t.Errorf("block %d of file %d never came", n, i)
			}
		}
	}
}

func all(l *wire.Layout) []Span { return []Span{{0, l.Blocks()}} }
