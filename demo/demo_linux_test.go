package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lanyard/internal/lab"
)

func TestMain(m *testing.M) {
	lab.Enter()
	os.Exit(m.Run())
}

// The whole demo, with a short film.
func TestRun(t *testing.T) {
	lab.Need(t)
	lanyard := filepath.Join(t.TempDir(), "lanyard")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", lanyard, "lanyard/cmd/lanyard")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-lanyard", lanyard, "-size", "2000000"}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if equal := strings.Count(out.String(), "equal\n"); equal != 4 {
		t.Errorf("%d transfers, want 4", equal)
	}
	if gain := regexp.MustCompile(`Gain over one stream: [0-9.]+ x over Wi-Fi, [0-9.]+ x over loopback`); !gain.MatchString(out.String()) {
		t.Errorf("no gain in\n%s", out.String())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunUsage(t *testing.T) {
	for _, args := range [][]string{
		{"film.mov"},
		{"-size", "0"},
		{"-size", "4294967296"},
		{"-lanyard", filepath.Join(t.TempDir(), "none")},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), args, &out); err == nil || out.Len() > 0 {
			t.Errorf("%q: %v, %q", args, err, out.String())
		}
	}
}

func TestNoise(t *testing.T) {
	const size = 100_000
	path := filepath.Join(t.TempDir(), "noise.wav")
	if err := writeNoise(path, size); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) != size {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if string(data[:4]) != "RIFF" || string(data[8:16]) != "WAVEfmt " || string(data[36:40]) != "data" {
		t.Errorf("no WAV file: % x", data[:44])
	}
	if n := binary.LittleEndian.Uint32(data[4:]); n != size-8 {
		t.Errorf("%d bytes after the first chunk's head, want %d", n, size-8)
	}
	if n := binary.LittleEndian.Uint32(data[40:]); n != size-44 {
		t.Errorf("%d bytes of samples, want %d", n, size-44)
	}
	if bytes.Count(data[44:], []byte{0}) > size/50 {
		t.Error("the samples are no noise")
	}
}
