// Package identity keeps a node's key and certificate, derives its device ID,
// and makes the TLS configurations that pin the other side by device ID.
//
// Guarantees: the key never changes unless its file is removed by hand; a
// connection made with [Identity.ClientConfig] is to the holder of the wanted
// key or does not come about. Names, dates and authorities in certificates
// mean nothing here: only the key does.
//
// Not done here: which devices are trusted, and how an ID is learned.
package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// FileName is the name of the file in the state folder that holds the key and
// the certificate, as PEM.
const FileName = "identity.pem"

const maxFileSize = 64 << 10 // bytes; one that LoadOrCreate writes has about 800

var (
	// ErrDamaged tells that the identity file is there but not in order. It is
	// never replaced: that would make this machine another device.
	ErrDamaged = errors.New("the identity file is damaged")

	// ErrExposed tells that others on this machine may read the key.
	ErrExposed = errors.New("the identity file can be read by others")
)

// An Identity is a node's key and certificate. It does not change and is safe
// from several goroutines.
type Identity struct {
	cert tls.Certificate
	id   DeviceID
}

// ID is the node's own device ID.
func (i *Identity) ID() DeviceID { return i.id }

// Certificate is the node's own certificate in DER, as the other side of a
// connection sees it. It must not be changed.
func (i *Identity) Certificate() []byte { return i.cert.Certificate[0] }

// LoadOrCreate reads the identity of this machine from dir, and makes one when
// there is none. Processes that do so at the same time get the same one.
// Errors: ErrDamaged, ErrExposed, and those of the file system.
func LoadOrCreate(dir string) (*Identity, error) {
	path := filepath.Join(dir, FileName)
	id, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the state folder: %w", err)
	}
	text, err := generate()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	if err := writeNew(path, text); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("save the identity: %w", err)
	}
	return load(path) // this one, or that of who was first
}

// New makes an identity that is kept nowhere: nobody meets it again.
func New() (*Identity, error) {
	text, err := generate()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	return parse(text)
}

func load(path string) (*Identity, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	id, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; put back a copy of it, or move it away to become a new device, which the others must then pair with again",
			ErrDamaged, path, err)
	}
	return id, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the identity: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the identity: %w", err)
	}
	// Windows has no such mode bits: there the folder, below the user's own,
	// keeps others out.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; if nobody can have copied it, run: chmod 600 %[2]q; if somebody may have, remove it and pair the devices again",
			ErrExposed, path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	return text, nil
}

// parse takes the key and the certificate from text and checks that they
// belong together.
func parse(text []byte) (*Identity, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	id, err := idOf(cert.Leaf)
	if err != nil {
		return nil, err
	}
	return &Identity{cert: cert, id: id}, nil
}

// generate makes a key with a certificate, as PEM.
func generate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	// No name of the machine or its user: strangers can fetch the certificate.
	der, err := selfSign(key, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), noExpiry)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	for _, block := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: keyDER}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := pem.Encode(&text, block); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// noExpiry stands for "no date" in certificates (RFC 5280, 4.1.2.5).
var noExpiry = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

func selfSign(key *ecdsa.PrivateKey, from, until time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "lanyard"},
		DNSNames:              []string{"lanyard"},
		NotBefore:             from,
		NotAfter:              until,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// writeNew writes a file that is whole and on the disk once it has its name.
// A file that has the name already stays; the error is fs.ErrExist then.
func writeNew(path string, text []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".identity-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails when it was renamed, which is as well
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := moveNew(temp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// moveNew gives a file a name that no file has yet; it may keep its old one
// too. Some file systems know no such rename, others no links.
func moveNew(from, to string) error {
	err := renameNew(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if linkErr := os.Link(from, to); linkErr != nil {
		return errors.Join(err, linkErr)
	}
	return nil
}
