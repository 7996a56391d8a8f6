package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

const (
	// findTime is how long a receiver looks for the sender.
	findTime = 10 * time.Second
	// maxSenders that carry the code's number are tried: each is told nothing
	// but costs the code a guess there.
	maxSenders = 3
	// dialStagger is how much later than the one before an address is tried.
	dialStagger = 250 * time.Millisecond
)

// hostPort completes what a user gave to --from with the default port.
func hostPort(from string) (string, error) {
	host, port, err := net.SplitHostPort(from)
	if err != nil {
		// No port: a bare name, an IPv4 address, or IPv6 with or without brackets.
		host, port = strings.TrimSuffix(strings.TrimPrefix(from, "["), "]"), strconv.Itoa(DefaultPort)
	}
	if number, err := strconv.Atoi(port); err != nil || number < 1 || number > 65535 || host == "" {
		return "", fmt.Errorf("%w: %q is not HOST or HOST:PORT", wire.ErrUsage, from)
	}
	return net.JoinHostPort(host, port), nil
}

// meetAt proves the code to the sender at an address.
func (n *Node) meetAt(ctx context.Context, code pairing.Code, from string) (*peer, *conn, error) {
	address, err := hostPort(from)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, findTime, fmt.Errorf("%w: %s does not answer", wire.ErrNotFound, address))
	defer cancel()
	p, c, err := meet(ctx, n, code, address)
	if err == nil {
		return p, c, nil
	}
	var opErr *net.OpError
	if cause := context.Cause(ctx); cause != nil {
		return nil, nil, cause
	}
	if errors.As(err, &opErr) && opErr.Op == "dial" {
		return nil, nil, fmt.Errorf("%w: %w", wire.ErrNotFound, err)
	}
	return nil, nil, err
}

// find looks on the network for the senders that carry the code's number and
// proves the code to them in turn.
func (n *Node) find(ctx context.Context, code pairing.Code) (*peer, *conn, error) {
	ctx, give := context.WithCancelCause(ctx)
	late := time.AfterFunc(findTime, func() {
		give(fmt.Errorf("%w: nobody on this network shares under the number %d", wire.ErrNotFound, code.Number))
	})
	defer late.Stop()
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		give(nil)
		return nil, nil, fmt.Errorf("%w: this machine cannot look around the network: %w", wire.ErrNotFound, err)
	}
	defer func() {
		give(nil)
		for range events { // until what browses has ended
		}
	}()
	tried := map[string]bool{}
	var refused error
	for ev := range events {
		s := ev.Service
		if ev.Kind == discovery.Removed || s.Number != code.Number || tried[s.Instance] {
			continue
		}
		tried[s.Instance] = true
		p, c, err := meetAny(ctx, n, code, s)
		if err == nil {
			return p, c, nil
		}
		if errors.Is(err, wire.ErrUnauthorised) && refused == nil {
			refused = err
			// The code was wrong there. Another sender with the same number
			// would be heard by now, or very soon.
			time.AfterFunc(time.Second, func() { give(refused) })
		}
		if len(tried) == maxSenders {
			give(fmt.Errorf("%w: %d senders carry the number %d and none can be reached: %w", wire.ErrNotFound, maxSenders, code.Number, err))
		}
	}
	if refused != nil {
		return nil, nil, refused
	}
	return nil, nil, context.Cause(ctx)
}

// meetAny tries the addresses of one sender, best first, and goes on with the
// first that answers.
func meetAny(ctx context.Context, n *Node, code pairing.Code, s discovery.Service) (*peer, *conn, error) {
	address, err := firstReachable(ctx, s.Addrs, s.Port)
	if err != nil {
		return nil, nil, err
	}
	return meet(ctx, n, code, address)
}

// firstReachable answers the address that takes a connection first, where each
// has a small start on the next.
func firstReachable(ctx context.Context, addrs []netip.Addr, port int) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		address string
		err     error
	}
	answers := make(chan answer, len(addrs))
	for i, a := range addrs {
		address := netip.AddrPortFrom(a, uint16(port)).String()
		go func() {
			select {
			case <-ctx.Done():
				answers <- answer{err: ctx.Err()}
				return
			case <-time.After(time.Duration(i) * dialStagger):
			}
			c, err := dial(ctx, address)
			if err == nil {
				c.Close()
			}
			answers <- answer{address, err}
		}()
	}
	var last error = fmt.Errorf("%w: announced without an address", wire.ErrNotFound)
	found := ""
	for range addrs {
		a := <-answers
		if a.err == nil && found == "" {
			found = a.address
			cancel()
		} else if a.err != nil && found == "" {
			last = fmt.Errorf("%w: %w", wire.ErrNotFound, a.err)
		}
	}
	if found != "" {
		return found, nil
	}
	return "", last
}
