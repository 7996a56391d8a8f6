package transfer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/identity"
	"lanyard/internal/pace"
	"lanyard/internal/secure"
	"lanyard/internal/wire"
)

// BenchmarkReceive fetches 256 blocks over loopback TCP: receives, opens, hashes
// and hands them to a sink. The sender has hashed them before and only seals, so
// that the time is the receiver's. An op is a transfer with its handshakes.
func BenchmarkReceive(b *testing.B) {
	const blocks = 256
	file := wire.File{Path: "f", Size: blocks * digest.BlockSize}
	layout := wire.NewLayout([]wire.File{file})
	src := serveHashed(b, layout, file.Size)
	out, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = out.Close() })
	for _, sink := range []struct {
		name string
		Sink
	}{{"discard", discardSink{}}, {"file", fileSink{out}}} {
		for _, streams := range []int{1, 4} {
			b.Run(fmt.Sprintf("sink=%s/streams=%d", sink.name, streams), func(b *testing.B) {
				lane := pace.New(0).Lane()
				b.SetBytes(file.Size)
				b.ReportAllocs()
				for b.Loop() {
					res, err := New(src, layout, all(layout), sink, Options{Streams: streams, Lane: lane}).Run(b.Context())
					if err != nil || res.Bytes != file.Size {
						b.Fatal(res, err)
					}
				}
			})
		}
	}
}

// serveHashed serves a share of one file, whose blocks all have the same content,
// over TLS until the benchmark ends.
func serveHashed(b *testing.B, layout *wire.Layout, size int64) Source {
	server, err := identity.New()
	if err != nil {
		b.Fatal(err)
	}
	client, err := identity.New()
	if err != nil {
		b.Fatal(err)
	}
	data := content([]wire.File{{Size: size}}, 0, 0)
	trailers := make([][wire.TrailerSize]byte, layout.Blocks())
	for i := range trailers {
		wire.PutTrailer(trailers[i][:], wire.StatusOK, digest.Block(data, digest.FileBlock(i), size))
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	listener := secure.NewListener(inner, server.ServerConfig(identity.ALPN), secure.Limits{})
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, count, err := wire.ParseRun(layout, r.URL.RawQuery)
		if err != nil {
			wire.WriteError(w, err)
			return
		}
		w.Header().Set("Content-Length", strconv.FormatInt(wire.RunLength(layout, first, count), 10))
		for n := first; n < first+count; n++ {
			// In pieces as a share's. Who has gone is seen at the next one.
			const piece = 256 << 10
			for at := 0; at < len(data); at += piece {
				_, _ = w.Write(data[at : at+piece])
			}
			if _, err := w.Write(trailers[n][:]); err != nil {
				return
			}
		}
	})}
	done := make(chan error, 1)
	go func() { done <- web.Serve(listener) }()
	b.Cleanup(func() {
		_ = web.Close()
		<-done
	})
	return Source{
		Dial: func(ctx context.Context) (net.Conn, error) {
			raw, err := new(net.Dialer).DialContext(ctx, "tcp", inner.Addr().String())
			if err != nil {
				return nil, err
			}
			c, err := secure.Client(ctx, raw, client.ClientConfig(server.ID()))
			if err != nil {
				return nil, err // not a nil *secure.Conn in an interface
			}
			return c, nil
		},
		Access: func() (string, string) { return "id", "ticket" },
		Renew:  func(context.Context, string) error { return wire.ErrUnauthorised },
	}
}

type discardSink struct{}

func (discardSink) Write(context.Context, wire.FileIndex, digest.FileBlock, []byte, digest.Digest) error {
	return nil
}

func (discardSink) Fail(wire.FileIndex, error) {}

// A fileSink writes what comes into one file.
type fileSink struct{ *os.File }

func (f fileSink) Write(_ context.Context, _ wire.FileIndex, n digest.FileBlock, data []byte, _ digest.Digest) error {
	_, err := f.WriteAt(data, int64(n)*digest.BlockSize)
	return err
}

func (fileSink) Fail(wire.FileIndex, error) {}

// BenchmarkQueue takes runs of up to 8 blocks, claims their blocks and finishes
// them, until none is left. An op is a queue of 16 GiB; the time of a block is
// what to compare.
func BenchmarkQueue(b *testing.B) {
	const blocks = 16 << 10
	for _, streams := range []int{1, 32} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			stay := func() bool { return false }
			b.ReportAllocs()
			for b.Loop() {
				q := newQueue(blocks, []Span{{0, blocks}})
				var wait sync.WaitGroup
				for range streams {
					wait.Go(func() {
						for r := q.take(8, streams, 50*time.Millisecond, stay); r != nil; r = q.take(8, streams, 50*time.Millisecond, stay) {
							// Nobody takes over what is done this quickly.
							for n := range r.asked {
								q.claim(r, r.First+n)
							}
							q.finish(r)
						}
					})
				}
				wait.Wait()
				if !q.done() {
					b.Fatal("blocks are left")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blocks, "ns/block")
		})
	}
}
