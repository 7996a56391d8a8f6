package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Streams is how many streams from a device served best over a link, which is
// an interface of this machine; 0 when that has not been learned.
func (s *Store) Streams(ctx context.Context, device, link string) (count int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT count FROM streams WHERE device = ? AND link = ?", device, link).Scan(&count)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, s.failed("look up streams", err)
	}
	return count, nil
}

// LastAddress is where a device was when files were last moved to or from it, an
// IP address with a port; empty when it is not known.
func (s *Store) LastAddress(ctx context.Context, device string) (address string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT last_address FROM devices WHERE id = ?", device).Scan(&address)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", s.failed("look up a device", err)
	}
	return address, nil
}

// LearnStreams remembers how many streams from a device served best over a
// link, 1 to 32, and their rate in bytes a second.
func (s *Store) LearnStreams(ctx context.Context, device, link string, count int, rate float64, now time.Time) error {
	_, err := s.db.ExecContext(ctx, "INSERT OR REPLACE INTO streams (device, link, count, rate, learned) VALUES (?, ?, ?, ?, ?)",
		device, link, count, rate, now.UnixMilli())
	if err != nil {
		return s.failed("remember streams", err)
	}
	return nil
}
