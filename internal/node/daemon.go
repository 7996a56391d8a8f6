package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/pairing"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// DaemonOptions say how a daemon behaves.
type DaemonOptions struct {
	Bind      string // address to listen on; empty: all
	Port      int    // 0: DefaultPort, or the next free one
	Inbox     string // folder that what is received goes to, unless somebody says another
	AtOnce    int    // transfers under way at one time; 0: DefaultAtOnce
	Streams   int    // of what is received; 0: as many as help
	LimitUp   int64  // bytes a second; 0: none
	LimitDown int64
}

// DefaultAtOnce is how many transfers are under way at one time; more wait.
const DefaultAtOnce = 4

// A Daemon is a node that is always there. It takes the offers of others, and
// carries out transfers that are asked of it, a few at a time. What has not ended
// goes on when the daemon is started again.
//
// Its methods are safe from several goroutines, while Run runs and after.
type Daemon struct {
	node     *Node
	opts     DaemonOptions
	bus      *bus
	desk     *desk
	listener net.Listener
	release  func() // the state folder
	slots    chan struct{}
	begun    chan *task    // to be run
	stopped  chan struct{} // closed when none will be
	seen     *neighbours
	verdicts chan TrustAnswer           // on the request for trust
	aside    chan func(context.Context) // to be run beside the tasks
	pairing  pairingTask
	bench    benchTask
	drops    *drops

	kept []*task // taken up, for Run to begin

	mu    sync.Mutex
	tasks []*task // the oldest first
	over  []Transfer
}

// maxOver is how many transfers are listed that have ended.
const maxOver = 50

// Daemon opens the node's port and takes up what had not ended. Run does the
// rest, and must be called.
func (n *Node) Daemon(ctx context.Context, opts DaemonOptions) (*Daemon, error) {
	if opts.AtOnce == 0 {
		opts.AtOnce = DefaultAtOnce
	}
	var err error
	if opts.Inbox, err = makeInbox(opts.Inbox); err != nil {
		return nil, err
	}
	d := &Daemon{
		node: n, opts: opts, bus: newBus(), slots: make(chan struct{}, opts.AtOnce),
		begun: make(chan *task), stopped: make(chan struct{}),
		verdicts: make(chan TrustAnswer), aside: make(chan func(context.Context)), drops: newDrops(n.home),
	}
	d.seen = newNeighbours(func() { d.bus.publish("", Event{Kind: KindMissed}) })
	d.desk = newDesk(n, maxOffers, func(ev Event) { d.bus.publish("", ev) })
	d.desk.returned, d.desk.trusting.ask = d.returned, d.verdict
	d.desk.requests = newRequests(n, func(ev Event) { d.bus.publish("", ev) }, d.desk.ration)
	d.desk.bench = &benchDesk{node: n, dir: d.inbox, report: func(ev Event) { d.bus.publish("", ev) }, admits: n.isTrusted}
	n.SetLimits(opts.LimitUp, opts.LimitDown)
	if d.release, err = store.Own(n.home); err != nil {
		return nil, err
	}
	if d.listener, err = listen(ctx, opts.Bind, opts.Port); err != nil {
		d.release()
		return nil, err
	}
	if err := d.takeUp(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// takeUp makes tasks of what had not ended when the daemon did.
func (d *Daemon) takeUp(ctx context.Context) error {
	s, err := d.node.database(ctx)
	if err != nil {
		return err
	}
	if text := d.node.Damage(); text != "" {
		d.warn(text, "")
	}
	kept, err := s.Tasks(ctx)
	if err != nil {
		return err
	}
	for _, k := range kept {
		var o order
		if err := json.Unmarshal(k.Spec, &o); err != nil {
			return fmt.Errorf("take up transfer %s: %w", k.ID, err)
		}
		t := d.newTask(k.ID, k.Created, o)
		if o.Kind == TransferOffered {
			id, err := identity.ParseDeviceID(o.Device)
			if err != nil {
				return fmt.Errorf("take up transfer %s: %w", k.ID, err)
			}
			t.offered = newOffered(o.Offer, id, o.Name, o.Address)
			t.offered.accepted, t.offered.paused, t.offered.wanted = true, o.State == Paused, 0
			d.desk.restore(t.offered)
		}
		d.tasks = append(d.tasks, t)
	}
	d.kept = d.current()
	dropped := map[string]bool{}
	for _, t := range d.kept {
		dropped[t.order.Drop] = true
	}
	if err := d.drops.begin(dropped); err != nil {
		d.warn("dropped files of before could not be removed: "+err.Error(), "")
	}
	return nil
}

func (d *Daemon) newTask(id string, created time.Time, o order) *task {
	t := &task{
		d: d, id: id, created: created, order: o,
		wake: make(chan struct{}, 1), settle: func() {},
	}
	t.view = Transfer{
		ID: id, Kind: o.Kind, Direction: store.Received, State: Waiting, Created: created, Error: o.Failure,
		Device: o.Name, DeviceID: o.Device, Address: o.Address, Code: o.Code, Offer: o.Shown,
	}
	if o.Shown != nil {
		t.view.Total, t.view.AllFiles = o.Shown.Bytes, o.Shown.Files
	}
	if o.Out != "" {
		t.view.Out = filepath.Clean(o.Out)
	}
	if o.State != "" {
		t.view.State = o.State
	}
	t.view.Bytes = min(o.Sent, t.view.Total)
	switch o.Kind {
	case TransferPush, TransferShare, TransferGiven:
		t.view.Direction = store.Sent
		if t.view.Device == "" {
			t.view.Device = o.To
		}
	case TransferAsked:
		t.view.Address = o.From
	case TransferCode:
		t.view.Code = "" // it is theirs to show
	}
	return t
}

// Run is the daemon's life. It ends when ctx does, and with it, within moments,
// all that it has begun; ready is called when others can reach it. The error is
// one of the listener's.
func (d *Daemon) Run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := d.listener.Addr().(*net.TCPAddr)
	var serving, tasks sync.WaitGroup
	failed, shut := d.desk.open(ctx, d.listener, true)
	serving.Go(func() { d.seen.watch(ctx, d) })
	visiting, stop := context.WithCancel(context.WithoutCancel(ctx))
	serving.Go(func() { d.desk.visit(visiting) })
	defer func() {
		cancel()
		close(d.stopped)
		tasks.Wait()
		shut()
		stop()
		serving.Wait()
		d.release()
	}()
	announcer, err := d.node.announce(ctx, at, discovery.Service{})
	if err != nil {
		d.warn("this network cannot be told of this device, send to its address: "+err.Error(), "")
	} else {
		defer announcer.Close()
	}
	for _, t := range d.kept {
		tasks.Go(func() { t.run(ctx) })
	}
	d.bus.publish("", Event{Kind: KindWaiting, Device: d.node.name, DeviceID: d.node.id.ID().String(), Addresses: addresses(d.opts.Bind, at.Port)})
	ready()
	tidy := time.NewTicker(time.Hour)
	defer tidy.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-failed:
			return fmt.Errorf("listen for others: %w", net.ErrClosed)
		case t := <-d.begun:
			tasks.Go(func() { t.run(ctx) })
		case now := <-tidy.C:
			if err := d.drops.expire(now); err != nil {
				d.warn("dropped files could not be removed: "+err.Error(), "")
			}
		case <-d.desk.requests.come:
			for _, q := range d.desk.requests.fresh() {
				t := d.asked(q)
				tasks.Go(func() { t.run(ctx) })
			}
		case f := <-d.aside:
			tasks.Go(func() { f(ctx) })
		case o := <-d.desk.ready:
			t := d.arrived(o)
			tasks.Go(func() { t.run(ctx) })
		}
	}
}

// Close ends the use of a daemon that was not run.
func (d *Daemon) Close() error {
	defer d.release()
	return d.listener.Close()
}

// returned wakes the task of an accepted offer whose sender is connected again.
func (d *Daemon) returned(o *offered) {
	for _, t := range d.current() {
		if t.holds(o) {
			t.nudge()
		}
	}
}

// arrived makes a task of an offer whose sender is connected.
func (d *Daemon) arrived(o *offered) *task {
	t := d.newTask(rand.Text(), time.Now(), order{Kind: TransferOffered, Device: o.device.String(), Name: o.name, Address: o.address, Offer: o.id})
	t.offered, t.view.Words, t.settle = o, o.words, sync.OnceFunc(func() { d.desk.settled(o) })
	d.mu.Lock()
	d.tasks = append(d.tasks, t)
	d.mu.Unlock()
	return t
}

// asked makes a task of a request for something.
func (d *Daemon) asked(q *request) *task {
	t := d.newTask(rand.Text(), time.Now(), order{Kind: TransferGiven, Device: q.DeviceID, Name: q.Device, Address: q.Address})
	t.request, t.view.Words = q, q.Words
	d.mu.Lock()
	d.tasks = append(d.tasks, t)
	d.mu.Unlock()
	return t
}

func (t *task) holds(o *offered) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.offered == o
}

// isForsaken tells whether nobody follows the task's offer any more: a second one
// of the same files from a sender that is there is another transfer.
func (t *task) isForsaken() bool {
	t.mu.Lock()
	o := t.offered
	t.mu.Unlock()
	return o != nil && !o.isFollowed()
}

// resumed tells whether an offer is one that was accepted before and did not
// end; then the transfer of that one goes on with it.
func (d *Daemon) resumed(o *offered, print string) bool {
	for _, t := range d.current() {
		p, v := t.look()
		if p.Kind == TransferOffered && p.Accepted && !v.State.IsOver() && p.Device == o.device.String() && p.Print == print && !t.holds(o) && t.isForsaken() {
			return t.adopt(o)
		}
	}
	return false
}

func (d *Daemon) current() []*task {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.tasks)
}

// find is the transfer whose ID begins so.
func (d *Daemon) find(id string) (*task, error) {
	var found []*task
	for _, t := range d.current() {
		if len(id) > 0 && len(id) <= len(t.id) && t.id[:len(id)] == id {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%w: %d transfers under way have an ID that begins with %q", wire.ErrUsage, len(found), id)
	}
	return found[0], nil
}

// forget takes a task off the list.
func (d *Daemon) forget(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks = slices.DeleteFunc(d.tasks, func(o *task) bool { return o == t })
}

// drop takes a task that has ended off the list, and out of the store.
func (d *Daemon) drop(t *task) {
	_, view := t.look()
	d.forget(t)
	d.mu.Lock()
	d.over = append(d.over, view)
	if len(d.over) > maxOver {
		d.over = slices.Clone(d.over[1:])
	}
	d.mu.Unlock()
	if err := d.withStore(func(ctx context.Context, s *store.Store) error { return s.DropTask(ctx, t.id) }); err != nil {
		d.warn(err.Error(), t.id)
	}
}

func (d *Daemon) keep(t store.Task) error {
	return d.withStore(func(ctx context.Context, s *store.Store) error { return s.SaveTask(ctx, t) })
}

// withStore uses the database whatever else is ending.
func (d *Daemon) withStore(f func(ctx context.Context, s *store.Store) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), ledgerTime)
	defer cancel()
	s, err := d.node.database(ctx)
	if err != nil {
		return err
	}
	return f(ctx, s)
}

func (d *Daemon) warn(reason, transfer string) {
	d.bus.publish(transfer, Event{Kind: KindWarning, Reason: reason})
}

// Transfers are those under way, the oldest first, and then those that have
// ended, the latest of them. Offers whose senders still compare words are among
// them.
func (d *Daemon) Transfers() []Transfer {
	all := []Transfer{}
	for _, o := range d.desk.noted() {
		all = append(all, Transfer{
			ID: o.id, Kind: TransferOffered, Direction: store.Received, State: Waiting, Created: o.made,
			Device: cmp.Or(o.alias, o.name), DeviceID: o.device.String(), Address: o.address, Words: o.words,
		})
	}
	for _, t := range d.current() {
		_, v := t.look()
		all = append(all, v)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return append(all, d.over...)
}

// History is what this machine sent and received.
func (d *Daemon) History(ctx context.Context) (*History, error) { return d.node.History(ctx) }

// Transfer is the one whose ID begins so, with the code of a share.
func (d *Daemon) Transfer(id string) (Transfer, error) {
	for _, v := range d.Transfers() {
		if v.ID == id {
			return v, nil
		}
	}
	t, err := d.find(id)
	if err != nil {
		return Transfer{}, err
	}
	_, v := t.look()
	return v, nil
}

// Notices yields what happens after the notice with number seq, until ctx ends. It
// yields one without a kind where nothing has for the time quiet; 0: never.
func (d *Daemon) Notices(ctx context.Context, seq uint64, quiet time.Duration) iter.Seq[Notice] {
	return d.bus.after(ctx, seq, quiet)
}

// Newest is the number of the last notice.
func (d *Daemon) Newest() uint64 { return d.bus.newest() }

// A Job is a transfer that a daemon is asked for. Code makes it one that
// receives, and so does From alone, where a person there chooses what; else To is
// whom to send to, and without it the files are shared under a code.
type Job struct {
	Code string   `json:"code,omitempty"`
	From string   `json:"from,omitempty"` // HOST[:PORT] of the sender
	Out  string   `json:"out,omitempty"`  // folder; empty: the inbox
	Only []string `json:"only,omitempty"`

	Yes       bool     `json:"yes,omitempty"` // send to whoever answers, without words
	To        string   `json:"to,omitempty"`  // name, beginning of the ID, or HOST[:PORT]
	Paths     []string `json:"paths,omitempty"`
	Exclude   []string `json:"exclude,omitempty"`
	Text      string   `json:"text,omitempty"`
	Receivers int      `json:"receivers,omitempty"` // of a share: end when so many have everything; 0: not before its time
	Life      float64  `json:"life,omitempty"`      // of a share: seconds; 0: a day

	// Streams is how many are used; 0: as many as help. Of what is sent it is what
	// the receiver is asked for, which may have decided that itself.
	Streams int    `json:"streams,omitempty"`
	Drop    string `json:"drop,omitempty"` // instead of Paths: ID of files that were put down here
}

// Add begins a transfer, and answers how it stands.
func (d *Daemon) Add(ctx context.Context, j Job) (Transfer, error) {
	o, err := d.orderOf(ctx, j)
	if err != nil {
		return Transfer{}, err
	}
	t := d.newTask(rand.Text(), time.Now(), o)
	d.mu.Lock()
	d.tasks = append(d.tasks, t)
	d.mu.Unlock()
	t.save()
	t.change(func(*order, *Transfer) {})
	select {
	case d.begun <- t:
		_, v := t.look()
		return v, nil
	case <-d.stopped:
		err = fmt.Errorf("%w: the node is stopping", wire.ErrBusy)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	d.forget(t)
	d.drops.giveBack(o.Drop)
	return Transfer{}, errors.Join(err, d.withStore(func(ctx context.Context, s *store.Store) error { return s.DropTask(ctx, t.id) }))
}

func (d *Daemon) orderOf(ctx context.Context, j Job) (order, error) {
	receives := j.Code != "" || j.From != ""
	sends := len(j.Paths) > 0 || j.Text != "" || j.Drop != ""
	switch {
	case receives == sends:
		return order{}, fmt.Errorf("%w: a transfer has either a code or somebody to ask, or paths, a drop or a text", wire.ErrUsage)
	case len(j.Paths) > 0 && j.Text != "", len(j.Paths) > 0 && j.Drop != "", j.Text != "" && j.Drop != "":
		return order{}, fmt.Errorf("%w: a text or a drop stands instead of paths", wire.ErrUsage)
	case j.Out != "" && !filepath.IsAbs(j.Out):
		return order{}, fmt.Errorf("%w: the folder %s is not named from the root on", wire.ErrUsage, wire.Escape(j.Out))
	case j.Life < 0 || j.Receivers < 0:
		return order{}, fmt.Errorf("%w: a number below zero", wire.ErrUsage)
	}
	if err := checkStreams(j.Streams); err != nil {
		return order{}, err
	}
	if receives && j.Code == "" {
		return order{Kind: TransferAsked, From: j.From, Out: j.Out, Only: j.Only, Streams: j.Streams}, nil
	}
	if receives {
		if _, err := pairing.ParseCode(j.Code); err != nil {
			return order{}, err
		}
		return order{Kind: TransferCode, Code: j.Code, From: j.From, Out: j.Out, Only: j.Only, Streams: j.Streams}, nil
	}
	for _, path := range j.Paths {
		if !filepath.IsAbs(path) {
			return order{}, fmt.Errorf("%w: %s is not named from the root on", wire.ErrUsage, wire.Escape(path))
		}
	}
	o := order{Kind: TransferPush, To: j.To, Paths: j.Paths, Exclude: j.Exclude, Text: j.Text, Yes: j.Yes, Streams: j.Streams}
	if j.To == "" {
		life := time.Duration(j.Life * float64(time.Second))
		if life == 0 {
			life = shareLife
		}
		o.Kind, o.Receivers, o.Expires = TransferShare, j.Receivers, time.Now().Add(life)
	}
	if j.Text != "" {
		return o, nil
	}
	if j.Drop != "" {
		var err error
		if o.Paths, err = d.drops.take(j.Drop); err != nil {
			return o, err
		}
		o.Drop = j.Drop
	}
	// What is wrong with the paths is told now.
	_, _, err := d.node.Preview(ctx, SendOptions{Paths: o.Paths, Exclude: j.Exclude})
	if err != nil {
		d.drops.giveBack(j.Drop)
	}
	return o, err
}

// Answer answers for a person whom a transfer asks.
func (d *Daemon) Answer(id string, a Answer) error {
	t, err := d.find(id)
	if err != nil {
		return err
	}
	return t.answer(a)
}

// Pause stops a transfer until Resume.
func (d *Daemon) Pause(id string) error {
	return d.with(id, func(t *task, s State) error {
		if s == Asking || s == Paused || s == Failed || t.isUndecided() || t.view.Kind == TransferGiven {
			return fmt.Errorf("%w: transfer %.8s is %s, and cannot be paused", wire.ErrUsage, t.id, s)
		}
		t.want(errPaused)
		return nil
	})
}

// Resume lets a transfer go on that is paused or has failed, and one that waits
// try again now.
func (d *Daemon) Resume(id string) error {
	return d.with(id, func(t *task, s State) error {
		if s != Paused && s != Failed && s != Waiting {
			return fmt.Errorf("%w: transfer %.8s is %s, there is nothing to go on with", wire.ErrUsage, t.id, s)
		}
		t.resume()
		return nil
	})
}

// Cancel ends a transfer for good. What has arrived in whole stays; what has in
// part is listed among what is left over.
func (d *Daemon) Cancel(id string) error {
	return d.with(id, func(t *task, _ State) error {
		t.want(errCancelled)
		return nil
	})
}

func (d *Daemon) with(id string, do func(*task, State) error) error {
	t, err := d.find(id)
	if err != nil {
		return err
	}
	_, v := t.look()
	return do(t, v.State)
}

// DaemonInfo is what a daemon is.
type DaemonInfo struct {
	Name      string   `json:"name"`
	Device    string   `json:"device"`
	Version   string   `json:"version"`
	Addresses []string `json:"addresses"` // for --to, best first
}

// Info tells what the daemon is called and where it listens.
func (d *Daemon) Info() DaemonInfo {
	return DaemonInfo{
		Name: d.node.name, Device: d.node.id.ID().String(), Version: Version(),
		Addresses: addresses(d.opts.Bind, d.listener.Addr().(*net.TCPAddr).Port),
	}
}
