package wire

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// Whatever the other side of a speed test says, only what can be is taken.
func TestBenchMessages(t *testing.T) {
	request := func(r io.Reader) error { _, err := ReadBenchRequest(r); return err }
	answer := func(r io.Reader) error { _, err := ReadBenchAnswer(r); return err }
	machine := func(r io.Reader) error { _, err := ReadMachine(r); return err }
	file := func(r io.Reader) error { _, err := ReadBenchFile(r); return err }
	share := func(r io.Reader) error { _, err := ReadBenchShare(r); return err }
	mark := func(r io.Reader) error { _, err := ReadBenchMark(r); return err }
	long := strings.Repeat("x", maxDeviceName+1)
	for _, c := range []struct {
		read func(io.Reader) error
		text string
		want error
	}{
		{request, `{"version":1,"name":"desk"}`, nil},
		{request, `{"version":2,"name":"desk"}`, ErrVersion},
		{request, `{"version":1,"name":"` + long + `"}`, ErrMalformed},
		{answer, `{"test":"AB","name":"attic"}`, nil},
		{answer, `{"test":"../info","name":"attic"}`, ErrMalformed},
		{answer, `{"test":"","name":"attic"}`, ErrMalformed},
		{answer, `{"test":"AB","name":"` + long + `"}`, ErrMalformed},
		{machine, `{"cores":1,"memory":1e9,"disk_write":0,"disk_read":1e15,"limit":0,"cached":true}`, nil},
		{machine, `{"cores":0,"memory":1}`, ErrMalformed},
		{machine, `{"cores":-4,"memory":1}`, ErrMalformed},
		{machine, `{"cores":1e9,"memory":1}`, ErrMalformed},
		{machine, `{"cores":2,"memory":-1}`, ErrMalformed},
		{machine, `{"cores":2,"disk_write":1.1e15}`, ErrMalformed},
		{machine, `{"cores":2,"disk_read":1e999}`, ErrMalformed},
		{machine, `{"cores":2,"disk_read":NaN}`, ErrMalformed},
		{machine, `{"cores":2,"limit":-0.5}`, ErrMalformed},
		{machine, `{"cores":2,"name":"` + long + `"}`, ErrMalformed},
		{machine, `[]`, ErrMalformed},
		{file, `{"bytes":1}`, nil},
		{file, `{"bytes":4294967296}`, nil},
		{file, `{"bytes":4294967297}`, ErrMalformed},
		{file, `{"bytes":0}`, ErrMalformed},
		{file, `{"bytes":-1}`, ErrMalformed},
		{share, `{"share":"AB","ticket":"c-D_"}`, nil},
		{share, `{"share":"AB","ticket":"a\r\nHost: x"}`, ErrMalformed},
		{share, `{"share":"../AB","ticket":"a"}`, ErrMalformed},
		{mark, `{"processor":1.5,"segments":10,"retransmitted":10}`, nil},
		{mark, `{"processor":0,"segments":0,"retransmitted":null}`, nil},
		{mark, `{"processor":-1}`, ErrMalformed},
		{mark, `{"processor":1e300}`, ErrMalformed},
		{mark, `{"segments":-1}`, ErrMalformed},
		{mark, `{"segments":1,"retransmitted":2}`, ErrMalformed},
		{mark, `{"segments":1,"retransmitted":-1}`, ErrMalformed},
		{mark, `{"segments":9223372036854775807,"retransmitted":1}`, ErrMalformed},
		{mark, strings.Repeat(" ", MaxBody+1), ErrTooLarge},
	} {
		if err := c.read(strings.NewReader(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%.80s: %v, want %v", c.text, err, c.want)
		}
	}
}

func FuzzBench(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"desk"}`))
	f.Add([]byte(`{"test":"AB","name":"attic"}`))
	f.Add([]byte(`{"cores":1,"memory":1e9,"disk_write":0,"disk_read":1e15,"limit":0,"cached":true}`))
	f.Add([]byte(`{"bytes":1}`))
	f.Add([]byte(`{"share":"AB","ticket":"c-D_"}`))
	f.Add([]byte(`{"processor":1.5,"segments":10,"retransmitted":10}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		from := func() io.Reader { return strings.NewReader(string(text)) }
		if q, err := ReadBenchRequest(from()); err == nil && (q.Version != Version || len(q.Name) > maxDeviceName) {
			t.Errorf("took the request %+v", q)
		}
		if a, err := ReadBenchAnswer(from()); err == nil && (!isToken(a.Test) || len(a.Name) > maxDeviceName) {
			t.Errorf("took the answer %+v", a)
		}
		if m, err := ReadMachine(from()); err == nil {
			for _, rate := range []float64{m.Memory, m.DiskWrite, m.DiskRead, m.Limit} {
				if !(rate >= 0 && rate <= maxRate) || math.IsNaN(rate) || m.Cores < 1 {
					t.Errorf("took the machine %+v", m)
				}
			}
		}
		if b, err := ReadBenchFile(from()); err == nil && (b.Bytes < 1 || b.Bytes > MaxBenchFile) {
			t.Errorf("took the file %+v", b)
		}
		if s, err := ReadBenchShare(from()); err == nil && (!isToken(s.Share) || !isToken(s.Ticket)) {
			t.Errorf("took the share %+v", s)
		}
		if m, err := ReadBenchMark(from()); err == nil && (!(m.Processor >= 0) || m.Segments < 0 || m.Retransmitted != nil && (*m.Retransmitted < 0 || *m.Retransmitted > m.Segments)) {
			t.Errorf("took the mark %+v", m)
		}
	})
}

// An error may have a remedy of its own, and is the same otherwise.
func TestAdvise(t *testing.T) {
	err := Advise(ErrBusy, "Wait a minute.")
	f := FailureOf(errors.Join(err))
	if want := FailureOf(ErrBusy); f.Remedy != "Wait a minute." || f.Code != want.Code || f.Exit != want.Exit || !errors.Is(err, ErrBusy) || err.Error() != ErrBusy.Error() {
		t.Errorf("%+v", f)
	}
}
