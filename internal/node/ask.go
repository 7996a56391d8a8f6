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
// chosen what: the peer has a ticket for it then. shown opens the words.
func (n *Node) ask(ctx context.Context, from string, shown *opener, report func(Event)) (*peer, error) {
	p, c, err := n.answering(ctx, from, nil)
	if err != nil {
		return nil, err
	}
	defer func() { c.Close() }()
	if n.isTrusted(ctx, p.id) {
		shown = nil
	}
	var answer wire.RequestAnswer
	words, err := shown.bind(ctx, n, c, pairing.ForRequest, func(commitment []byte) ([]byte, error) {
		ask := wire.ShareRequest{Version: wire.Version, Name: n.name, Commitment: commitment}
		var err error
		answer, err = call(ctx, c, "/v1/requests", ask, wire.ReadRequestAnswer)
		return answer.Nonce, err
	})
	if errors.Is(err, wire.ErrNoShare) {
		return nil, fmt.Errorf("%w: %s gives nothing without a code", wire.ErrUnauthorised, p.address)
	}
	if err != nil {
		return nil, err
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
