package lab

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkLink measures what the links leave to the programs at their ends:
// ns/op means nothing, MB/s is TCP payload and cores what this process used,
// both ends and the link together.
func BenchmarkLink(b *testing.B) {
	gigabit := Link{Rate: 1e9, Delay: 150 * time.Microsecond}
	wifi := Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005}
	for _, c := range []struct {
		name        string
		link        Link
		streams     int
		skip, count int64
	}{
		{"gigabit/1", gigabit, 1, 30e6, 300e6},
		{"gigabit/4", gigabit, 4, 30e6, 300e6},
		{"unlimited/1", Link{}, 1, 100e6, 2e9},
		{"wifi/1", wifi, 1, 2e6, 10e6},
		{"wifi/4", wifi, 4, 4e6, 40e6},
		{"wifi/16", wifi, 16, 16e6, 128e6},
	} {
		b.Run(c.name, func(b *testing.B) {
			from, to := pair(b, c.link)
			var rate, used float64
			for range b.N {
				began, busy := time.Now(), processTime(b)
				rate += throughput(b, from, to, c.streams, c.skip, c.count)
				used += (processTime(b) - busy).Seconds() / time.Since(began).Seconds()
			}
			b.ReportMetric(rate/float64(b.N)/1e6, "MB/s")
			b.ReportMetric(used/float64(b.N), "cores")
		})
	}
}

func processTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
