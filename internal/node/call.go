package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"time"

	"lanyard/internal/wire"
)

// exchange makes one request on the connection and lets read take its answer.
// It takes no longer than patience, unless read sets other deadlines.
//
// It is not done by http.Client: the two calls of pairing belong to one
// connection, and a client would hide which one it takes.
func (c *conn) exchange(ctx context.Context, method, path, ticket string, body io.Reader, length int64, patience time.Duration, read func(io.Reader) error) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	// Whatever the call waits for ends with ctx.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	failed := func(err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://lanyard"+path, body)
	if err != nil {
		return err
	}
	req.ContentLength = length
	req.Header.Set("User-Agent", "lanyard/"+Version())
	if ticket != "" {
		req.Header.Set("Authorization", "Bearer "+ticket)
	}
	if err := req.Write(c); err != nil {
		return failed(err)
	}
	res, err := c.answers.Next(req)
	if err != nil {
		return failed(err)
	}
	if res.StatusCode != http.StatusOK {
		return wire.ReadError(res.Body, res.StatusCode)
	}
	if err := read(res.Body); err != nil {
		return failed(err)
	}
	// The next request on this connection starts after this answer.
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxRest)); err != nil {
		return failed(err)
	}
	return nil
}

// maxRest bounds what is read of an answer after what was to be read.
const maxRest = 4 << 10

// call posts ask as JSON and reads the answer with read, within callTime.
func call[A any](ctx context.Context, c *conn, path string, ask any, read func(io.Reader) (A, error)) (answer A, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	body, err := json.Marshal(ask)
	if err != nil {
		return answer, err
	}
	err = c.exchange(ctx, http.MethodPost, path, "", bytes.NewReader(body), int64(len(body)), callTime, func(r io.Reader) error {
		answer, err = read(r)
		return err
	})
	return answer, err
}

// info asks who is there and what for, which whoever is there tells everybody.
func (c *conn) info(ctx context.Context) (info wire.Info, err error) {
	err = c.exchange(ctx, http.MethodGet, "/v1/info", "", nil, 0, callTime, readFrom(&info, wire.ReadInfo))
	return info, err
}

// taken waits until the other side has taken the connection. A handshake is over
// here before it is over there, where it may still be broken off: an answer shows
// that it was not.
func (c *conn) taken(ctx context.Context) error {
	_, err := c.info(ctx)
	return err
}

// readFrom lets wire's readers be used where an answer is read: it keeps what they
// read.
func readFrom[A any](into *A, read func(io.Reader) (A, error)) func(io.Reader) error {
	return func(r io.Reader) (err error) {
		*into, err = read(r)
		return err
	}
}

// manifest fetches the list of files.
func (p *peer) manifest(ctx context.Context, c *conn, limits wire.Limits) (header wire.Header, files []wire.File, err error) {
	share, ticket := p.access()
	err = c.exchange(ctx, http.MethodGet, "/v1/shares/"+share+"/manifest", ticket, nil, 0, callTime, func(r io.Reader) error {
		header, files, err = wire.ReadManifest(c.steady(ctx, r), limits)
		return err
	})
	return header, files, err
}

// deliver sends the receipt, of a share of files entries, and answers what the
// sender thinks of it. A sender that cannot be connected to is
// wire.ErrSourceLost.
func (p *peer) deliver(ctx context.Context, receipt wire.Receipt, files int, results iter.Seq[wire.FileResult]) (verdict wire.Verdict, err error) {
	dialling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	raw, err := p.connect(dialling)
	if errors.Is(err, wire.ErrWrongDevice) {
		return wire.Verdict{}, err
	}
	if err != nil {
		return wire.Verdict{}, fmt.Errorf("%w: %w", wire.ErrSourceLost, err)
	}
	defer raw.Close()
	c := newConn(raw)
	_, ticket := p.access()
	body, w := io.Pipe()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer body.Close()
	wg.Go(func() { w.CloseWithError(wire.WriteReceipt(w, receipt, results)) })
	err = c.exchange(ctx, http.MethodPost, "/v1/shares/"+receipt.Share+"/receipt", ticket, body, -1, receiptPatience(files), func(r io.Reader) error {
		verdict, err = wire.ReadVerdict(r, files)
		return err
	})
	return verdict, err
}

// steady reads a long answer from a sender that must go on sending: every
// callTime brings leastProgress, or the connection breaks.
func (c *conn) steady(ctx context.Context, r io.Reader) io.Reader {
	moved := leastProgress
	return readerFunc(func(p []byte) (int, error) {
		if moved >= leastProgress {
			moved = 0
			if err := c.SetReadDeadline(time.Now().Add(callTime)); err != nil {
				return 0, err
			}
			// Set too late, it would stand against the one of ctx's end.
			if err := ctx.Err(); err != nil {
				return 0, err
			}
		}
		n, err := r.Read(p)
		moved += n
		return n, err
	})
}

// leastProgress is 400 bytes a second: what is slower stands still.
const leastProgress = 4 << 10

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
