package node

import (
	"path/filepath"
	"testing"
	"time"

	"lanyard/internal/digest"
)

// The node's limits hold for what runs, in both directions, and can be taken
// back.
func TestLimitsChangeWhileRunning(t *testing.T) {
	const size, limit = 40 * digest.BlockSize, digest.BlockSize
	for name, set := range map[string]func(sender, receiver *Node, limit int64){
		"up":   func(sender, _ *Node, limit int64) { sender.SetLimits(limit, 0) },
		"down": func(_, receiver *Node, limit int64) { receiver.SetLimits(0, limit) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := makeTree(t, map[string]int{"film": size})
			receiver, sender := newNode(t), newNode(t)
			set(sender, receiver, limit)
			s := startSending(t, sender, SendOptions{Paths: []string{filepath.Join(src, "film")}})
			var began time.Time
			freed := false
			res, err := s.receive(receiver, t.TempDir(), func(o *ReceiveOptions) {
				o.OnEvent = func(ev Event) {
					switch {
					case ev.Kind != KindProgress || freed:
					case began.IsZero():
						began = time.Now()
					case time.Since(began) > time.Second:
						if took := time.Since(began); float64(ev.Bytes) > limit*(took.Seconds()+2) {
							t.Errorf("%d bytes in %v", ev.Bytes, took)
						}
						freed = true
						set(sender, receiver, 0)
					}
				}
			})
			if err != nil || !freed {
				t.Fatal(err, freed)
			}
			if res.Seconds > 30 { // of the 40 that the limit would take
				t.Errorf("it took %.1f s", res.Seconds)
			}
		})
	}
}
