package lab

import "testing"

func TestConnects(t *testing.T) {
	frame := func(kind []byte, ip []byte, flags byte) []byte {
		f := append(make([]byte, headerSize-2), kind...)
		tcp := make([]byte, 20)
		tcp[13] = flags
		return append(append(f, ip...), tcp...)
	}
	v4 := func(words, proto byte) []byte {
		ip := make([]byte, 4*words)
		ip[0], ip[9] = 4<<4|words, proto
		return ip
	}
	v6 := func(proto byte) []byte {
		ip := make([]byte, headerIPv6)
		ip[0], ip[6] = 6<<4, proto
		return ip
	}
	four, six := []byte{8, 0}, []byte{0x86, 0xdd}
	for name, c := range map[string]struct {
		frame []byte
		want  bool
	}{
		"IPv4":              {frame(four, v4(5, protoTCP), flagSYN), true},
		"IPv4 with options": {frame(four, v4(8, protoTCP), flagSYN), true},
		"IPv6":              {frame(six, v6(protoTCP), flagSYN), true},
		"with ECN":          {frame(four, v4(5, protoTCP), flagSYN|0xc0), true},
		"answer":            {frame(four, v4(5, protoTCP), flagSYN|flagACK), false},
		"answer, IPv6":      {frame(six, v6(protoTCP), flagSYN|flagACK), false},
		"data":              {frame(four, v4(5, protoTCP), flagACK), false},
		"UDP":               {frame(four, v4(5, 17), flagSYN), false},
		"ARP":               {frame([]byte{8, 6}, v4(5, protoTCP), flagSYN), false},
	} {
		if got := connects(c.frame); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		for n := range c.frame[:len(c.frame)-6] { // cut before the flags
			if connects(c.frame[:n]) {
				t.Errorf("%s, cut to %d bytes: it connects", name, n)
			}
		}
	}
}
