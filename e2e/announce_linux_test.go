package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// An announced is a service as anybody may announce it.
type announced struct {
	instance, name, device string
	number, port           int
}

// announce tells the network of services from the machine's address, again and
// again, each time another one that next makes, until the test ends.
func (m *machine) announce(every time.Duration, next func() announced) {
	m.t.Helper()
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
	// The port is shared with lanyard, if that runs there.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		_ = c.Control(func(fd uintptr) {
			err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		})
		return err
	}}
	var conn net.PacketConn
	if err := m.Do(func() (err error) {
		conn, err = lc.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(m.IPv4(), 5353).String())
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	m.t.Cleanup(func() { cancel(); all.Wait(); conn.Close() })
	all.Go(func() {
		tick := time.NewTicker(max(every, 10*time.Millisecond))
		defer tick.Stop()
		for ctx.Err() == nil {
			for range max(1, 10*time.Millisecond/every) {
				_, _ = conn.WriteTo(m.packet(next()), group) // a full buffer is what a flood is about
			}
			<-tick.C
		}
	})
}

// packet is an answer of multicast DNS that tells of a service at the machine.
func (m *machine) packet(s announced) []byte {
	const service = "_lanyard._tcp.local."
	head := func(name string, kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 120}
	}
	instance, host := s.instance+"."+service, s.instance+".local."
	text := []string{"id=" + s.device, "name=" + s.name, "v=1"}
	if s.number > 0 {
		text = append(text, fmt.Sprint("num=", s.number))
	}
	var msg dns.Msg
	msg.Response, msg.Authoritative = true, true
	msg.Answer = []dns.RR{
		&dns.PTR{Hdr: head(service, dns.TypePTR), Ptr: instance},
		&dns.SRV{Hdr: head(instance, dns.TypeSRV), Port: uint16(s.port), Target: host},
		&dns.TXT{Hdr: head(instance, dns.TypeTXT), Txt: text},
		&dns.A{Hdr: head(host, dns.TypeA), A: m.IPv4().AsSlice()},
	}
	data, err := msg.Pack()
	if err != nil {
		panic(err)
	}
	return data
}

func randomDevice() string {
	var b [35]byte
	_, _ = rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// small is a file to send, and the receiver's folder.
func small(t *testing.T) (path, out string) {
	path = filepath.Join(t.TempDir(), "note")
	if err := os.WriteFile(path, []byte(rand.Text()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, t.TempDir()
}

// peak is the most memory that a process had, which must be at its end.
func (p *process) peak() int64 {
	return p.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}

// A thousand announcements a second, each of another device, neither hide those
// that are there nor make anybody hold more.
func TestFloodOfAnnouncements(t *testing.T) {
	all := hub(t, 4, gigabit)
	sender, receiver, desk := all[0], all[1], all[2]
	all[3].announce(time.Millisecond, func() announced {
		return announced{rand.Text(), rand.Text(), randomDevice(), mathrand.IntN(10_000), 1 + mathrand.IntN(65535)}
	})
	time.Sleep(2 * time.Second) // a part of the flood is known

	path, out := small(t)
	desk.env = nil // no code: it waits for offers
	waiting := desk.start("receive", "--yes", "--name", "desk", "-o", out)
	waiting.waitKind(node.KindWaiting)
	began := time.Now()
	devices := sender.start("devices")
	if exit := devices.end(10 * time.Second); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
	var found struct{ Devices []node.Device }
	if err := json.Unmarshal(devices.out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	isThere := false
	for _, d := range found.Devices {
		isThere = isThere || d.Name == "desk"
	}
	if took := time.Since(began); !isThere || len(found.Devices) > 300 || took > 4*time.Second {
		t.Errorf("%d devices in %v, the one among them: %v", len(found.Devices), took, isThere)
	}

	began = time.Now()
	pushed := sender.start("send", "--yes", "--to", "desk", path)
	pushed.result(20 * time.Second)
	sameFile(t, path, filepath.Join(out, "note"), waiting.result(10*time.Second))
	t.Logf("sent by name in %v", time.Since(began))

	shared := sender.send("--receivers", "1", path)
	out = t.TempDir()
	began = time.Now()
	fetched := receiver.start("receive", "--yes", "-o", out)
	sameFile(t, path, filepath.Join(out, "note"), fetched.result(20*time.Second))
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("found by its code after %v", took)
	}
	shared.result(10 * time.Second)
	for what, p := range map[string]*process{"devices": devices, "send --to": pushed, "receive": waiting, "receive CODE": fetched, "send": shared} {
		if peak := p.peak(); peak > 100<<20 {
			t.Errorf("%s took %d MiB", what, peak>>20)
		}
	}
}

// Who announces another device's ID as its own gets nothing, and does not hide
// it.
func TestAnnouncedWithAnothersID(t *testing.T) {
	all := hub(t, 3, gigabit)
	path, out := small(t)
	all[1].env, all[2].env = nil, nil // no code: they wait for offers
	desk := all[1].start("receive", "--yes", "--name", "desk", "-o", out)
	id := desk.waitKind(node.KindWaiting).DeviceID
	stolen := t.TempDir()
	thief := all[2].start("receive", "--yes", "--name", "thief", "-o", stolen)
	thief.waitKind(node.KindWaiting)
	instances := []string{"false", `desk\ (` + id[:7] + `\ 12121)`} // one of its own, and the true one's
	turn := 0
	all[2].announce(50*time.Millisecond, func() announced {
		turn++
		return announced{instances[turn%2], "desk", id, 0, node.DefaultPort}
	})
	sent := all[0].start("send", "--yes", "--to", id[:15], path)
	sent.result(30 * time.Second)
	sameFile(t, path, filepath.Join(out, "note"), desk.result(10*time.Second))
	if offered := sent.last(node.KindOffered); offered.DeviceID != id {
		t.Errorf("offered to %+v", offered)
	}
	if thief.last(node.KindAsked).Kind != "" {
		t.Error("the thief was asked")
	}
}

// Two devices of one name are not guessed between.
func TestAnnouncedWithAnothersName(t *testing.T) {
	all := hub(t, 3, gigabit)
	path, out := small(t)
	var ids []string
	for _, m := range all[1:] {
		m.env = nil // no code: it waits for offers
		p := m.start("receive", "--yes", "--name", "desk", "-o", out)
		ids = append(ids, p.waitKind(node.KindWaiting).DeviceID)
	}
	sent := all[0].start("send", "--yes", "--to", "desk", path)
	if exit := sent.end(20 * time.Second); exit != 2 || failureOf(t, sent) != wire.FailureOf(wire.ErrUsage).Code {
		t.Errorf("exit code %d: %s", exit, sent.out.String())
	}
	for _, id := range ids {
		if !strings.Contains(sent.out.String(), id[:15]) {
			t.Errorf("%s is not named: %s", id[:15], sent.out.String())
		}
	}
	if got, err := os.ReadDir(out); err != nil || len(got) > 0 {
		t.Errorf("arrived: %v, %v", got, err)
	}
}

// Who announces the code's number is asked to prove the code, and that is all:
// the file comes from who has it.
func TestAnnouncedWithTheCodesNumber(t *testing.T) {
	all := hub(t, 3, gigabit)
	path, out := small(t)
	number, _, _ := strings.Cut(code, "-")
	other, _ := small(t)
	thief := all[2].command("send", "--json", other)
	thief.Env = append(thief.Env, "LANYARD_CODE="+number+"-another-secret")
	if err := thief.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = thief.Process.Kill(); _ = thief.Wait() }()
	time.Sleep(time.Second) // it is there first
	shared := all[0].send("--receivers", "1", path)
	sameFile(t, path, filepath.Join(out, "note"), all[1].start("receive", "--yes", "-o", out).result(30*time.Second))
	shared.result(10 * time.Second)
}
