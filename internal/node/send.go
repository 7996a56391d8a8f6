package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/pace"
	"lanyard/internal/pairing"
	"lanyard/internal/secure"
	"lanyard/internal/share"
	"lanyard/internal/wire"
)

// SendOptions say what is sent and how. Exactly one of Paths, Text, Pipe and
// Choose is set.
type SendOptions struct {
	Paths   []string
	Exclude []string // globs
	Text    string
	Pipe    io.Reader // spooled to the disk until it ends, since its size must be known

	// Choose asks a person what a device gets that asks for something; no paths
	// stand for nothing. It is called for one device at a time, and again when
	// the paths cannot be sent.
	Choose func(ctx context.Context, m Meeting) (paths []string, err error)

	// To are devices, by name or the beginning of an ID, or HOST[:PORT], that the
	// share is offered to, instead of to whoever has a code.
	To []string
	// Compare asks a person whether a device that is not known shows the same
	// words; nil takes whoever answers.
	Compare func(ctx context.Context, m Meeting) (bool, error)

	Code      string // a code of one's own; empty: one is made up
	Bind      string // address to listen on; empty: all
	Port      int    // 0: DefaultPort, or the next free one
	Receivers int    // end when so many have everything; 0: never
	Limit     int64  // bytes a second over all receivers; 0: none
	Streams   int    // that receivers use which have not decided that themselves; 0: as many as help

	OnEvent func(Event) // called from several goroutines, one at a time

	// With one device in To: an offer that it may know already, and who is told of
	// the one that stands.
	past  pastOffer
	noted func(pastOffer)

	share *share.Share // of a task, which has opened it; nil: it is to be opened

	// Of a task: how many nonces its user has been shown the words of, and who is told
	// of more; the device that they were the same of; and whether nobody sees any.
	opened   int
	nowOpen  func(opened int)
	compared string
	unseen   bool

	entered func(id int64, seconds float64) // is told of each try that ended, see remembering; nil: nobody is
}

// opener is for one device's words; nil: nobody sees them.
func (o SendOptions) opener() *opener {
	if o.unseen {
		return nil
	}
	return &opener{opened: o.opened, noted: o.nowOpen}
}

// portsTried is how many ports after the usual one are looked at.
const portsTried = 100

// Send shares until as many receivers as wanted have everything, or ctx ends.
func (n *Node) Send(ctx context.Context, opts SendOptions) (Result, error) {
	report := reporter(opts.OnEvent)
	if len(opts.To) > 0 {
		s := opts.share
		if s == nil {
			var err error
			if s, err = n.open(ctx, opts); err != nil {
				return Result{}, err
			}
			defer s.Close()
		}
		return n.push(ctx, opts, s, report)
	}
	if opts.Choose != nil {
		return n.choose(ctx, opts, report)
	}
	// What can be wrong with these is told before a long pipe is read.
	var code pairing.Code
	if opts.Code != "" {
		var err error
		if code, err = pairing.ParseCode(opts.Code); err != nil {
			return Result{}, err
		}
	}
	listener, err := listen(ctx, opts.Bind, opts.Port)
	if err != nil {
		return Result{}, err
	}
	defer listener.Close()
	s, err := n.open(ctx, opts)
	if err != nil {
		return Result{}, err
	}
	defer s.Close()
	if opts.Code == "" {
		if code, err = newCode(ctx); err != nil {
			return Result{}, err
		}
	}
	srv := newServer(n, s, opts.Receivers, report).guardedBy(code)
	srv.pace, srv.wish = group(opts.Limit, n.up), opts.Streams
	defer srv.remembering(ctx, opts.Paths, opts.entered)()
	at := listener.Addr().(*net.TCPAddr)
	offer := offerOf("", s.Files())
	offer.Text = s.Text()
	report(Event{Kind: KindWaiting, Code: code.String(), Addresses: addresses(opts.Bind, at.Port), Offer: &offer})
	for _, skip := range s.Skipped() {
		report(Event{Kind: KindSkipped, Path: skip.Path, Reason: skip.Reason})
	}

	announcer, err := n.announce(ctx, at, discovery.Service{Number: code.Number})
	if err != nil {
		report(Event{Kind: KindWarning, Reason: "this network cannot be told of the sender, receive with --from: " + err.Error()})
	} else {
		defer announcer.Close()
	}
	conns := newHandover(at)
	dialling, cancel := context.WithCancel(ctx)
	var answers sync.WaitGroup
	answers.Go(func() { srv.porter.answer(dialling, conns, srv.knows) })
	defer answers.Wait()
	defer cancel()
	return srv.serve(ctx, secure.NewListener(listener, n.id.ServerConfig(identity.ALPN), secure.Limits{}), conns)
}

// portOf is the port of what addresses answered.
func portOf(addresses []string) int {
	if len(addresses) > 0 {
		if _, port, err := net.SplitHostPort(addresses[0]); err == nil {
			n, _ := strconv.Atoi(port) // it was made of a number
			return n
		}
	}
	return DefaultPort
}

// group is what keeps a limit of its own, or that of the node's transfers.
func group(limit int64, others *pace.Group) *pace.Group {
	if limit == 0 {
		return others
	}
	return pace.New(limit)
}

// open makes the share that opts describe.
func (n *Node) open(ctx context.Context, opts SendOptions) (*share.Share, error) {
	switch {
	case opts.Pipe != nil:
		return share.Spool(ctx, opts.Pipe, n.home)
	case opts.Text != "":
		return share.FromText(opts.Text), nil
	default:
		return share.Walk(ctx, opts.Paths, share.Options{Exclude: opts.Exclude})
	}
}

// Preview tells what Send would send, without sending it.
func (n *Node) Preview(ctx context.Context, opts SendOptions) (files []wire.File, skipped []share.Skip, err error) {
	s, err := share.Walk(ctx, opts.Paths, share.Options{Exclude: opts.Exclude})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	return s.Files(), s.Skipped(), nil
}

// newCode makes up a code whose number no other sender on the network carries.
func newCode(ctx context.Context) (pairing.Code, error) {
	// An error says that nobody could be asked; the number is good all the same.
	number, _ := discovery.FreeNumber(ctx, discovery.Options{})
	return pairing.NewCode(number)
}

// listen opens the port that was asked for, or the default one or the next
// that is free.
func listen(ctx context.Context, bind string, port int) (net.Listener, error) {
	return listenFrom(ctx, bind, port, DefaultPort)
}

// listenFrom is listen with another default.
func listenFrom(ctx context.Context, bind string, port, usual int) (net.Listener, error) {
	var lc net.ListenConfig
	if port != 0 {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(bind, strconv.Itoa(port)))
		if isPortTaken(err) {
			return nil, fmt.Errorf("%w: %d", wire.ErrPortTaken, port)
		}
		return l, listenError(bind, port, err)
	}
	for port := usual; ; port++ {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(bind, strconv.Itoa(port)))
		if isPortTaken(err) && port < usual+portsTried {
			continue
		}
		return l, listenError(bind, port, err)
	}
}

// listenError says why nothing can be listened on.
func listenError(bind string, port int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("listen on %s: %w", wire.Escape(net.JoinHostPort(bind, strconv.Itoa(port))), plain(err))
}

// interfacesOf lists the interfaces that have the address listened on; nil
// stands for all of them. A sender is not told of where it does not listen.
func interfacesOf(ip net.IP) func() ([]net.Interface, error) {
	if ip.IsUnspecified() {
		return nil
	}
	return func() ([]net.Interface, error) {
		all, err := net.Interfaces()
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(all, func(i net.Interface) bool {
			addrs, err := i.Addrs()
			return err != nil || !slices.ContainsFunc(addrs, func(a net.Addr) bool {
				n, ok := a.(*net.IPNet)
				return ok && n.IP.Equal(ip)
			})
		}), nil
	}
}

// addresses are what a receiver may give to --from, best first.
func addresses(bind string, port int) []string {
	hosts := hostsOf(bind)
	for i, host := range hosts {
		if port != DefaultPort {
			hosts[i] = net.JoinHostPort(host, strconv.Itoa(port))
		}
	}
	return hosts
}

// hostsOf are the addresses of this machine that are listened on, best first.
func hostsOf(bind string) []string {
	if ip := net.ParseIP(bind); bind != "" && (ip == nil || !ip.IsUnspecified()) {
		return []string{bind}
	}
	found, err := discovery.Addresses()
	if err != nil {
		return nil
	}
	var hosts []string
	for _, a := range found {
		hosts = append(hosts, a.String())
	}
	return hosts
}
