package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// An Account is who may use the page of the running node.
type Account struct {
	Name string
	Hash string    // of the password
	Made time.Time // to the millisecond
}

// Account is the one there is; false when none has been made.
func (s *Store) Account(ctx context.Context) (Account, bool, error) {
	var a Account
	var made int64
	err := s.db.QueryRowContext(ctx, "SELECT name, hash, made FROM account").Scan(&a.Name, &a.Hash, &made)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, s.failed("look up the account", err)
	}
	a.Made = time.UnixMilli(made)
	return a, true, nil
}

// MakeAccount makes the account; false when there is one already, which stays.
func (s *Store) MakeAccount(ctx context.Context, a Account) (bool, error) {
	res, err := s.db.ExecContext(ctx, "INSERT INTO account (one, name, hash, made) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
		a.Name, a.Hash, a.Made.UnixMilli())
	if err != nil {
		return false, s.failed("make the account", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// errNoAccount tells that there is no account that could be changed.
var errNoAccount = errors.New("there is none")

// SetHash changes the account's password, and ends all sessions.
func (s *Store) SetHash(ctx context.Context, hash string) error {
	return s.failed("change the password", s.inTransaction(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE account SET hash = ?", hash)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errNoAccount)
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM sessions")
		return err
	}))
}

// Session is what is kept of a session that has not expired; false when there is
// none.
func (s *Store) Session(ctx context.Context, token string, now time.Time) (data []byte, ok bool, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT data FROM sessions WHERE token = ? AND expiry > ?", token, now.UnixMilli()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, s.failed("look up a session", err)
}

// AddSession keeps a new session, and drops those that have expired.
func (s *Store) AddSession(ctx context.Context, token string, data []byte, expiry, now time.Time) error {
	return s.failed("keep a session", s.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE expiry <= ?", now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO sessions (token, data, expiry) VALUES (?, ?, ?)", token, data, expiry.UnixMilli())
		return err
	}))
}

// KeepSession changes what is kept of a session. One that has ended stays so.
func (s *Store) KeepSession(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.db.ExecContext(ctx, "UPDATE sessions SET data = ?, expiry = ? WHERE token = ?", data, expiry.UnixMilli(), token)
	return s.failed("keep a session", err)
}

// EndSession ends a session, if there is one.
func (s *Store) EndSession(ctx context.Context, token string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE token = ?", token)
	return s.failed("end a session", err)
}

// EndSessions ends all of them.
func (s *Store) EndSessions(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM sessions")
	return s.failed("end the sessions", err)
}
