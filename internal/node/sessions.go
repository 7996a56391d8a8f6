package node

import (
	"context"
	"time"
)

// Session is what is kept of a browser's session that has not expired, by a hash
// of its token; false when there is none.
func (n *Node) Session(ctx context.Context, token string) (data []byte, ok bool, err error) {
	s, err := n.database(ctx)
	if err != nil {
		return nil, false, err
	}
	return s.Session(ctx, token, time.Now())
}

// AddSession keeps a new session.
func (n *Node) AddSession(ctx context.Context, token string, data []byte, expiry time.Time) error {
	s, err := n.database(ctx)
	if err != nil {
		return err
	}
	return s.AddSession(ctx, token, data, expiry, time.Now())
}

// KeepSession changes what is kept of a session. One that has ended stays so.
func (n *Node) KeepSession(ctx context.Context, token string, data []byte, expiry time.Time) error {
	s, err := n.database(ctx)
	if err != nil {
		return err
	}
	return s.KeepSession(ctx, token, data, expiry)
}

// EndSession ends a session, if there is one.
func (n *Node) EndSession(ctx context.Context, token string) error {
	s, err := n.database(ctx)
	if err != nil {
		return err
	}
	return s.EndSession(ctx, token)
}

// EndSessions ends all of them.
func (n *Node) EndSessions(ctx context.Context) error {
	s, err := n.database(ctx)
	if err != nil {
		return err
	}
	return s.EndSessions(ctx)
}
