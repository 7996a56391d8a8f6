// Package lab makes small networks inside one machine: hosts, each a Linux
// network namespace, joined by links with a rate, a delay, loss (random or in
// bursts) and a queue, and perhaps behind a firewall. Tests, benchmarks and the
// demo measure over them what loopback cannot show.
//
//	func TestMain(m *testing.M) { lab.Enter(); os.Exit(m.Run()) }
//
//	func TestOverWiFi(t *testing.T) {
//		lab.Need(t)
//		l, err := lab.New(lab.Options{})
//		...
//		defer l.Close()
//		a, b, err := l.Pair(lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005})
//		ln, err := a.Listen(ctx, "tcp", netip.AddrPortFrom(a.IPv4(), 0))
//		err = b.Command(ctx, "curl", "http://"+ln.Addr().String()).Run()
//
// How it works: every host has one Ethernet interface, a TAP device, and one
// goroutine for each network carries the frames from device to device, as a
// switch would. No kernel module for delay or loss is needed, and no program:
// namespaces, devices, addresses and routes are made by system calls.
//
// It needs root, or a kernel that gives user namespaces to anybody, in which
// case [Enter] starts the process again inside one; and read and write access
// to /dev/net/tun. Where that is refused [New] fails with [ErrRefused].
//
// Guarantees: nothing is named and nothing of the machine is changed, so
// whatever ends the process, also SIGKILL, removes all of it; the same seed
// loses the same frames in the order that they enter a link; TCP inside is
// CUBIC unless told otherwise, whatever the machine's default is.
//
// Non-goals: rates above about 5 Gbit/s, delays exact to better than about
// 0.2 ms under load, reordering, and isolation of anything but the network.
//
// Everything but [Link] and [ErrRefused] exists on Linux only.
package lab

import "errors"

// ErrRefused means that this machine does not let the process make networks.
// The error that wraps it says what was refused.
var ErrRefused = errors.New("this machine does not allow emulated networks")
