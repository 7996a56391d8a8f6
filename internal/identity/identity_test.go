package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func create(t *testing.T) *Identity {
	t.Helper()
	id, err := LoadOrCreate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestCreateThenLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	made, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadOrCreate(dir)
	if err != nil {
		t.Fatal(err)
	}
	if made.ID() != loaded.ID() || made.ID() == (DeviceID{}) {
		t.Errorf("made %s, loaded %s", made.ID(), loaded.ID())
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != FileName {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if other := create(t); other.ID() == made.ID() {
		t.Error("two machines with one ID")
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no mode bits
	}
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := LoadOrCreate(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, FileName)
	for name, want := range map[string]fs.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	for mode, want := range map[fs.FileMode]error{0o604: ErrExposed, 0o640: ErrExposed, 0o620: ErrExposed, 0o400: nil, 0o600: nil} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadOrCreate(dir)
		if !errors.Is(err, want) {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("no remedy in %q", err)
		}
	}
}

// Whoever is second takes what the first one made.
func TestCreateAtOnce(t *testing.T) {
	dir := t.TempDir()
	ids := make([]DeviceID, 16)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			id, err := LoadOrCreate(dir)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = id.ID()
		})
	}
	all.Wait()
	for i := range ids {
		if ids[i] != ids[0] {
			t.Errorf("%s and %s", ids[0], ids[i])
		}
	}
}

func TestMoveNewKeepsWhatIsThere(t *testing.T) {
	for name, move := range map[string]func(from, to string) error{"moveNew": moveNew, "renameNew": renameNew, "link": os.Link} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		if err := os.WriteFile(from, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := move(from, to); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		from = filepath.Join(dir, "second")
		if err := os.WriteFile(from, []byte("newer"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := move(from, to); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s onto a file: %v", name, err)
		}
		if text, err := os.ReadFile(to); err != nil || string(text) != "new" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestDamagedFileStays(t *testing.T) {
	good, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	other, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	keyOnly, certOnly := split(t, good)
	_, otherCert := split(t, other)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty":           nil,
		"torn":            good[:len(good)/2],
		"key only":        keyOnly,
		"certificate":     certOnly,
		"another's":       append(bytes.Clone(keyOnly), otherCert...),
		"zeros":           make([]byte, len(good)),
		"too long":        append(make([]byte, maxFileSize), good...),
		"a key of P-384":  pemOf(t, p384),
		"no text":         {0xff, 0xfe},
		"one byte turned": bytes.Replace(good, []byte("MII"), []byte("MIJ"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrCreate(dir)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

func TestUnwritableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(filepath.Join(file, "state")); err == nil {
		t.Error("a folder below a file was made")
	}
}

func split(t *testing.T, text []byte) (key, cert []byte) {
	t.Helper()
	_, rest := pem.Decode(text)
	return text[:len(text)-len(rest)], rest
}

func pemOf(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	cert, err := selfSign(key, noExpiry, noExpiry)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
}
