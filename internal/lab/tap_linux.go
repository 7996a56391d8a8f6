package lab

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	mtu         = 1500 // bytes of an IP packet
	headerSize  = 14   // of Ethernet: two addresses and a type
	offloadSize = 10   // of struct virtio_net_hdr, before every frame read and written
	trainSize   = 16 << 10
	shortFrame  = offloadSize + headerSize + mtu
	longFrame   = offloadSize + headerSize + trainSize
)

// openTAP makes the interface in the calling thread's namespace. It is gone
// when the descriptor is closed.
func openTAP() (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	req, err := unix.NewIfreq(interfaceName)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("make a TAP device: %w", err)
	}
	return fd, nil
}

// setTrains says whether TCP may hand over several packets of a connection in
// one frame, up to trainSize, as it does to a network card that cuts them up
// by itself: a tenth of the work at 1 Gbit/s. They are queued and dropped
// together, so links that lose packets must not have it. Checksums are never
// computed: the bytes do not leave the machine.
func setTrains(tap int, on bool) error {
	offload := unix.TUN_F_CSUM
	if on {
		offload |= unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	}
	if err := unix.IoctlSetInt(tap, unix.TUNSETOFFLOAD, offload); err != nil {
		return fmt.Errorf("set TAP offload: %w", err)
	}
	return nil
}

// wireSize is how many bytes of IP packets a frame as read stands for: in a
// train each has the headers, of which the frame holds one copy
// (<linux/virtio_net.h>; numbers in the machine's byte order).
func wireSize(data []byte) int64 {
	size := max(len(data)-offloadSize-headerSize, 0)
	if size == 0 || data[1] == unix.VIRTIO_NET_HDR_GSO_NONE {
		return int64(size)
	}
	packet := int(binary.NativeEndian.Uint16(data[4:])) // bytes of TCP payload
	tcp := int(binary.NativeEndian.Uint16(data[6:]))    // where checksums, so TCP, begins
	if at := offloadSize + tcp + 12; packet > 0 && tcp >= headerSize && at < len(data) {
		headers := tcp - headerSize + int(data[at]>>4)*4
		size += max(size-headers-1, 0) / packet * headers
	}
	return int64(size)
}
