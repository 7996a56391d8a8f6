package trial

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// A Pair is the binary at two places, which may be one.
type Pair struct {
	Binary           string // path
	Sender, Receiver *Place
	// Dir is an existing folder for the state folders of both ends, which are
	// made for every transfer and removed after it, unless Known.
	Dir string
	// Known keeps the state folders in Dir: both ends know each other, and what
	// they have learned, from one transfer to the next.
	Known bool
}

// Options of a transfer.
type Options struct {
	Paths   []string // what is sent
	Out     string   // where it goes, "-" for a pipe that is read and dropped
	Streams int      // 0: as the receiver finds

	// List only looks at what is offered; Out is not used.
	List bool
	// StopAfter interrupts both ends when so many bytes have come, StopAt that
	// long after the first have; 0: never.
	StopAfter int64
	StopAt    time.Duration
	// Kill ends them by SIGKILL instead.
	Kill bool
	// First asks for the time of the first block.
	First bool
}

// An Outcome is what a transfer did and took.
type Outcome struct {
	Result               // not of one that was stopped, listed or piped
	Wall   time.Duration // of the receiver, from the start of its process to its end
	// First is from the start of the receiver's process to the first block
	// that has come whole, or to the first byte out of the pipe. It is known
	// of pipes, and otherwise where it or StopAfter was asked for.
	First  time.Duration
	Listed int     // lines of the list
	Course *Course // of what the receiver tells of its progress

	Sending, Receiving Usage
}

// Transfer sends and receives once. The receiver's process is started when the
// sender's has said that it waits.
func (p Pair) Transfer(ctx context.Context, opts Options) (out Outcome, err error) {
	dir := p.Dir
	if !p.Known {
		if dir, err = os.MkdirTemp(p.Dir, "trial-"); err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	// Whatever goes wrong, both processes have ended on return.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	env := append(os.Environ(), "LANYARD_CODE=7-"+rand.Text())

	sender := command(ctx, p.Binary, p.Sender, append(env, "LANYARD_HOME="+dir+"/sender"),
		append([]string{"send", "--json", "--bind", p.Sender.Address().String(), "--"}, opts.Paths...))
	w := newWaiting()
	sender.on = w.on
	if err := sender.start(); err != nil {
		return out, err
	}
	address, err := w.address(sender)
	if err != nil {
		return out, err
	}

	args, whole := opts.receive(address)
	receiver := command(ctx, p.Binary, p.Receiver, append(env, "LANYARD_HOME="+dir+"/receiver"), args)
	seen := &watch{opts: opts, receiver: receiver, began: time.Now(), course: new(Course)}
	receiver.on = seen.event
	if !whole {
		receiver.process.Stdout = seen
	}
	err = receiver.start()
	if err == nil {
		<-receiver.ended
		out.Wall = time.Since(seen.began)
		if err = receiver.failure(); seen.stopped {
			err = nil // it was asked to fail
		}
	}
	if err == nil && whole && !seen.stopped {
		out.Result, err = receiver.result()
	}
	switch {
	case err != nil:
		cancel()
		<-sender.ended
		return out, fmt.Errorf("the receiver: %w", err)
	case seen.stopped && opts.Kill:
		err = sender.kill()
	case opts.List || seen.stopped:
		err = sender.interrupt()
	default:
		if err = sender.wait(); err == nil {
			err = sender.failure()
		}
	}
	if err != nil {
		return out, fmt.Errorf("the sender: %w", err)
	}
	out.First, out.Listed, out.Course = seen.first, seen.lines, seen.course
	out.Sending, out.Receiving = sender.process.Usage(), receiver.process.Usage()
	return out, nil
}

// A waiting is where a sender waits, once it does.
type waiting chan string

func newWaiting() waiting { return make(waiting, 1) }

func (w waiting) on(ev event) {
	if ev.Kind == "waiting" && len(ev.Addresses) > 0 {
		select {
		case w <- ev.Addresses[0]:
		default: // it was said already
		}
	}
}

func (w waiting) address(sender *end) (string, error) {
	select {
	case address := <-w:
		return address, nil
	case <-sender.ended:
		return "", fmt.Errorf("the sender ended before it could send: %w", sender.failure())
	}
}

// receive is the receiver's command line. whole tells that standard output is
// the result.
func (o Options) receive(from string) (args []string, whole bool) {
	args = []string{"receive", "--yes", "--from", from}
	switch {
	case o.List:
		return append(args, "--list"), false
	case o.Out == "-":
		return append(args, "--quiet", "--out", o.Out), false
	}
	args = append(args, "--json", "--out", o.Out)
	if o.Streams > 0 {
		args = append(args, "--streams", strconv.Itoa(o.Streams))
	}
	if o.StopAfter > 0 || o.First {
		args = append(args, "--verbose") // for the runs
	}
	return args, true
}

// A watch follows the receiver. Both of its methods are called by goroutines
// that are waited for with the process, and for one process only one of them
// counts.
type watch struct {
	opts     Options
	receiver *end
	began    time.Time
	first    time.Duration
	bytes    int64
	lines    int
	course   *Course
	stopped  bool
}

func (w *watch) event(ev event) {
	switch {
	case ev.Kind == "run" && ev.Reason == "":
		w.came(ev.Bytes)
	case ev.Kind == "progress" && ev.Bytes > 0:
		w.course.add(ev)
		if w.opts.StopAt > 0 && time.Since(w.course.Began()) >= w.opts.StopAt {
			w.stop()
		}
	}
}

// Write takes standard output where it is data or a list.
func (w *watch) Write(b []byte) (int, error) {
	if w.opts.List {
		w.lines += bytes.Count(b, []byte("\n"))
	} else {
		w.came(int64(len(b)))
	}
	return len(b), nil
}

func (w *watch) came(n int64) {
	if w.bytes == 0 {
		w.first = time.Since(w.began)
	}
	w.bytes += n
	if w.opts.StopAfter > 0 && w.bytes >= w.opts.StopAfter {
		w.stop()
	}
}

func (w *watch) stop() {
	if w.stopped {
		return
	}
	w.stopped = true
	signal := os.Interrupt
	if w.opts.Kill {
		signal = os.Kill
	}
	_ = w.receiver.process.Process.Signal(signal) // it may just have ended
}

// An end is one of the two processes.
type end struct {
	process *Process
	on      func(event)
	ended   chan struct{} // closed when it was waited for

	err    error // of the wait; set when ended
	out    bytes.Buffer
	rest   []byte // of a line of standard error
	last   string // line of standard error that is no event
	reason string // of the last event that has one
}

func command(ctx context.Context, binary string, at *Place, env, args []string) *end {
	e := &end{process: at.Command(ctx, binary, args...), ended: make(chan struct{})}
	e.process.Env = env
	e.process.Stdout, e.process.Stderr = &e.out, e
	return e
}

func (e *end) start() error {
	if err := e.process.Start(); err != nil {
		return err
	}
	go func() {
		defer close(e.ended)
		e.err = e.process.Wait()
	}()
	return nil
}

// maxLine bounds what is kept of one line.
const maxLine = 1 << 20

// Write takes standard error, line by line.
func (e *end) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			if len(e.rest)+len(b) <= maxLine {
				e.rest = append(e.rest, b...)
			}
			return n, nil
		}
		line := append(e.rest, b[:i]...)
		e.rest, b = e.rest[:0], b[i+1:]
		var ev event
		if json.Unmarshal(line, &ev) != nil {
			e.last = string(line)
			continue
		}
		if ev.Reason != "" {
			e.reason = ev.Kind + ": " + ev.Reason
		}
		e.on(ev)
	}
}

// failure is why an ended process failed, nil when it did not.
func (e *end) failure() error {
	if e.err == nil {
		return nil
	}
	var s said
	if json.Unmarshal(e.out.Bytes(), &s) == nil && s.Error != nil {
		return fmt.Errorf("%w: %s", e.err, s.Error.Message)
	}
	if e.last != "" || e.reason != "" {
		return fmt.Errorf("%w: %s%s", e.err, e.last, e.reason)
	}
	return e.err
}

func (e *end) result() (Result, error) {
	var s said
	if err := json.Unmarshal(e.out.Bytes(), &s); err != nil {
		return Result{}, fmt.Errorf("read its result: %w", err)
	}
	return s.Result, nil
}

// grace is how long a process may take to end when it has nothing more to do.
const grace = 20 * time.Second

func (e *end) wait() error {
	select {
	case <-e.ended:
		return nil
	case <-time.After(grace):
		err := errors.Join(fmt.Errorf("has not ended %v after the transfer", grace), e.process.Process.Kill())
		<-e.ended
		return err
	}
}

func (e *end) kill() error {
	_ = e.process.Process.Kill() // it may just have ended
	return e.wait()
}

// interrupt asks a process to end, as Ctrl-C does.
func (e *end) interrupt() error {
	_ = e.process.Process.Signal(os.Interrupt) // it may just have ended
	return e.wait()
}
