package discovery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

const (
	replyRate  = 50 // a second, to askers who want an answer for themselves alone
	replyBurst = 50
)

// An Announcer keeps a service announced until it is closed. Its methods may be
// called from several goroutines at once.
type Announcer struct {
	stop    context.CancelFunc
	done    chan struct{}
	updates chan Service

	// The rest belongs to the goroutine that runs the announcer.
	group   *group
	packets <-chan packet
	parcel  parcel
	plan    schedule
	replies *rate.Limiter
}

// Announce tells the network of the service, answers questions about it, and
// follows interfaces that come and go. When ctx ends or Close is called it says
// goodbye. Announce fails with ErrNoMulticast when nothing could be sent on any
// interface: a reason to warn and to go on without, since the service can still
// be reached by its address; and with ErrInvalidService.
func Announce(ctx context.Context, s Service, o Options) (*Announcer, error) {
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	packets := make(chan packet, packetQueue)
	g, err := openGroup(o, false, packets)
	if err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	a := &Announcer{
		done:    make(chan struct{}),
		updates: make(chan Service),
		group:   g,
		packets: packets,
		parcel:  pack(s),
		plan:    schedule{},
		replies: rate.NewLimiter(replyRate, replyBurst),
	}
	a.announce(g.links)
	if err := a.sendReady(); err != nil {
		g.close()
		return nil, fmt.Errorf("announce: %w", err)
	}
	ctx, a.stop = context.WithCancel(ctx)
	go a.run(ctx)
	return a, nil
}

// Update announces the service in the place of the one before: another name or
// port is a goodbye to the old and an announcement of the new one. After Close
// it does nothing. The error is ErrInvalidService.
func (a *Announcer) Update(s Service) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	select {
	case a.updates <- s:
	case <-a.done:
	}
	return nil
}

// Close says goodbye and waits until nothing of the announcer runs any more.
// Further calls wait too.
func (a *Announcer) Close() {
	a.stop()
	<-a.done
}

func (a *Announcer) run(ctx context.Context) {
	defer close(a.done)
	defer a.stop()
	defer a.group.close()
	rescan := time.NewTicker(rescanPeriod)
	defer rescan.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if wait, ok := a.plan.next(time.Now()); ok {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case p := <-a.packets:
			a.hear(p)
		case <-timer.C:
			_ = a.sendReady() // a network that is away for a while comes back
		case s := <-a.updates:
			a.replace(pack(s))
		case <-rescan.C:
			fresh, _ := a.group.rescan()
			a.plan.keep(a.group.links)
			a.announce(fresh)
		case <-ctx.Done():
			a.goodbye()
			return
		}
	}
}

func (a *Announcer) announce(links []*link) {
	now := time.Now()
	for _, l := range links {
		for family := range families {
			if l.has(family) {
				a.plan.announce(slot{l.Index, family}, now)
			}
		}
	}
}

// sendReady sends what is due. It fails when there was something to send and
// nothing went out.
func (a *Announcer) sendReady() error {
	var errs []error
	for _, at := range a.plan.ready(time.Now()) {
		errs = append(errs, a.send(at, recordTTL))
	}
	if len(errs) == 0 || slices.Contains(errs, nil) {
		return nil
	}
	return noMulticast(errs...)
}

func (a *Announcer) send(at slot, ttl time.Duration) error {
	l := a.group.linkAt(at.link)
	if l == nil {
		return errNoFamily
	}
	data, err := a.parcel.announcement(l.addrs(), ttl)
	if err != nil {
		return err
	}
	return a.group.send(l, at.family, data)
}

func (a *Announcer) goodbye() {
	for _, l := range a.group.links {
		for family := range families {
			_ = a.send(slot{l.Index, family}, 0) // what is not heard, time removes
		}
	}
}

func (a *Announcer) replace(p parcel) {
	if p.instance != a.parcel.instance || p.host != a.parcel.host {
		a.goodbye()
	}
	a.parcel = p
	a.announce(a.group.links)
}

// hear answers a question: to everybody, or to the one who asks for itself.
func (a *Announcer) hear(p packet) {
	query := unpack(p.data)
	if query == nil || query.Response {
		return
	}
	l := a.group.linkOf(p)
	if l == nil {
		return
	}
	// Who asks from another port is no multicast DNS, and knows nothing of
	// known answers.
	plain := int(p.src.Port()) != a.group.options.port()
	asked, unicast := false, plain || !p.group
	for _, q := range query.Question {
		if !a.parcel.concerns(q) {
			continue
		}
		if !plain && sameName(q.Name, serviceType) && a.parcel.knows(query) {
			continue
		}
		asked = true
		unicast = unicast || q.Qclass&wantsUnicast != 0
	}
	switch {
	case !asked:
	case !unicast:
		a.plan.answer(slot{l.Index, p.family}, time.Now(), rand.N(answerSpread))
	case a.replies.Allow():
		data, err := a.parcel.announcement(l.addrs(), recordTTL)
		if plain {
			data, err = a.parcel.reply(query, l.addrs())
		}
		if err == nil {
			a.group.reply(l, p, data)
		}
	}
}
