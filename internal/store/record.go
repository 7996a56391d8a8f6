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
