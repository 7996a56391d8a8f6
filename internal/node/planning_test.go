package node

import (
	"context"
	"path/filepath"
	"testing"
	"time"
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
