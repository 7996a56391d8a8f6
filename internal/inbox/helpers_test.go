package inbox

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ours is the secret of the device that receives.
var ours = Secret{'o', 'u', 'r', 's'}

var laptop = Origin{Device: [32]byte{1, 2, 3}, Name: "laptop"}

const someTime = 1_700_000_000_123_456_789

// content is what a file of the tests holds: it depends on path and place.
func content(f wire.File) []byte {
	var seed [32]byte
	copy(seed[:], f.Path)
	b := make([]byte, f.Size)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func fileOf(path string, size int64) wire.File {
	return wire.File{Path: path, Size: size, ModTime: someTime}
}

func block(f wire.File, data []byte, b digest.FileBlock) ([]byte, digest.Digest) {
	from := int64(b) * digest.BlockSize
	piece := data[from : from+int64(digest.BlockLen(f.Size, b))]
	return piece, digest.Block(piece, b, f.Size)
}

// hashOf is the hash that a file of the tests is to have.
func hashOf(f wire.File) digest.Digest {
	data := content(f)
	digests := make([]digest.Digest, f.Blocks())
	for b := range digests {
		_, digests[b] = block(f, data, digest.FileBlock(b))
	}
	return digest.File(f.Size, digests)
}

func openDir(t testing.TB, dir string) *Inbox {
	t.Helper()
	in, err := Open(dir, ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

// writeMissing writes all that a plan misses.
func writeMissing(p *Plan, l *Landing) error {
	for i, f := range p.files {
		var data []byte
		for first, end := range p.Missing(wire.FileIndex(i)) {
			if data == nil {
				data = content(f)
			}
			for b := first; b < end; b++ {
				piece, d := block(f, data, b)
				if err := l.Write(context.Background(), wire.FileIndex(i), b, piece, d); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// receive plans, writes what is missing and finishes.
func receive(t testing.TB, in *Inbox, files []wire.File, opts PlanOptions) *Plan {
	t.Helper()
	p, err := in.Plan(context.Background(), laptop, files, opts)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	if err := writeMissing(p, l); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	return p
}

// tree reads all files below dir, folders as "name/".
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			got[name+"/"] = ""
			return nil
		}
		b, err := os.ReadFile(path)
		got[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}
