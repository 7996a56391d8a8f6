package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// A Client asks a running node of this user.
type Client struct{ http http.Client }

// Dial prepares to ask the node that runs with the state folder home.
func Dial(home string) *Client {
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dialSocket(ctx, home)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
			}
			return c, nil
		},
	}}}
}

// ErrNotRunning tells that there is no node to be asked.
var ErrNotRunning = errors.New("no \"lanyard serve\" runs here")

// A refusal is an error that the node answered with.
type refusal struct{ *wire.RemoteError }

func (e refusal) Error() string { return e.Message }
func (e refusal) Unwrap() error { return e.RemoteError }

// call asks, and reads the answer into answer.
func (c *Client) call(ctx context.Context, method, path string, ask, answer any) error {
	var body io.Reader
	if ask != nil {
		data, err := json.Marshal(ask)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://lanyard"+path, body)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, ErrNotRunning) {
			return ErrNotRunning
		}
		return fmt.Errorf("ask the running node: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		err := wire.ReadError(res.Body, res.StatusCode)
		var remote *wire.RemoteError
		if errors.As(err, &remote) {
			return refusal{remote}
		}
		return err
	}
	if err := json.NewDecoder(res.Body).Decode(answer); err != nil {
		return fmt.Errorf("read the answer of the running node: %w", err)
	}
	return nil
}

// Info tells what the node is.
func (c *Client) Info(ctx context.Context) (info node.DaemonInfo, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/node", nil, &info)
	return info, err
}

// Page tells where the node's page is.
func (c *Client) Page(ctx context.Context) (link PageLink, err error) {
	err = c.call(ctx, http.MethodPost, "/v1/page", nil, &link)
	return link, err
}

// Transfers are the node's.
func (c *Client) Transfers(ctx context.Context) ([]node.Transfer, error) {
	var all Transfers
	err := c.call(ctx, http.MethodGet, "/v1/transfers", nil, &all)
	return all.Transfers, err
}

// Add asks for a transfer.
func (c *Client) Add(ctx context.Context, j node.Job) (t node.Transfer, err error) {
	err = c.call(ctx, http.MethodPost, "/v1/transfers", j, &t)
	return t, err
}

// Answer answers what a transfer asks.
func (c *Client) Answer(ctx context.Context, id string, a node.Answer) error {
	return c.do(ctx, id, "answer", a)
}

// Pause stops a transfer until Resume.
func (c *Client) Pause(ctx context.Context, id string) error { return c.do(ctx, id, "pause", nil) }

// Resume lets a transfer go on, or try again.
func (c *Client) Resume(ctx context.Context, id string) error { return c.do(ctx, id, "resume", nil) }

// Cancel ends a transfer for good.
func (c *Client) Cancel(ctx context.Context, id string) error { return c.do(ctx, id, "cancel", nil) }

func (c *Client) do(ctx context.Context, id, what string, ask any) error {
	return c.call(ctx, http.MethodPost, "/v1/transfers/"+url.PathEscape(id)+"/"+what, ask, &struct{}{})
}

// TrustAsked is the device that asks the node to be trusted; nil: none does.
func (c *Client) TrustAsked(ctx context.Context) (*node.Meeting, error) {
	var t Trust
	err := c.call(ctx, http.MethodGet, "/v1/trust", nil, &t)
	return t.Asked, err
}

// AnswerTrust is the daemon's.
func (c *Client) AnswerTrust(ctx context.Context, a node.TrustAnswer) error {
	return c.call(ctx, http.MethodPost, "/v1/trust", a, &struct{}{})
}

// Limits are the node's now.
func (c *Client) Limits(ctx context.Context) (l node.Limits, err error) {
	err = c.call(ctx, http.MethodGet, "/v1/limits", nil, &l)
	return l, err
}

// SetLimits changes them, also for what is under way.
func (c *Client) SetLimits(ctx context.Context, l node.Limits) error {
	return c.call(ctx, http.MethodPut, "/v1/limits", l, &l)
}
