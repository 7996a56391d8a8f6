package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lanyard/internal/trial"
)

// find looks for a program also where servers are kept.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", program)
}

// A server is a peer's that was started for a case.
type server struct {
	process *trial.Process
	at      netip.AddrPort
	said    bytes.Buffer // read after the end only
	ended   chan error
}

const startAtMost = 10 * time.Second

// serve starts a program that listens at an address of a place, and returns
// when it does. The caller stops it.
func serve(ctx context.Context, place *trial.Place, at netip.AddrPort, program string, args ...string) (*server, error) {
	s := &server{process: place.Command(ctx, program, args...), at: at, ended: make(chan error, 1)}
	s.process.Stdout, s.process.Stderr = &s.said, &s.said
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.process.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startAtMost)
	defer cancel()
	if err := place.Await(ctx, at); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(program), errors.Join(err, s.stop()), bytes.TrimSpace(s.said.Bytes()))
	}
	return s, nil
}

// stop ends the server. That it was told to end is no error.
func (s *server) stop() error {
	_ = s.process.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
		return nil
	case <-time.After(startAtMost):
		err := s.process.Process.Kill()
		<-s.ended
		return err
	}
}

// cpu is what the server and its ended children took, in seconds. It waits
// until the children have ended.
func (s *server) cpu() (float64, error) {
	pid := strconv.Itoa(s.process.Process.Pid)
	for range 100 {
		children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
		if err != nil || len(bytes.TrimSpace(children)) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, err
	}
	return cpuOf(string(stat))
}

// cpuOf reads utime, stime, cutime and cstime of /proc/PID/stat, see proc(5),
// in seconds.
func cpuOf(stat string) (float64, error) {
	const (
		perSecond = 100 // USER_HZ, the same on all of Linux
		utime     = 14 - 3
	)
	// The second field is a name, which may hold anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < utime+4 {
		return 0, fmt.Errorf("too short: %q", stat)
	}
	var ticks int64
	for _, field := range fields[utime : utime+4] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q: %w", stat, err)
		}
		ticks += n
	}
	return float64(ticks) / perSecond, nil
}

// client runs a program of a peer's to its end and takes the time. s may be
// nil where there is no server.
func client(ctx context.Context, s *server, place *trial.Place, stdout *bytes.Buffer, program string, args ...string) (sample, error) {
	c := place.Command(ctx, program, args...)
	if stdout != nil {
		c.Stdout = stdout
	}
	return timed(s, c)
}

// timed does so for a process that was not started yet.
func timed(s *server, c *trial.Process) (sample, error) {
	before, err := s.cpuOrNone()
	if err != nil {
		return sample{}, err
	}
	var said bytes.Buffer
	c.Stderr = &said
	began := time.Now()
	err = c.Run()
	wall := time.Since(began).Seconds()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	after, err := s.cpuOrNone()
	return sample{seconds: wall, wall: wall, cpu: c.Usage().CPU.Seconds() + after - before}, err
}

func (s *server) cpuOrNone() (float64, error) {
	if s == nil {
		return 0, nil
	}
	return s.cpu()
}
