package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"lanyard/internal/discovery"
	"lanyard/internal/wire"
)

// findTime is how long a receiver looks for the sender.
const findTime = 10 * time.Second

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
func (n *Node) meetAt(ctx context.Context, code proof, from string) (*peer, *conn, error) {
	address, err := hostPort(from)
	if err != nil {
		return nil, nil, err
	}
	if err := code.tally.sum(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, findTime, fmt.Errorf("%w: %s does not answer", wire.ErrNotFound, address))
	defer cancel()
	p, c, err := n.meet(ctx, code, address)
	return p, c, code.tally.judge(notFound(ctx, err))
}

const (
	// A sender that strangers overrun lets a newcomer go now and then. To try
	// again is free until the proof begins: a connection that breaks off from
	// there on may cost a guess at the code.
	maxMeets  = 16
	maxProofs = 2
	// The pause before the second try; it doubles, up to four times as long.
	meetPause = 50 * time.Millisecond
)

// meet proves the code to who answers at address.
func (n *Node) meet(ctx context.Context, code proof, address string) (*peer, *conn, error) {
	proofs, pause := 0, meetPause
	for tries := 1; ; tries++ {
		p, c, err := encounter(ctx, n, address)
		err = greeted(p, c, err, func(p *peer, c *conn) error {
			if proofs > 0 {
				if err := c.taken(ctx); err != nil {
					return err
				}
			}
			proofs++
			p.code = code
			return p.prove(ctx, c)
		})
		if err == nil {
			return p, c, nil
		}
		if !isCutOff(err) || tries == maxMeets || proofs == maxProofs {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, 4*meetPause)
	}
}

// isCutOff tells whether a connection that was there broke.
func isCutOff(err error) bool {
	var opErr *net.OpError
	if errors.As(err, &opErr) {
		return (opErr.Op == "read" || opErr.Op == "write") && !opErr.Timeout()
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// notFound says of an error of connecting whether there was anybody.
func notFound(ctx context.Context, err error) error {
	var opErr *net.OpError
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if errors.As(err, &opErr) && opErr.Op == "dial" {
		return fmt.Errorf("%w: %w", wire.ErrNotFound, err)
	}
	return err
}

// find looks on the network for the sender, and takes those that come to the
// desk; nil: none can.
func (n *Node) find(ctx context.Context, code proof, desk *desk) (*peer, *conn, error) {
	if err := code.tally.sum(); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	events, err := discovery.Browse(ctx, discovery.Options{})
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("%w: this machine cannot look around the network: %w", wire.ErrNotFound, err)
	}
	defer func() {
		cancel()
		for range events { // until what browses has ended
		}
	}()
	p, c, err := n.search(ctx, code, events, desk)
	return p, c, code.tally.judge(err)
}
