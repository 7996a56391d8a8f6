package node

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"lanyard/internal/identity"
	"lanyard/internal/wire"
)

// Plans of strangers' offers wait for one another, and no trusted device waits for
// them.
func TestStrangersWaitForOneAnother(t *testing.T) {
	to := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t))
	stranger, friend := newNode(t), newNode(t)
	if _, err := to.node.trust(t.Context(), friend.id.ID(), "friend", ""); err != nil {
		t.Fatal(err)
	}
	to.node.planning <- struct{}{} // as the plan of another stranger does
	file := filepath.Join(makeTree(t, map[string]int{"a": 1}), "a")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	sent := make(chan error, 2)
	send := func(n *Node) {
		_, err := n.Send(ctx, SendOptions{Paths: []string{file}, To: []string{to.at}})
		sent <- err
	}
	isOffered := func(n *Node, asked bool) func([]Transfer) bool {
		return func(all []Transfer) bool {
			for _, v := range all {
				if v.DeviceID == n.id.ID().String() {
					return !asked || v.State == Asking
				}
			}
			return false
		}
	}
	go send(stranger)
	to.until("there", isOffered(stranger, false))
	go send(friend)
	all := to.until("asked", isOffered(friend, true))
	if isOffered(stranger, true)(all) {
		t.Error("the stranger's did not wait")
	}
	<-to.node.planning
	to.until("asked, too", isOffered(stranger, true))
	cancel()
	<-sent
	<-sent
}

// Who does not ask about an offer any more has gone: a stranger soon, at once when
// its connection has ended, and a trusted device later.
func TestForsakenOffers(t *testing.T) {
	for _, c := range []struct {
		name         string
		isTrusted    bool
		silent, left time.Duration
	}{{"stranger", false, 10 * time.Second, 2 * time.Second}, {"trusted", true, forsaken, forsaken}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffered("o", identity.DeviceID{}, "laptop", "")
				o.isTrusted = c.isTrusted
				isGone := func(after string, want bool) {
					t.Helper()
					if err := o.gone(); errors.Is(err, wire.ErrSourceLost) != want {
						t.Errorf("%s: %v", after, err)
					}
				}
				isGoneAfter := func(what string, patience time.Duration) {
					t.Helper()
					time.Sleep(patience)
					isGone(what+", its time", false)
					time.Sleep(time.Nanosecond)
					isGone(what+", more", true)
				}
				isGoneAfter("never asked", c.silent)
				if _, err := o.state(t.Context(), 0); err != nil { // one connection is wanted
					t.Fatal(err)
				}
				isGoneAfter("answered", c.silent)
				ctx, cancel := context.WithCancel(t.Context())
				asked := make(chan error)
				go func() {
					_, err := o.state(ctx, 1)
					asked <- err
				}()
				synctest.Wait()
				isGone("a question", false)
				cancel()
				<-asked
				isGoneAfter("left", c.left)
				until, stop := o.untilWithdrawn(t.Context())
				defer stop()
				<-until.Done()
				if !errors.Is(context.Cause(until), wire.ErrSourceLost) {
					t.Errorf("ended by %v", context.Cause(until))
				}
				o.accept()
				isGone("it was accepted", false)
			})
		})
	}
}
