package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// newest is the version that the migrations lead to.
const newest = 4

// versionOf is the version of an open database, 0 for an empty one.
func versionOf(ctx context.Context, db *sql.DB) (version int, err error) {
	var tables int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?", goose.DefaultTablename).Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+goose.DefaultTablename+" WHERE is_applied").Scan(&version)
	return version, err
}

// migrate brings the database from one version to the newest. The caller holds
// the lock.
func (s *Store) migrate(ctx context.Context, from int) error {
	if from > 0 {
		if err := s.backUp(ctx); err != nil {
			return fmt.Errorf("keep a copy before the database is changed: %w", err)
		}
	}
	scripts, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.db, scripts, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the database from version %d to %d: %w", from, newest, err)
	}
	return nil
}

// backUp keeps a copy of the database, in place of an older one.
func (s *Store) backUp(ctx context.Context) error {
	temp, err := os.CreateTemp(filepath.Dir(s.path), ".database-*") // mode 0600, which the copy keeps
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails when it was renamed, which is as well
	defer temp.Close()
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", temp.Name()); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := s.dropBackups(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), fmt.Sprintf("%s%s%d", s.path, beforeMigration, newest))
}

// beforeMigration stands between the name of the database and the version that
// came after a copy.
const beforeMigration = ".before-"

// dropBackups removes the copies from before a migration.
func (s *Store) dropBackups() error {
	entries, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if match, _ := filepath.Match(FileName+beforeMigration+"[0-9]*", e.Name()); !match {
			continue
		}
		if err := os.Remove(filepath.Join(filepath.Dir(s.path), e.Name())); err != nil {
			return err
		}
	}
	return nil
}
