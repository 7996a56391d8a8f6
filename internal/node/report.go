package node

import (
	"sync"
	"time"
)

// reporter makes of a function that takes events one that may be called from
// several goroutines at once, and that may be nil.
func reporter(on func(Event)) func(Event) {
	if on == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(ev Event) {
		mu.Lock()
		defer mu.Unlock()
		ev.Time = time.Now()
		on(ev)
	}
}
