package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// mostForgotten bounds how long Forget takes.
const mostForgotten = 1000

// Forget drops the oldest of the transfers that began before a time; some may be
// left for another call.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM transfers WHERE id IN (SELECT id FROM transfers WHERE began < ? ORDER BY began LIMIT ?)",
		before.UnixMilli(), mostForgotten)
	if err != nil {
		return s.failed("drop what is old from the history", err)
	}
	return nil
}

// Clear removes all that is known from before a time, of transfers and of the
// devices that they were with, and tells how many transfers that were. Nothing
// of it is left in the files of the database, nor in a copy from before a
// migration. Of trusted devices the trust stays, with what was decided for them.
func (s *Store) Clear(ctx context.Context, before time.Time) (transfers int64, err error) {
	at := before.UnixMilli()
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM transfers WHERE began < ?", at)
		if err != nil {
			return err
		}
		if transfers, err = res.RowsAffected(); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM devices WHERE last_seen < ? AND trusted = 0", at); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE devices SET first_seen = trusted, last_seen = trusted, last_address = '', last_rate = 0 WHERE last_seen < ?`, at)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM streams WHERE learned < ?", at)
		return err
	})
	if err != nil {
		return 0, s.failed("clear the history", err)
	}
	for _, statement := range []string{
		"INSERT INTO search (search) VALUES ('optimize')", // else the index only marks what is gone
		"VACUUM",
		"PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		if _, wipeErr := s.db.ExecContext(ctx, statement); wipeErr != nil {
			err = errors.Join(err, wipeErr)
		}
	}
	if err = errors.Join(err, s.dropBackups()); err != nil {
		return transfers, s.failed("the history is cleared, and traces of it are left on the disk", err)
	}
	return transfers, nil
}
