package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/inbox"
	"lanyard/internal/pairing"
	"lanyard/internal/share"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// ReceiveOptions say from whom, where to and how.
type ReceiveOptions struct {
	Code     string    // empty: something is asked for From, or offers are waited for
	From     string    // HOST or HOST:PORT; empty: looked for on the network
	Bind     string    // without From: address to listen on; empty: all
	Port     int       // and where; 0: DefaultPort, or the next free one
	Out      string    // a folder, or for one file its new name; empty: the current folder
	Pipe     io.Writer // instead of Out: one file, written in order
	Conflict inbox.Conflict
	Streams  int   // 0: found while they run
	Limit    int64 // bytes a second; 0: none
	List     bool  // only look: OnList gets the files, nothing is taken

	// Only are globs of the files that are wanted; empty: all. Only what goes into
	// a folder can be chosen from.
	Only []string

	// Names are other names for files, by the path that the sender has.
	Names map[string]string

	// Trust asks a person, while offers are waited for, whether a device that
	// wants to be trusted shows the same words; nil refuses.
	Trust func(ctx context.Context, m Meeting) (bool, error)
	// Approve asks a person; nil accepts. It is asked again with what comes of an
	// answer that wants other files or another folder.
	Approve func(ctx context.Context, o Offer) (Answer, error)
	OnList  func(wire.File)
	OnText  func(text string) // a text goes here when Out and Pipe are not set
	OnEvent func(Event)       // called from several goroutines, one at a time
	Verbose bool              // events of every run
}

// Receive fetches the share behind a code. With a sender's address and no code,
// it asks for something that a person is to choose there. Without either it
// waits for devices that offer something, and receives the first offer that is
// accepted.
//
// The result is set also with an error, when some of it arrived. An error is
// wire.ErrPartial when some files did not arrive through the sender's fault,
// and wire.ErrMismatch when one of them was refused by its digests.
func (n *Node) Receive(ctx context.Context, opts ReceiveOptions) (Result, error) {
	report := reporter(opts.OnEvent)
	if opts.Code == "" && opts.From == "" {
		return n.await(ctx, opts, report)
	}
	r := newReceive(n, opts, report)
	if opts.Code == "" {
		return r.ask(ctx)
	}
	code, err := pairing.ParseCode(opts.Code)
	if err != nil {
		return Result{}, err
	}
	c, err := r.meet(ctx, proof{Code: code})
	if err != nil {
		return Result{}, err
	}
	return r.run(ctx, c)
}

// ask asks the sender for something and fetches what was chosen.
func (r *receive) ask(ctx context.Context) (Result, error) {
	r.report(Event{Kind: KindLooking, Reason: "connecting to " + r.opts.From})
	var err error
	if r.peer, err = r.node.ask(ctx, r.opts.From, &opener{}, r.report); err != nil {
		return Result{}, err
	}
	raw, err := r.peer.connect(ctx)
	if err != nil {
		return Result{}, err
	}
	return r.run(ctx, newConn(raw))
}

func newReceive(n *Node, opts ReceiveOptions, report func(Event)) *receive {
	return &receive{
		node: n, opts: opts, report: report, ledger: &ledger{node: n, report: report},
		failures: map[wire.FileIndex]error{}, skipped: map[wire.FileIndex]bool{}, begun: map[wire.FileIndex]bool{},
	}
}

// run fetches the share of r.peer, to whom c is the first connection.
func (r *receive) run(ctx context.Context, c *conn) (res Result, err error) {
	if r.callers != nil {
		defer func() { r.callers.close(r.peer.offer, err) }()
	}
	defer c.Close()
	defer r.ledger.wait()
	r.link = interfaceOf(c.LocalAddr())
	opts := r.opts
	if o := r.peer.offer; o != nil && !r.peer.hasCode() {
		r.isStranger = !o.isTrusted && !o.isAccepted()
	}
	if r.header, r.files, err = r.manifest(ctx, c); err != nil {
		return Result{}, err
	}
	if r.peer.offer != nil {
		r.goByRule(ctx)
	}
	r.report(Event{Kind: KindConnected, Device: r.title(), DeviceID: r.peer.id.String(), Address: r.peer.address})
	r.layout = wire.NewLayout(r.files)
	r.arrived = make([]arrival, len(r.files))
	if err := r.want(opts.Only); err != nil {
		return Result{}, err
	}
	if opts.List {
		for _, f := range r.chosen {
			opts.OnList(f)
		}
		return Result{Files: []FileResult{}}, nil
	}
	res, err = r.take(ctx)
	if !r.began.IsZero() {
		r.record(ctx, res, err)
	}
	return res, err
}

// take fetches the share to where it is wanted.
func (r *receive) take(ctx context.Context) (Result, error) {
	asText := r.header.Text && r.header.Bytes <= maxText && r.opts.Out == "" && r.opts.OnText != nil
	if r.opts.Pipe == nil && !asText {
		return r.toInbox(ctx)
	}
	// Who gave a code has asked for it; what others offer is asked about.
	if !r.peer.hasCode() {
		o := offerOf(r.title(), r.files)
		o.Text, o.ByRule = r.header.Text, r.isByRule
		if _, err := r.approve(ctx, o); err != nil {
			return Result{}, err
		}
	}
	r.ledger.ready(ctx)
	if r.opts.Pipe != nil {
		return r.toPipe(ctx, r.opts.Pipe)
	}
	return r.toText(ctx)
}

// manifest fetches the list of files. A device that offers one has offerTime
// for it, since others wait.
func (r *receive) manifest(ctx context.Context, c *conn) (wire.Header, []wire.File, error) {
	if !r.peer.hasCode() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, offerTime, fmt.Errorf("%w: its list of files takes too long", wire.ErrSourceLost))
		defer cancel()
	}
	header, files, err := r.peer.manifest(ctx, c, r.limits())
	if r.isStranger && errors.Is(err, wire.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", wire.ErrLongList, err)
	}
	return header, files, err
}

// limits bound the list of files.
func (r *receive) limits() wire.Limits {
	if r.isStranger {
		return strangers
	}
	return wire.Limits{}
}

// strangers bound the lists of files of offers that nobody has accepted, by
// devices that are not trusted. Sixteen of them may be here at one time: what is
// kept of each is 2 MiB of paths, twice that when all get other names, and some
// 200 bytes an entry.
var strangers = wire.Limits{Files: 20_000, Paths: 2 << 20, Depth: 64}

// offerTime is how long the list of an offer's files may take.
const offerTime = 2 * time.Minute

// A receive is one run of Receive.
type receive struct {
	node   *Node
	opts   ReceiveOptions
	report func(Event)
	ledger *ledger
	peer   *peer
	// callers are senders that connect to us, among them perhaps the peer; nil
	// where none can.
	callers *want
	link    string // the interface that the sender was met over
	header  wire.Header
	files   []wire.File
	renamed map[wire.FileIndex]string // the paths that the first maxListed of them get here, where they are others
	wanted  share.Patterns            // nil: all of them
	chosen  []wire.File               // those
	layout  *wire.Layout
	began   time.Time // zero until the offer was taken
	entry   int64     // in the history, when it is over; 0: there is none

	isStranger bool // the peer has made an offer that nobody has accepted, and is not trusted

	isByRule bool   // the rule of the device that offers it has taken it
	folder   string // by that rule; ends as a folder does, or is empty

	renewing sync.Mutex
	current  atomic.Int64            // file that a block was written of last
	done     atomic.Int64            // files in their places
	carried  int                     // files of which something was here before
	begun    map[wire.FileIndex]bool // those of them that were not whole

	mu       sync.Mutex
	arrived  []arrival               // by file
	skipped  map[wire.FileIndex]bool // files that are not wanted, or that are here under that name and are kept
	failures map[wire.FileIndex]error
}

// An arrival is a file that is whole, verified and in its place; the zero value
// is one that is not.
type arrival struct {
	path string // below the inbox
	hash digest.Digest
}

// meet finds the sender, or is found by it, and proves the code.
func (r *receive) meet(ctx context.Context, code proof) (c *conn, err error) {
	if r.opts.From != "" {
		r.report(Event{Kind: KindLooking, Reason: "connecting to " + r.opts.From})
		r.peer, c, err = r.node.meetAt(ctx, code, r.opts.From)
		return c, err
	}
	r.report(Event{Kind: KindLooking, Reason: fmt.Sprintf("looking for the sender with number %d", code.Number)})
	w := r.node.want(ctx, code.Number, r.opts, r.report)
	if r.peer, c, err = r.node.find(ctx, code, w.desk); err != nil {
		w.close(nil, err)
		return nil, err
	}
	w.settle()
	r.callers = w
	return c, nil
}

// toInbox receives into a folder.
func (r *receive) toInbox(ctx context.Context) (Result, error) {
	in, plan, err := r.agree(ctx)
	if err != nil {
		return Result{}, err
	}
	defer in.Close()
	r.ledger.ready(ctx)
	if err := r.node.rememberInbox(in.Dir()); err != nil {
		return Result{}, err
	}
	spans := r.spans(plan) // before anything is told of files
	land, err := plan.Begin(ctx)
	if err != nil {
		return Result{}, errors.Join(unusable(in.Dir(), err), r.node.forgetInbox(in.Dir()))
	}
	if names := land.SetAside(); len(names) > 0 {
		r.report(Event{Kind: KindWarning, Reason: foreign(in.Dir(), names)})
	}
	fetched, err := r.fetch(ctx, spans, land, false, plan.Bytes().Resumed)
	if err == nil {
		finishing := time.Now()
		err = land.Finish(ctx)
		fetched.Elapsed += time.Since(finishing)
	}
	err = errors.Join(err, land.Close())
	if forgetErr := r.node.forgetInbox(in.Dir()); forgetErr != nil {
		r.report(Event{Kind: KindWarning, Reason: forgetErr.Error()}) // the files are here all the same
	}
	return r.end(ctx, fetched, in.Dir(), err)
}

// foreign says what was found in a folder in place of what this node had begun.
func foreign(dir string, names []string) string {
	const most = 4
	paths := make([]string, min(len(names), most))
	for i := range paths {
		paths[i] = wire.Escape(filepath.Join(dir, filepath.FromSlash(names[i])))
	}
	what := strings.Join(paths, ", ")
	if more := len(names) - len(paths); more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	return "unfinished data was found that this device has not written; it is not used, and is kept: " + what
}

// agree plans what goes where until that is what is wanted. The caller closes
// the inbox.
func (r *receive) agree(ctx context.Context) (*inbox.Inbox, *inbox.Plan, error) {
	for {
		in, plan, err := r.plan(ctx)
		if err != nil {
			return nil, nil, err
		}
		answer, err := r.approve(ctx, r.offer(in.Dir(), plan))
		if err == nil && !answer.changes(&r.opts) {
			return in, plan, nil
		}
		if err = errors.Join(err, in.Close()); err != nil {
			return nil, nil, err
		}
		if err := r.choose(answer); err != nil {
			r.report(Event{Kind: KindWarning, Reason: err.Error()})
		}
	}
}

// plan looks how the wanted files would be received.
func (r *receive) plan(ctx context.Context) (*inbox.Inbox, *inbox.Plan, error) {
	in, plan, err := r.planBy(ctx, r.opts, r.wanted)
	if err != nil {
		return nil, nil, err
	}
	r.renamed = map[wire.FileIndex]string{}
	for i, f := range r.files[:min(len(r.files), maxListed)] {
		n := wire.FileIndex(i)
		if name := plan.Target(n); name != f.Path && plan.State(n) != inbox.Skipped {
			r.renamed[n] = name
		}
	}
	return in, plan, nil
}

// planBy looks how the files that patterns pick would be received, by the folder,
// the names and the rule of opts.
func (r *receive) planBy(ctx context.Context, opts ReceiveOptions, wanted share.Patterns) (*inbox.Inbox, *inbox.Plan, error) {
	dir, as, err := outTarget(cmp.Or(opts.Out, r.folder), r.files)
	if err != nil {
		return nil, nil, err
	}
	if r.isStranger {
		// Strangers wait for one another; who is trusted does not wait for them.
		select {
		case r.node.planning <- struct{}{}:
			defer func() { <-r.node.planning }()
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	in, err := inbox.Open(dir, r.node.secret)
	if err != nil {
		return nil, nil, unusable(dir, err)
	}
	names := map[wire.FileIndex]string{}
	for i, f := range r.files {
		if name := cmp.Or(as, renamedTo(f.Path, opts.Names[f.Path])); name != "" {
			names[wire.FileIndex(i)] = name
		}
	}
	plan, err := in.Plan(ctx, inbox.Origin{Device: r.peer.id, Name: r.header.Device}, r.files, inbox.PlanOptions{
		Conflict: opts.Conflict, As: names, Committed: r.committed,
		Leave: func(i wire.FileIndex) bool { return wanted != nil && !wanted.Picks(r.files[i]) },
	})
	if err != nil {
		return nil, nil, errors.Join(err, in.Close())
	}
	return in, plan, nil
}

// offer is what a person decides on.
func (r *receive) offer(dir string, plan *inbox.Plan) Offer {
	o := offerOf(r.title(), r.chosen)
	bytes := plan.Bytes()
	o.Out, o.Free, o.Resumed, o.Text, o.ByRule = dir, bytes.Free, bytes.Resumed, r.header.Text, r.isByRule
	size := 0
	for i := range plan.Mapped() {
		size += len(r.files[i].Path) + len(plan.Target(i))
		if len(o.Mapped) == MaxMapped || len(o.Mapped) > 0 && size > maxMappedBytes {
			break
		}
		o.Mapped = append(o.Mapped, Mapping{Path: r.files[i].Path, Name: plan.Target(i)})
	}
	return o
}

// maxMappedBytes bounds the names of Offer.Mapped beyond the first: what is told
// of an offer is kept when the offer has gone.
const maxMappedBytes = 8 << 10

// spans are the blocks that are still to be fetched. Files that are here
// already count as arrived, those that are skipped do not.
func (r *receive) spans(plan *inbox.Plan) []transfer.Span {
	var spans []transfer.Span
	for i := range r.files {
		n := wire.FileIndex(i)
		if hash, ok := plan.Hash(n); ok {
			r.arrived[i] = arrival{plan.Target(n), hash}
			r.done.Add(1)
		}
		if plan.HasPart(n) {
			r.carried++
			if plan.State(n) == inbox.Fetch {
				r.begun[n] = true
			}
		}
		base, _ := r.layout.Range(n)
		for first, end := range plan.Missing(n) {
			s := transfer.Span{First: base + wire.BlockIndex(first), End: base + wire.BlockIndex(end)}
			// A million small files are one span, not a million.
			if last := len(spans) - 1; last >= 0 && spans[last].End == s.First {
				spans[last].End = s.End
				continue
			}
			spans = append(spans, s)
		}
		if plan.State(n) == inbox.Skipped {
			r.skipped[n] = true
		}
	}
	return spans
}

// decline tells a sender that was met by its code that nobody wants its files, if
// it can be told at once. One that made an offer learns it from the offer.
func (r *receive) decline(ctx context.Context) {
	if r.peer.offer != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, declineTime)
	defer cancel()
	share, _ := r.peer.access()
	none := func(func(wire.FileResult) bool) {}
	_, _ = r.peer.deliver(ctx, wire.Receipt{Share: share, Transfer: rand.Text(), Declined: true}, len(r.files), none)
}

// declineTime is how long a sender has to take a decline.
const declineTime = 2 * time.Second

// fetch gets the spans into the sink and tells how far it is meanwhile.
func (r *receive) fetch(ctx context.Context, spans []transfer.Span, sink transfer.Sink, ordered bool, before int64) (transfer.Result, error) {
	r.began = time.Now()
	lane := group(r.opts.Limit, r.node.down).Lane()
	opts := transfer.Options{Streams: cmp.Or(r.opts.Streams, r.header.Streams), Begin: r.learned(ctx), Lane: lane, Ordered: ordered}
	if r.opts.Verbose {
		opts.OnRun = r.reportRun
	}
	w := newWatched(sink, r, spans)
	tr := transfer.New(r.source(), r.layout, spans, w, opts)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { r.watch(tr, w, lane, before, stop) })
	res, err := tr.Run(ctx)
	close(stop)
	wg.Wait()
	if lane.WasFree() {
		r.learn(ctx, res)
	}
	return res, err
}

// source is the sender as the streams see it.
func (r *receive) source() transfer.Source {
	return transfer.Source{
		Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := r.peer.connect(ctx)
			if err != nil {
				return nil, err // not a nil *secure.Conn in an interface
			}
			return c, nil
		},
		Access: r.peer.access,
		Renew:  r.renew,
	}
}

// renew gets another ticket from a sender that does not know the one that was
// refused any more, because it was started anew, and checks that it still shares
// the same files: it proves the code again, or takes what came with the sender's
// last reverse connection.
func (r *receive) renew(ctx context.Context, refused string) error {
	r.renewing.Lock()
	defer r.renewing.Unlock()
	if _, ticket := r.peer.access(); ticket != refused {
		return nil // another stream was quicker
	}
	// Who connected for a code, or was asked, is not found again by itself.
	if (r.peer.offer != nil) == r.peer.hasCode() {
		return errNoRenewal
	}
	if o := r.peer.offer; o != nil && !r.peer.takeHead(o.lastHead(), refused) {
		return errNoRenewal
	}
	raw, err := r.peer.connect(ctx)
	if err != nil {
		return err
	}
	defer raw.Close()
	c := newConn(raw)
	if r.peer.offer == nil {
		err = r.peer.prove(ctx, c)
	}
	if errors.Is(err, wire.ErrUnauthorised) {
		return fmt.Errorf("%w: the sender was started again: receive with the code that it shows now to go on", wire.ErrUnauthorised)
	}
	if err != nil {
		return err
	}
	_, files, err := r.peer.manifest(ctx, c, r.limits())
	if err != nil {
		return err
	}
	if !slices.Equal(files, r.files) {
		return fmt.Errorf("%w: the sender was started again and shares other files now", wire.ErrSourceChanged)
	}
	return nil
}
