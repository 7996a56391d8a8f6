package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"lanyard/internal/wire"
)

// FileName is the name of the database in the state folder.
const FileName = "lanyard.db"

// busyTime is how long to wait for another process that writes.
const busyTime = 5 * time.Second

// A Store is an open database. It is safe from several goroutines.
type Store struct {
	db    *sql.DB
	path  string
	aside string
}

// Open opens the database in the folder dir, which is there, and makes one when
// there is none. While another process opens it, it waits until ctx ends.
// Errors: wire.ErrNewerState, and those of the file system.
func Open(ctx context.Context, dir string) (*Store, error) {
	s := &Store{path: filepath.Join(dir, FileName)}
	// What is found stays so until this process has dealt with it.
	unlock, err := lock(ctx, s.path+".lock")
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	defer unlock()
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	have, err := inspect(ctx, s.path)
	switch {
	case isDamage(err):
		if s.aside, err = setAside(s.path, time.Now()); err != nil {
			return err
		}
		have = 0
	case errors.Is(err, fs.ErrNotExist):
		have = 0
	case err != nil:
		return err
	}
	if err := create(s.path); err != nil {
		return err
	}
	// One that is to be written claims its turn when it begins: one that has read
	// before could not wait for another that writes.
	s.db, err = connect(s.path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(ON)"},
	})
	if err != nil {
		return err
	}
	if have < newest {
		err = s.migrate(ctx, have)
	} else {
		err = s.db.PingContext(ctx)
	}
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// SetAside is where a damaged database was put that Open found; empty when it
// was sound.
func (s *Store) SetAside() string { return s.aside }

// Close ends the use of the database.
func (s *Store) Close() error { return s.db.Close() }

// create makes an empty file that nobody else may read; what SQLite puts beside
// it gets the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// connect prepares to use the database at path; nothing is opened yet.
func connect(path string, options url.Values) (*sql.DB, error) {
	name := filepath.ToSlash(path)
	if !strings.HasPrefix(name, "/") {
		name = "/" + name // C:/Users
	}
	options.Set("_busy_timeout", fmt.Sprint(busyTime.Milliseconds()))
	u := url.URL{Scheme: "file", OmitHost: true, Path: name, RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	// Who writes waits here, in turn, not in SQLite, by chance.
	db.SetMaxOpenConns(1)
	return db, nil
}

// inspect tells the version of the database at path, 0 for an empty one. The
// error is fs.ErrNotExist when there is none, wire.ErrNewerState, or one that
// isDamage knows. Nothing is changed.
func inspect(ctx context.Context, path string) (version int, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	db, err := connect(path, url.Values{"mode": {"ro"}})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if version, err = versionOf(ctx, db); err != nil {
		return 0, err
	}
	if version > newest {
		return 0, fmt.Errorf("%w: %s has the form %d, and this version knows those up to %d", wire.ErrNewerState, path, version, newest)
	}
	if isSuspect(path) {
		return version, errDamaged
	}
	return version, check(ctx, db)
}

// inTransaction runs f, and keeps what it did when it ends without an error.
func (s *Store) inTransaction(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
