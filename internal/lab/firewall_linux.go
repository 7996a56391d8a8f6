package lab

import "encoding/binary"

const (
	typeIPv4   = 0x0800 // of Ethernet's header
	typeIPv6   = 0x86dd
	protoTCP   = 6
	headerIPv6 = 40 // bytes; hosts send no extensions with TCP
	flagSYN    = 1 << 1
	flagACK    = 1 << 4
)

// connects tells whether an Ethernet frame asks to open a TCP connection: SYN
// without ACK. What answers such a frame, and what follows, does not.
func connects(frame []byte) bool {
	if len(frame) < headerSize {
		return false
	}
	packet := frame[headerSize:]
	var proto byte
	var header int
	switch kind := binary.BigEndian.Uint16(frame[headerSize-2:]); {
	case kind == typeIPv4 && len(packet) > 9:
		proto, header = packet[9], int(packet[0]&15)*4
	case kind == typeIPv6 && len(packet) > 6:
		proto, header = packet[6], headerIPv6
	}
	const flags = 13 // where they are in TCP's header
	return proto == protoTCP && len(packet) > header+flags && packet[header+flags]&(flagSYN|flagACK) == flagSYN
}
