package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// Record keeps a transfer that ended at now, and who it was with. Of its files
// those beyond MaxFiles are left out.
func (s *Store) Record(ctx context.Context, t Transfer, now time.Time) (id int64, err error) {
	t.Files = t.Files[:min(len(t.Files), MaxFiles)]
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		if id, err = insertTransfer(ctx, tx, &t); err != nil {
			return err
		}
		if err := insertFiles(ctx, tx, id, t.Files); err != nil {
			return err
		}
		return seeDevice(ctx, tx, &t, now)
	})
	if err != nil {
		return 0, s.failed("keep the transfer in the history", err)
	}
	return id, nil
}

func insertTransfer(ctx context.Context, tx *sql.Tx, t *Transfer) (int64, error) {
	names, err := json.Marshal(append([]string{}, t.Names...))
	if err != nil {
		return 0, err
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO transfers (direction, device, name, address, began, seconds, bytes, fetched, all_files,
			streams, rate, result, message, out, names, more)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.Direction, t.DeviceID, t.Device, t.Address, t.Began.UnixMilli(), t.Seconds, t.Bytes, t.Fetched, t.AllFiles,
		t.Streams, t.Rate, t.Result, t.Message, t.Out, string(names), t.More)
	if err != nil {
		return 0, err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO words (transfer, words) VALUES (?, ?)", id, t.words())
	return id, err
}

func insertFiles(ctx context.Context, tx *sql.Tx, id int64, files []File) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO files (transfer, number, path, size, blake3, failure) VALUES (?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for i, f := range files {
		var hash []byte
		if f.BLAKE3 != nil {
			hash = f.BLAKE3[:]
		}
		if _, err := insert.ExecContext(ctx, id, i, f.Path, f.Size, hash, f.Failure); err != nil {
			return err
		}
	}
	return nil
}

// seeDevice notes when, where and how fast a device was last. A transfer that
// brought nothing tells no rate.
func seeDevice(ctx context.Context, tx *sql.Tx, t *Transfer, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO devices (id, name, first_seen, last_seen, last_address, last_rate) VALUES (?1, ?2, ?3, ?3, ?4, ?5)
		ON CONFLICT (id) DO UPDATE SET name = ?2, last_seen = ?3, last_address = ?4,
			last_rate = CASE WHEN ?5 > 0 THEN ?5 ELSE last_rate END`,
		t.DeviceID, t.Device, now.UnixMilli(), t.Address, t.Rate)
	return err
}

// Devices are the names of the devices that transfers were with, the last one
// first.
func (s *Store) Devices(ctx context.Context) ([]string, error) {
	names, err := s.devices(ctx)
	if err != nil {
		return nil, s.failed("list devices", err)
	}
	return names, nil
}

func (s *Store) devices(ctx context.Context) (names []string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name FROM devices GROUP BY name ORDER BY max(last_seen) DESC")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
