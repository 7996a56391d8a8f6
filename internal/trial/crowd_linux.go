package trial

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A Crowd is the binary at several hosts of a lab, one of which, the node, has
// a transfer with each of the others at once.
type Crowd struct {
	Binary string
	Node   *Place
	Others []*Place
	Dir    string // as in Pair
}

// CrowdOptions of transfers at once.
type CrowdOptions struct {
	Path string // what is sent
	Out  string // existing folder for what arrives
	// Sends tells that the node sends to the others, all from one process;
	// otherwise it is a running node, and receives from them.
	Sends bool
	Apart time.Duration // from the beginning of one transfer to that of the next

	// The rates are those of Window, after bytes of each transfer have come and
	// all had the time of Settle. None may have ended by then.
	Settle, Window time.Duration
}

// Rates are the bytes a second of each transfer, while all of them run.
func (c Crowd) Rates(ctx context.Context, opts CrowdOptions) (rates []float64, err error) {
	dir, err := os.MkdirTemp(c.Dir, "trial-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &together{Crowd: c, opts: opts, dir: dir, env: append(os.Environ(), "LANYARD_CODE=7-"+rand.Text())}
	// Whatever goes wrong, no process is left on return.
	defer t.wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var others []*end
	if opts.Sends {
		others, err = t.send(ctx)
	} else {
		others, err = t.receive(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := t.begun(ctx, others); err != nil {
		return nil, err
	}
	if err := pause(ctx, opts.Settle); err != nil {
		return nil, err
	}
	from := time.Now()
	if err := pause(ctx, opts.Window); err != nil {
		return nil, err
	}
	to := time.Now()
	for i, e := range others {
		if err := e.tooEarly(); err != nil {
			return nil, err
		}
		rate, err := t.courses[i].Rate(from, to)
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// tooEarly is an error when the end of a transfer that is to be measured has come.
func (e *end) tooEarly() error {
	select {
	case <-e.ended:
		return errors.Join(errors.New("a transfer ended before it was measured"), e.failure())
	default:
		return nil
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// together is what runs for one call of Rates.
type together struct {
	Crowd
	opts    CrowdOptions
	dir     string
	env     []string
	all     []*end
	courses []*Course // of the others
}

func (t *together) wait() {
	for _, e := range t.all {
		<-e.ended
	}
}

// start starts the binary with a state folder of that name.
func (t *together) start(ctx context.Context, at *Place, home string, on func(event), args ...string) (*end, error) {
	e := command(ctx, t.Binary, at, append(t.env, "LANYARD_HOME="+filepath.Join(t.dir, home)), args)
	e.on = on
	if err := e.start(); err != nil {
		return nil, err
	}
	t.all = append(t.all, e)
	return e, nil
}

// other starts the binary at the i-th of the others, where its bytes are
// counted.
func (t *together) other(ctx context.Context, i int, on func(event), args ...string) (*end, error) {
	c := new(Course)
	t.courses = append(t.courses, c)
	return t.start(ctx, t.Others[i], strconv.Itoa(i), func(ev event) {
		if ev.Bytes > 0 && (ev.Kind == "sending" || ev.Kind == "progress") {
			c.add(ev)
		}
		on(ev)
	}, args...)
}

// begun returns when the first bytes of each transfer were told of.
func (t *together) begun(ctx context.Context, others []*end) error {
	for i, e := range others {
		for t.courses[i].Began().IsZero() {
			if err := errors.Join(e.tooEarly(), pause(ctx, 10*time.Millisecond)); err != nil {
				return err
			}
		}
	}
	return nil
}

// send has the node send to the others.
func (t *together) send(ctx context.Context) (others []*end, err error) {
	w := newWaiting()
	node, err := t.start(ctx, t.Node, "node", w.on,
		"send", "--json", "--bind", t.Node.Address().String(), "--receivers", strconv.Itoa(len(t.Others)), "--", t.opts.Path)
	if err != nil {
		return nil, err
	}
	address, err := w.address(node)
	if err != nil {
		return nil, err
	}
	for i := range t.Others {
		if i > 0 {
			if err := pause(ctx, t.opts.Apart); err != nil {
				return nil, err
			}
		}
		e, err := t.other(ctx, i, func(event) {}, "receive", "--yes", "--json", "--from", address,
			"--out", filepath.Join(t.opts.Out, strconv.Itoa(i))+string(filepath.Separator))
		if err != nil {
			return nil, err
		}
		others = append(others, e)
	}
	return others, nil
}

// receive has the node receive from the others.
func (t *together) receive(ctx context.Context) (others []*end, err error) {
	if _, err := t.start(ctx, t.Node, "node", func(event) {}, "serve", "--quiet", "--out", t.opts.Out); err != nil {
		return nil, err
	}
	var addresses []string
	for i := range t.Others {
		w := newWaiting()
		e, err := t.other(ctx, i, w.on, "send", "--json", "--bind", t.Others[i].Address().String(), "--", t.opts.Path)
		if err != nil {
			return nil, err
		}
		address, err := w.address(e)
		if err != nil {
			return nil, err
		}
		others, addresses = append(others, e), append(addresses, address)
	}
	for i, address := range addresses {
		if i > 0 {
			if err := pause(ctx, t.opts.Apart); err != nil {
				return nil, err
			}
		}
		if err := t.give(ctx, address); err != nil {
			return nil, fmt.Errorf("give the running node something to receive: %w", err)
		}
	}
	return others, nil
}

// give has the running node receive, as soon as it runs.
func (t *together) give(ctx context.Context, from string) (err error) {
	const tries = 200
	for range tries {
		var e *end
		e, err = t.start(ctx, t.Node, "node", func(event) {}, "receive", "--background", "--json", "--from", from)
		if err != nil {
			return err
		}
		<-e.ended
		if err = e.failure(); err == nil {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return err
}
