package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"lanyard/internal/pairing"
	"lanyard/internal/wire"
)

// ask asks the sender at an address for something, and waits until a person has
// chosen what: the peer has a ticket for it then.
func (n *Node) ask(ctx context.Context, from string, report func(Event)) (*peer, error) {
	p, c, err := n.answering(ctx, from, nil)
	if err != nil {
		return nil, err
	}
	defer func() { c.Close() }()
	words, err := pairing.Compare(c.ConnectionState())
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, c, "/v1/requests", wire.ShareRequest{Version: wire.Version, Name: n.name}, wire.ReadRequestAnswer)
	if errors.Is(err, wire.ErrNoShare) {
		return nil, fmt.Errorf("%w: %s gives nothing without a code", wire.ErrUnauthorised, p.address)
	}
	if err != nil {
		return nil, err
	}
	// An error has been told before.
	if known, err := n.recognise(ctx, p.id, ""); err == nil && known.IsTrusted() {
		words = ""
	}
	p.words = words
	report(Event{Kind: KindRequested, Device: answer.Name, DeviceID: p.id.String(), Address: p.address, Words: words})
	for heard := time.Now(); ; {
		var state wire.RequestState
		err := c.exchange(ctx, http.MethodGet, "/v1/requests/"+answer.Request, "", nil, 0, requestWait+callTime, func(r io.Reader) error {
			var err error
			state, err = wire.ReadRequestState(r)
			return err
		})
		var remote *wire.RemoteError
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, &remote):
			return nil, err
		case err != nil && time.Since(heard) > lostPatience:
			return nil, fmt.Errorf("%w: %w", wire.ErrSourceLost, err)
		case err != nil:
			c = p.again(ctx, c)
		case state.Share != "":
			p.share, p.ticket = state.Share, state.Ticket
			return p, nil
		default:
			heard = time.Now()
		}
	}
}
