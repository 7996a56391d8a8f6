package discovery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	numberWait  = 250 * time.Millisecond
	numberRetry = 100 * time.Millisecond // packets get lost on Wi-Fi
)

// FreeNumber listens for a quarter of a second and answers a code number, short
// to say, that nobody on the network was heard to use. Two who choose in the
// same moment may still choose alike, as may two who cannot hear each other: the
// code's words tell them apart. The number is good to use even when err is not
// nil, which then says that nobody could be asked (ErrNoMulticast) or that ctx
// ended.
func FreeNumber(ctx context.Context, o Options) (int, error) {
	b, err := openBrowser(o)
	if err != nil {
		return chooseNumber(nil, rand.IntN), fmt.Errorf("listen for code numbers: %w", err)
	}
	defer b.close()
	end := time.NewTimer(numberWait)
	defer end.Stop()
	again := time.NewTimer(numberRetry)
	defer again.Stop()
	b.ask()
	for {
		select {
		case p := <-b.packets:
			b.hear(p)
		case <-again.C:
			b.ask()
		case <-end.C:
			return chooseNumber(b.table.numbers(), rand.IntN), nil
		case <-ctx.Done():
			return chooseNumber(b.table.numbers(), rand.IntN), fmt.Errorf("listen for code numbers: %w", ctx.Err())
		}
	}
}

// chooseNumber draws from the free ones of 1 to 99, or of ten times as many
// while half or more are taken: those who choose at the same moment must be
// unlikely to meet.
func chooseNumber(used map[int]bool, draw func(n int) int) int {
	for size := 99; ; size = size*10 + 9 {
		var free []int
		for n := 1; n <= size; n++ {
			if !used[n] {
				free = append(free, n)
			}
		}
		if len(free) > size/2 {
			return free[draw(len(free))]
		}
	}
}
