// Package hostile attacks real nodes. It speaks the protocol of docs/protocol.md
// by itself, as a sender and as a receiver that mean harm, and looks whether the
// honest side stays within its folder, its memory and its time, and says what
// was wrong.
//
// What it takes from the packages under test is arithmetic that others check
// against vectors (digests, CPace) and the writers of well-formed messages.
package hostile

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

func TestMain(m *testing.M) {
	// Those that run beside each other wait rather than work.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const code = "4711-correct-horse-battery"

var opening sync.Mutex // of nodes, whose folder is told by the environment

// openNode makes a node with an identity of its own.
func openNode(t testing.TB) *node.Node {
	t.Helper()
	return openNodeAt(t, t.TempDir())
}

// openNodeAt opens the node of a state folder.
func openNodeAt(t testing.TB, home string) *node.Node {
	t.Helper()
	opening.Lock()
	defer opening.Unlock()
	before := os.Getenv("LANYARD_HOME")
	if err := os.Setenv("LANYARD_HOME", home); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(node.Options{})
	if err := errors.Join(err, os.Setenv("LANYARD_HOME", before)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// newKey makes a certificate as a node has one.
func newKey(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "\x1b[31mred"}, NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A yard is a folder with an output folder in it, and things that must stay as
// they are beside it.
type yard struct{ root, out string }

func newYard(t testing.TB) yard {
	t.Helper()
	root := t.TempDir()
	y := yard{root, filepath.Join(root, "in", "out")}
	for name, text := range map[string]string{"secret": "mine", "in/secret": "mine too"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(y.out, 0o755); err != nil {
		t.Fatal(err)
	}
	return y
}

// untouched checks that nothing beside the output folder was made or changed.
func (y yard) untouched(t testing.TB) {
	t.Helper()
	want := map[string]string{"secret": "mine", "in/secret": "mine too"}
	for name, content := range files(t, y.root) {
		if strings.HasPrefix(name, "in/out/") {
			continue
		}
		if want[name] != content {
			t.Errorf("outside the output folder: %q has %q", name, content)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("outside the output folder: %q is gone", name)
	}
}

// arrived are the files in the output folder, without what is unfinished.
func (y yard) arrived(t testing.TB) map[string]string {
	t.Helper()
	got := files(t, y.out)
	for name := range got {
		if strings.HasPrefix(name, ".lanyard/") {
			delete(got, name)
		}
	}
	return got
}

// files are the contents of what lies below dir, by name; of links and the like,
// their mode.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			got[filepath.ToSlash(name)] = d.Type().String()
			return nil
		}
		data, err := os.ReadFile(path)
		got[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// within fails when do takes longer than d, which is more than any of the
// protocol's own limits that it meets.
func within(t testing.TB, d time.Duration, do func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, errors.New("hostile test: it would never have ended"))
	defer cancel()
	do(ctx)
	if ctx.Err() != nil {
		t.Errorf("not done after %v", d)
	}
}

// A gauge measures the most memory that is in use while something is done.
type gauge struct {
	before uint64
	most   uint64
	stop   chan struct{}
	done   sync.WaitGroup
}

func measure() *gauge {
	g := &gauge{stop: make(chan struct{})}
	runtime.GC()
	g.before = inUse()
	g.done.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			g.most = max(g.most, inUse())
			select {
			case <-tick.C:
			case <-g.stop:
				return
			}
		}
	})
	return g
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// below checks that no more than mib MiB came on top of what was in use.
func (g *gauge) below(t testing.TB, mib uint64) {
	t.Helper()
	close(g.stop)
	g.done.Wait()
	got := (max(g.most, g.before) - g.before) >> 20
	if got > mib {
		t.Errorf("%d MiB of memory were in use, at most %d may be", got, mib)
	}
}

// is checks that err has the sentinel, and with it the exit code, of want.
func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want != nil && wire.FailureOf(err).Exit != wire.FailureOf(want).Exit {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func write(t *testing.T, at string) {
	t.Helper()
	if err := os.WriteFile(at, nil, 0o644); err != nil {
		t.Error(err)
	}
}
