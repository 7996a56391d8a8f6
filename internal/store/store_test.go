package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"lanyard/internal/wire"
)

// A process that is started with this variable opens the database in the folder
// that it names, and keeps a transfer there.
const childHome = "LANYARD_STORE_TEST_HOME"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childHome); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func child(dir string) error {
	s, err := Open(context.Background(), dir)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Record(context.Background(), sample(rand.New(rand.NewPCG(1, 2)), 0), start)
	return err
}

// record keeps transfers and answers them as they are to be found.
func record(t *testing.T, s *Store, transfers ...Transfer) []Transfer {
	t.Helper()
	for i := range transfers {
		id, err := s.Record(t.Context(), transfers[i], start)
		if err != nil {
			t.Fatal(err)
		}
		transfers[i].ID = id
	}
	return transfers
}

// history is what a query finds.
func history(t *testing.T, s *Store, q Query) []Transfer {
	t.Helper()
	found := []Transfer{}
	for tr, err := range s.History(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, tr)
	}
	return found
}

// samples are transfers that are made up.
func samples(n int) (all []Transfer) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		all = append(all, sample(r, i))
	}
	return all
}

// files is what lies in dir, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(data)
	}
	return found
}

func TestOpenedAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := record(t, s, samples(3)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if s.SetAside() != "" {
		t.Errorf("it is said to be damaged: %s", s.SetAside())
	}
	want[0], want[2] = want[2], want[0]
	if diff := cmp.Diff(want, history(t, s, Query{Files: true})); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyItsUserMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such mode bits")
	}
	dir := t.TempDir()
	s := open(t, dir)
	record(t, s, samples(1)...)
	for name := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// A path is no URL: what means something in one is a part of the name.
func TestOddPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "100%25 & a#b ü")
	if runtime.GOOS != "windows" {
		dir += "?mode=memory"
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	record(t, open(t, dir), samples(1)...)
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

func TestNewerIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	record(t, s, samples(1)...)
	if _, err := s.db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", newest+1); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)[FileName]
	_, err := Open(t.Context(), dir)
	if !errors.Is(err, wire.ErrNewerState) {
		t.Fatalf("opened with %v", err)
	}
	if f := wire.FailureOf(err); f.Exit != wire.ExitError || f.Remedy == "" {
		t.Errorf("it is told as %+v", f)
	}
	for name, content := range files(t, dir) {
		switch name {
		case FileName:
			if content != before {
				t.Error("the database was changed")
			}
		case FileName + ".lock", FileName + "-shm": // no content
		default:
			if content != "" {
				t.Errorf("there is %s now", name)
			}
		}
	}
}

func TestDamagedIsSetAside(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	record(t, s, samples(200)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for name, damage := range map[string]func(data []byte) []byte{
		"no database":   func([]byte) []byte { return []byte("nothing of the kind") },
		"no header":     func(data []byte) []byte { clear(data[:16]); return data },
		"first page":    func(data []byte) []byte { fill(data[100:page]); return data },
		"pages inside":  func(data []byte) []byte { fill(data[10*page : 20*page]); return data },
		"cut":           func(data []byte) []byte { return data[:len(data)/2] },
		"cut to a page": func(data []byte) []byte { return data[:page] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			damaged := damage(bytes.Clone(whole))
			if err := os.WriteFile(filepath.Join(dir, FileName), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir)
			if !strings.HasPrefix(s.SetAside(), filepath.Join(dir, FileName)+".damaged-") {
				t.Fatalf("it is said to be in %q", s.SetAside())
			}
			kept, err := os.ReadFile(s.SetAside())
			if err != nil || !bytes.Equal(kept, damaged) {
				t.Errorf("it is not what was there, %v", err)
			}
			if found := history(t, s, Query{}); len(found) > 0 {
				t.Errorf("the new one has %v", found)
			}
			want := record(t, s, samples(1)...)
			if diff := cmp.Diff(want, history(t, s, Query{Files: true})); diff != "" {
				t.Error(diff)
			}
			s.Close()
			if s = open(t, dir); s.SetAside() != "" {
				t.Error("the new one is said to be damaged")
			}
		})
	}
}

// fill writes what is no page.
func fill(data []byte) {
	for i := range data {
		data[i] = 0xa5
	}
}

// Damage that only a query meets is dealt with by who opens next.
func TestDamageFoundLater(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	record(t, s, samples(3)...)
	// A row of the index that is none: to look through the tables does not show it.
	if _, err := s.db.Exec("UPDATE search_data SET block = x'ffffffffffffffff' WHERE id > 10"); err != nil {
		t.Fatal(err)
	}
	var err error
	for _, err = range s.History(t.Context(), Query{Search: []string{"laptop"}}) {
	}
	if err == nil {
		t.Fatal("the damage was not found")
	}
	s.Close()
	if s = open(t, dir); s.SetAside() == "" {
		t.Fatal("it was not set aside")
	}
	s.Close()
	if s = open(t, dir); s.SetAside() != "" {
		t.Error("the new one was set aside, too")
	}
}

// The log of a damaged database must not be taken for the new one's.
func TestLogIsSetAsideToo(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"", "-wal", "-shm"} {
		if err := os.WriteFile(filepath.Join(dir, FileName+name), []byte("damaged"+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	for _, name := range []string{"", "-wal"} {
		data, err := os.ReadFile(s.SetAside() + name)
		if err != nil || string(data) != "damaged"+name {
			t.Errorf("%q: %q, %v", name, data, err)
		}
	}
	record(t, s, samples(1)...)
}

func TestCopyBeforeMigration(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := record(t, s, samples(2)...)
	if entries, _ := filepath.Glob(filepath.Join(dir, "*.before-*")); len(entries) > 0 {
		t.Fatalf("a new database left %v", entries)
	}
	for _, old := range []string{FileName + ".before-0", FileName + ".before-1"} {
		if err := os.WriteFile(filepath.Join(dir, old), []byte("older"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.migrate(t.Context(), newest); err != nil {
		t.Fatal(err)
	}
	copies, err := filepath.Glob(filepath.Join(dir, "*.before-*"))
	path := filepath.Join(dir, fmt.Sprint(FileName, ".before-", newest))
	if diff := cmp.Diff([]string{path}, copies); diff != "" {
		t.Fatal(diff, err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// It is a database of its own.
	elsewhere := t.TempDir()
	if err := os.Rename(path, filepath.Join(elsewhere, FileName)); err != nil {
		t.Fatal(err)
	}
	found := history(t, open(t, elsewhere), Query{Files: true})
	want[0], want[1] = want[1], want[0]
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

// What is said of migrations is true of those that there are.
func TestNewestIsTheLast(t *testing.T) {
	scripts, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) != newest || !strings.HasPrefix(scripts[len(scripts)-1], fmt.Sprintf("migrations/%05d_", newest)) {
		t.Errorf("version %d, and there are %v", newest, scripts)
	}
	s := open(t, t.TempDir())
	if version, err := versionOf(t.Context(), s.db); err != nil || version != newest {
		t.Errorf("a new database has version %d, %v", version, err)
	}
}

// Processes that make the database at the same time do not get into each
// other's way, whatever they find there.
func TestOpenedAtOnce(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, prepare := range map[string]func(dir string) error{
		"none":    func(string) error { return nil },
		"damaged": func(dir string) error { return os.WriteFile(filepath.Join(dir, FileName), []byte("no"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			const processes = 4
			var running []*exec.Cmd
			for range processes {
				cmd := exec.CommandContext(t.Context(), program)
				cmd.Env = append(os.Environ(), childHome+"="+dir)
				cmd.Stderr = new(strings.Builder)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				running = append(running, cmd)
			}
			for _, cmd := range running {
				if err := cmd.Wait(); err != nil {
					t.Errorf("%v: %v", err, cmd.Stderr)
				}
			}
			if found := history(t, open(t, dir), Query{}); len(found) != processes {
				t.Errorf("%d transfers, want %d", len(found), processes)
			}
		})
	}
}

func TestLockIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("locked twice, or %v", err)
	}
	got := make(chan error)
	go func() {
		again, err := lock(t.Context(), path)
		if err == nil {
			again()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened with %v", err)
	}
}

func TestStreams(t *testing.T) {
	s := open(t, t.TempDir())
	for _, learned := range []struct {
		device, link string
		count        int
	}{{"A", "wlan0", 8}, {"A", "eth0", 2}, {"B", "eth0", 32}, {"A", "wlan0", 16}} {
		if err := s.LearnStreams(t.Context(), learned.device, learned.link, learned.count, 1e6, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		device, link string
		want         int
	}{{"A", "wlan0", 16}, {"A", "eth0", 2}, {"B", "eth0", 32}, {"B", "wlan0", 0}, {"C", "eth0", 0}} {
		if got, err := s.Streams(t.Context(), c.device, c.link); err != nil || got != c.want {
			t.Errorf("%s over %s: %d, %v, want %d", c.device, c.link, got, err, c.want)
		}
	}
	for _, count := range []int{0, 33} {
		if err := s.LearnStreams(t.Context(), "A", "wlan0", count, 1e6, time.Now()); err == nil {
			t.Errorf("%d streams were learned", count)
		}
	}
}
