package lab

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// train is a frame as the kernel hands it over: headers bytes of IP and TCP,
// of which TCP has 32, and payload in packets of at most packet bytes.
func train(headers, payload, packet int) []byte {
	data := make([]byte, offloadSize+headerSize+headers+payload)
	tcp := headerSize + headers - 32
	data[1] = unix.VIRTIO_NET_HDR_GSO_TCPV4
	binary.NativeEndian.PutUint16(data[4:], uint16(packet))
	binary.NativeEndian.PutUint16(data[6:], uint16(tcp))
	data[offloadSize+tcp+12] = 8 << 4
	return data
}

func TestWireSize(t *testing.T) {
	single := func(ip int) []byte { return make([]byte, offloadSize+headerSize+ip) }
	noPacket := train(52, 100, 0)
	for _, c := range []struct {
		name string
		data []byte
		want int64
	}{
		{"nothing", nil, 0},
		{"no IP", single(0), 0},
		{"one byte", single(1), 1},
		{"a whole packet", single(1500), 1500},
		{"a train of one", train(52, 1448, 1448), 1500},
		{"one byte more", train(52, 1449, 1448), 1500 + 53},
		{"two packets", train(52, 2*1448, 1448), 2 * 1500},
		{"eleven, IPv6", train(72, 11*1428, 1428), 11 * 1500},
		{"headers alone", train(52, 0, 1448), 52},
		{"packets of nothing", noPacket, 152},
		{"cut off before TCP", train(52, 0, 1448)[:offloadSize+headerSize+20], 20},
	} {
		if got := wireSize(c.data); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestFramesAreReused(t *testing.T) {
	n := new(network)
	short, long := make([]byte, shortFrame), make([]byte, longFrame)
	if got := testing.AllocsPerRun(100, func() {
		a, b := n.take(short), n.take(long)
		n.give(a)
		n.give(b)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	if f := n.take(short); cap(f.data) != shortFrame {
		t.Errorf("a short frame takes %d bytes", cap(f.data))
	}
}

func FuzzWireSize(f *testing.F) {
	f.Add([]byte{})
	f.Add(train(52, 2*1448, 1448))
	f.Add(train(72, 1, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		least := int64(max(len(data)-offloadSize-headerSize, 0))
		if got := wireSize(data); got < least {
			t.Errorf("%d, the frame alone has %d", got, least)
		}
	})
}
