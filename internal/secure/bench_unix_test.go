//go:build unix

package secure

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStream sends MiBs one way over loopback TCP, both ends in this
// process: by crypto/tls alone, and by Conn. The time of the processor is what
// to compare; the rate depends on what else runs.
func BenchmarkStream(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		cfg := config(b)
		l := listen(b)
		defer l.Close()
		raw := dialRaw(b, l.Addr())
		other, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		defer other.Close()
		client, server := tls.Client(raw, cfg), tls.Server(other, cfg)
		shaken := make(chan error, 1)
		go func() { shaken <- server.Handshake() }()
		if err := client.Handshake(); err != nil {
			b.Fatal(err)
		}
		if err := <-shaken; err != nil {
			b.Fatal(err)
		}
		stream(b, client, server)
	})
	b.Run("batched", func(b *testing.B) {
		client, server := pair(b)
		stream(b, client, server)
	})
}

func stream(b *testing.B, to, from net.Conn) {
	const size = 1 << 20
	block, buf := make([]byte, size), make([]byte, size)
	b.SetBytes(size)
	b.ReportAllocs()
	done := make(chan error, 1)
	before := processorTime(b)
	b.ResetTimer()
	go func() {
		for range b.N {
			if _, err := from.Write(block); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range b.N {
		if _, err := io.ReadFull(to, buf); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((processorTime(b)-before).Seconds()*1e9/float64(b.N)/size, "cpu-s/GB")
}

// processorTime is what this process has used so far, its own and the system's.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
