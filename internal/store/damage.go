package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errDamaged tells that a database has the right form and wrong content.
var errDamaged = errors.New("damaged")

// check looks through the database. The content of the index of words is left
// out: it takes ten times as long as all the rest.
func check(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `
		SELECT t.name, c.quick_check FROM sqlite_schema t, pragma_quick_check(t.name) c
		WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL TABLE %' AND c.quick_check <> 'ok'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		var table, found string
		if err := rows.Scan(&table, &found); err != nil {
			return err
		}
		return fmt.Errorf("%w: table %s: %s", errDamaged, table, found)
	}
	return rows.Err()
}

// isDamage tells an error that comes from the content of the database from one
// that another try may not meet.
func isDamage(err error) bool {
	if errors.Is(err, errDamaged) {
		return true
	}
	var inside *sqlite.Error
	if !errors.As(err, &inside) {
		return false
	}
	code := inside.Code() & 0xff // without the detail
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// setAside moves a damaged database, with the files that belong to it, out of
// the way, and tells where it is now.
func setAside(path string, now time.Time) (string, error) {
	aside := path + ".damaged-" + now.UTC().Format("20060102T150405.000")
	// The log first: beside another database it would be taken for its own.
	for _, part := range []string{"-wal", "-shm", "", suspicion} {
		if err := os.Rename(path+part, aside+part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("set the damaged database aside: %w", err)
		}
	}
	return aside, nil
}

// suspicion is what the name of a file ends with that says of the database
// beside it that it was found damaged while it was used.
const suspicion = ".suspect"

// failed says what could not be done, if something could not. Damage is noted,
// so that whoever opens the database next sets it aside.
func (s *Store) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	if isDamage(err) {
		// Without the note the next one finds the same.
		_ = os.WriteFile(s.path+suspicion, nil, 0o600)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isSuspect tells whether the database was found damaged while it was used.
func isSuspect(path string) bool {
	_, err := os.Stat(path + suspicion)
	return err == nil
}
