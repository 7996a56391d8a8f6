//go:build unix

package hostile

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// Links, FIFOs and folders that somebody with access to the output folder puts
// in the way do not lead out of it, and nothing waits at them.
func TestThingsInTheWay(t *testing.T) {
	t.Parallel()
	for name, lay := range map[string]func(t *testing.T, y yard){
		"a link for a folder":           func(t *testing.T, y yard) { link(t, y.root, filepath.Join(y.out, "d")) },
		"a link for a file":             func(t *testing.T, y yard) { link(t, filepath.Join(y.root, "secret"), filepath.Join(y.out, "a")) },
		"a link to nowhere":             func(t *testing.T, y yard) { link(t, filepath.Join(y.root, "new"), filepath.Join(y.out, "a")) },
		"a link for the data folder":    func(t *testing.T, y yard) { link(t, y.root, filepath.Join(y.out, ".lanyard")) },
		"a FIFO for a file":             func(t *testing.T, y yard) { fifo(t, filepath.Join(y.out, "a")) },
		"a FIFO for a folder":           func(t *testing.T, y yard) { fifo(t, filepath.Join(y.out, "d")) },
		"a FIFO for the data folder":    func(t *testing.T, y yard) { fifo(t, filepath.Join(y.out, ".lanyard")) },
		"a file for the data folder":    func(t *testing.T, y yard) { write(t, filepath.Join(y.out, ".lanyard")) },
		"a link inside, for a folder":   func(t *testing.T, y yard) { link(t, ".", filepath.Join(y.out, "d")) },
		"a folder that leads to itself": func(t *testing.T, y yard) { link(t, "d", filepath.Join(y.out, "d")) },
	} {
		for _, rule := range []node.Conflict{node.Rename, node.Overwrite} {
			t.Run(name, func(t *testing.T) {
				y := newYard(t)
				lay(t, y)
				s := newSender(t, wire.File{Path: "a", Size: 3}, wire.File{Path: "d/b", Size: 1<<20 + 1}).open()
				within(t, 20*time.Second, func(ctx context.Context) {
					res, err := s.receive(ctx, openNode(t), y.out, func(o *node.ReceiveOptions) { o.Conflict = rule })
					for _, f := range res.Files {
						info, err := os.Lstat(filepath.Join(y.out, f.Path))
						if err != nil || !info.Mode().IsRegular() {
							t.Errorf("told of %s: %v, %v", f.Path, info, err)
						}
					}
					if err == nil && len(res.Files) != 2 {
						t.Errorf("%d files arrived and no error", len(res.Files))
					}
				})
				y.untouched(t)
			})
		}
	}
}

// While blocks come, folders are exchanged for links.
func TestSwappedWhileReceiving(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]func(t *testing.T, y yard){
		"the target's folder": func(t *testing.T, y yard) {
			_ = os.RemoveAll(filepath.Join(y.out, "d"))
			link(t, y.root, filepath.Join(y.out, "d"))
		},
		"the data folder": func(t *testing.T, y yard) {
			if err := os.Rename(filepath.Join(y.out, ".lanyard"), filepath.Join(y.out, "moved")); err != nil {
				t.Error(err)
			}
			link(t, y.root, filepath.Join(y.out, ".lanyard"))
		},
		"the partial files": func(t *testing.T, y yard) {
			parts, err := filepath.Glob(filepath.Join(y.out, ".lanyard", "*"))
			if err != nil || len(parts) == 0 {
				t.Errorf("no partial files: %v", err)
			}
			for _, p := range parts {
				if err := os.Remove(p); err != nil {
					t.Error(err)
				}
				link(t, filepath.Join(y.root, "secret"), p)
			}
		},
		"the partial files, FIFOs": func(t *testing.T, y yard) {
			parts, err := filepath.Glob(filepath.Join(y.out, ".lanyard", "*"))
			if err != nil || len(parts) == 0 {
				t.Errorf("no partial files: %v", err)
			}
			for _, p := range parts {
				if err := os.Remove(p); err != nil {
					t.Error(err)
				}
				fifo(t, p)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			s := newSender(t, wire.File{Path: "d/a", Size: 2 << 20}, wire.File{Path: "d/b", Size: 3 << 20}, wire.File{Path: "d/c", Size: 3 << 20})
			swapped := make(chan struct{})
			go func() {
				defer close(swapped)
				// When the first file has its name, the rest is under way.
				for range 1500 {
					if _, err := os.Lstat(filepath.Join(y.out, "d", "a")); err == nil {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				swap(t, y)
			}()
			s.block = func(b wire.BlockIndex, _, _ []byte) {
				if b > 3 {
					<-swapped
				}
			}
			s.open()
			within(t, 20*time.Second, func(ctx context.Context) {
				// Whether it ends well depends on the moment; that it ends, and
				// where it writes, does not.
				_, _ = s.receive(ctx, openNode(t), y.out)
			})
			<-swapped
			y.untouched(t)
		})
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Error(err)
	}
}

func fifo(t *testing.T, at string) {
	t.Helper()
	if err := unix.Mkfifo(at, 0o644); err != nil {
		t.Error(err)
	}
}
