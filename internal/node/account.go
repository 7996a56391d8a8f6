package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"lanyard/internal/store"
	"lanyard/internal/wire"
)

const (
	// MinPassword is how long a password is at least, in bytes.
	MinPassword = 10

	maxPassword    = 1024 // bytes
	maxAccountName = 64   // characters

	// maxHashing is how many passwords are hashed at one time: each takes 64 MiB.
	maxHashing = 2
)

// ErrNoAccount tells that nobody has made an account.
var ErrNoAccount = errors.New("there is no account")

// An Account is who may use this node's page.
type Account struct {
	Name string
	Made time.Time
	// Stamp is of the password: another one has another. Nothing of the password can
	// be learned from it.
	Stamp string
}

func accountOf(a store.Account) Account {
	sum := sha256.Sum256([]byte(a.Hash))
	return Account{Name: a.Name, Made: a.Made, Stamp: hex.EncodeToString(sum[:16])}
}

// Account is the one there is; false when none has been made.
func (n *Node) Account(ctx context.Context) (Account, bool, error) {
	s, err := n.database(ctx)
	if err != nil {
		return Account{}, false, err
	}
	a, ok, err := s.Account(ctx)
	if err != nil || !ok {
		return Account{}, false, err
	}
	return accountOf(a), true, nil
}

// MakeAccount makes the account; false when there is one already, which stays.
// wire.ErrUsage tells what is wrong with name or password.
func (n *Node) MakeAccount(ctx context.Context, name, password string) (Account, bool, error) {
	if err := checkAccountName(name); err != nil {
		return Account{}, false, err
	}
	if err := CheckNewPassword(name, password); err != nil {
		return Account{}, false, err
	}
	s, err := n.database(ctx)
	if err != nil {
		return Account{}, false, err
	}
	hash, err := n.hash(ctx, password)
	if err != nil {
		return Account{}, false, err
	}
	a := store.Account{Name: norm.NFC.String(name), Hash: hash, Made: time.Now()}
	ok, err := s.MakeAccount(ctx, a)
	return accountOf(a), ok, err
}

// SetPassword changes the account's password and ends all sessions. Errors:
// ErrNoAccount; wire.ErrUsage tells what is wrong with the password.
func (n *Node) SetPassword(ctx context.Context, password string) error {
	a, ok, err := n.Account(ctx)
	if err != nil {
		return err
	}
	if !ok {
		return ErrNoAccount
	}
	if err := CheckNewPassword(a.Name, password); err != nil {
		return err
	}
	hash, err := n.hash(ctx, password)
	if err != nil {
		return err
	}
	s, err := n.database(ctx)
	if err != nil {
		return err
	}
	return s.SetHash(ctx, hash)
}

// CheckPassword tells whether name and password are the account's. It takes as
// long when the name is wrong, or there is no account.
func (n *Node) CheckPassword(ctx context.Context, name, password string) (Account, bool, error) {
	s, err := n.database(ctx)
	if err != nil {
		return Account{}, false, err
	}
	a, ok, err := s.Account(ctx)
	if err != nil {
		return Account{}, false, err
	}
	ok = subtle.ConstantTimeCompare([]byte(norm.NFC.String(name)), []byte(a.Name)) == 1 && ok
	if len(password) > maxPassword {
		password, ok = "", false
	}
	hash := a.Hash
	if !ok {
		hash = nobody
	}
	isRight, err := n.isHashOf(ctx, hash, password)
	return accountOf(a), isRight && ok, err
}

func checkAccountName(name string) error {
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxAccountName || !utf8.ValidString(name):
		return fmt.Errorf("%w: a name has 1 to %d characters", wire.ErrUsage, maxAccountName)
	case wire.Escape(name) != name || strings.TrimSpace(name) != name:
		return fmt.Errorf("%w: a name has no control characters, and no spaces around it", wire.ErrUsage)
	}
	return nil
}

// CheckNewPassword says what is wrong with a password for the account of a name.
func CheckNewPassword(name, password string) error {
	switch {
	case len(password) < MinPassword || len(password) > maxPassword:
		return fmt.Errorf("%w: a password has %d to %d bytes", wire.ErrUsage, MinPassword, maxPassword)
	case strings.EqualFold(norm.NFC.String(name), norm.NFC.String(password)):
		return fmt.Errorf("%w: the password must not be the name", wire.ErrUsage)
	}
	return nil
}

// What argon2id costs: RFC 9106, section 4, the second choice.
const (
	hashTime    = 3
	hashMemory  = 64 << 10 // KiB
	hashThreads = 4
	saltSize    = 16
	hashSize    = 32
)

// nobody is a hash that no password has, for as much work as with one.
var nobody = phc(make([]byte, saltSize), make([]byte, hashSize))

// phc is how a hash is kept: the string format of the Password Hashing
// Competition.
func phc(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func (n *Node) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	sum, err := n.argon(ctx, password, salt, hashTime, hashMemory, hashThreads, hashSize)
	if err != nil {
		return "", err
	}
	return phc(salt, sum), nil
}

func (n *Node) isHashOf(ctx context.Context, hash, password string) (bool, error) {
	var version, memory, time int
	var threads uint8
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return false, errHash
	}
	if _, err := fmt.Sscanf(fields[2]+" "+fields[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil {
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil {
		return false, errHash
	}
	want, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil || len(want) < hashSize/2 || version != argon2.Version || time < 1 || memory < 1 || memory > 1<<20 || threads < 1 {
		return false, errHash
	}
	got, err := n.argon(ctx, password, salt, uint32(time), uint32(memory), threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, err
}

// errHash tells that somebody has changed the account's row.
var errHash = errors.New("the password's hash in the database is damaged")

// argon hashes when its turn comes. Forms of Unicode that look the same are the
// same password: keyboards differ in them.
func (n *Node) argon(ctx context.Context, password string, salt []byte, time, memory uint32, threads uint8, size uint32) ([]byte, error) {
	select {
	case n.hashing <- struct{}{}:
		defer func() { <-n.hashing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, time, memory, threads, size), nil
}
