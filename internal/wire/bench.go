package wire

import (
	"fmt"
	"io"
)

// A BenchRequest asks a device for a speed test: POST /v1/bench.
type BenchRequest struct {
	Version int    `json:"version"` // of the protocol
	Name    string `json:"name"`    // of the device that asks, for people
}

// A BenchAnswer is what the device answers: it measures itself from now on.
type BenchAnswer struct {
	Test string `json:"test"` // its ID
	Name string `json:"name"` // of the device, for people
}

// A Machine is what one end of a speed test can do by itself, in bytes a second:
// GET /v1/bench/{test}/machine.
type Machine struct {
	Name      string  `json:"name"`   // of the device, for people
	Device    string  `json:"device"` // its ID
	Cores     int     `json:"cores"`
	Memory    float64 `json:"memory"`     // one core hashes, seals and opens
	DiskWrite float64 `json:"disk_write"` // until it is on the disk
	DiskRead  float64 `json:"disk_read"`
	Cached    bool    `json:"cached"` // the system could not be kept from reading out of its memory
	Limit     float64 `json:"limit"`  // that was set for what it sends, or receives; 0: none
}

// A BenchFile asks for the file of the transfers: POST /v1/bench/{test}/file.
type BenchFile struct {
	Bytes int64 `json:"bytes"` // at most MaxBenchFile
}

// MaxBenchFile bounds the file of a speed test, in bytes.
const MaxBenchFile = 4 << 30

// A BenchShare is the share that the file is in.
type BenchShare struct {
	Share  string `json:"share"`
	Ticket string `json:"ticket"`
}

// A BenchMark is what the sender counts from the begin of a test on: POST
// /v1/bench/{test}/mark.
type BenchMark struct {
	Processor float64 `json:"processor"` // seconds that it had of all cores
	// Segments were sent with data over the connections of the test, and of these
	// Retransmitted once more; nil: its system does not tell.
	Segments      int64  `json:"segments"`
	Retransmitted *int64 `json:"retransmitted"`
}

// Bounds of what the other side of a speed test may say.
const (
	maxCores   = 1 << 16
	maxRate    = 1e15 // bytes a second
	maxSeconds = 1e9
	maxCount   = 1e15
)

// ReadBenchRequest reads a BenchRequest. It fails with ErrVersion when the device
// speaks another major version, ErrTooLarge, ErrMalformed or r's error.
func ReadBenchRequest(r io.Reader) (BenchRequest, error) {
	var q BenchRequest
	if err := readBody(r, "request for a speed test", &q); err != nil {
		return BenchRequest{}, err
	}
	if err := CheckVersion(q.Version); err != nil {
		return BenchRequest{}, err
	}
	return q, checkName("request for a speed test", q.Name)
}

// ReadBenchAnswer reads a BenchAnswer. Like its siblings it fails with
// ErrTooLarge, ErrMalformed or r's error.
func ReadBenchAnswer(r io.Reader) (BenchAnswer, error) {
	var a BenchAnswer
	if err := readBody(r, "answer to the request for a speed test", &a); err != nil {
		return BenchAnswer{}, err
	}
	if !isToken(a.Test) {
		return BenchAnswer{}, fmt.Errorf("read answer to the request for a speed test: %w: no ID", ErrMalformed)
	}
	return a, checkName("answer to the request for a speed test", a.Name)
}

// ReadMachine reads a Machine.
func ReadMachine(r io.Reader) (Machine, error) {
	var m Machine
	if err := readBody(r, "machine", &m); err != nil {
		return Machine{}, err
	}
	if m.Cores < 1 || m.Cores > maxCores {
		return Machine{}, fmt.Errorf("read machine: %w: it has %d cores", ErrMalformed, m.Cores)
	}
	for _, rate := range []float64{m.Memory, m.DiskWrite, m.DiskRead, m.Limit} {
		if rate < 0 || rate > maxRate {
			return Machine{}, fmt.Errorf("read machine: %w: it does %g bytes a second", ErrMalformed, rate)
		}
	}
	return m, checkName("machine", m.Name)
}

// ReadBenchFile reads a BenchFile.
func ReadBenchFile(r io.Reader) (BenchFile, error) {
	var f BenchFile
	if err := readBody(r, "request for a file", &f); err != nil {
		return BenchFile{}, err
	}
	if f.Bytes < 1 || f.Bytes > MaxBenchFile {
		return BenchFile{}, fmt.Errorf("read request for a file: %w: of %d bytes", ErrMalformed, f.Bytes)
	}
	return f, nil
}

// ReadBenchShare reads a BenchShare.
func ReadBenchShare(r io.Reader) (BenchShare, error) {
	var s BenchShare
	if err := readBody(r, "share of a speed test", &s); err != nil {
		return BenchShare{}, err
	}
	if !isToken(s.Share) || !isToken(s.Ticket) {
		return BenchShare{}, fmt.Errorf("read share of a speed test: %w: share or ticket is none", ErrMalformed)
	}
	return s, nil
}

// ReadBenchMark reads a BenchMark.
func ReadBenchMark(r io.Reader) (BenchMark, error) {
	var m BenchMark
	if err := readBody(r, "mark of a speed test", &m); err != nil {
		return BenchMark{}, err
	}
	again := int64(0)
	if m.Retransmitted != nil {
		again = *m.Retransmitted
	}
	if m.Processor < 0 || m.Processor > maxSeconds || m.Segments < 0 || m.Segments > maxCount || again < 0 || again > m.Segments {
		return BenchMark{}, fmt.Errorf("read mark of a speed test: %w: that cannot be", ErrMalformed)
	}
	return m, nil
}
