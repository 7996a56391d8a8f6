package store

import (
	"context"
	"time"
)

// A Task is a transfer of the running node that has not ended, as it is needed
// to go on with it after a restart.
type Task struct {
	ID      string
	Created time.Time // to the millisecond
	Spec    []byte    // JSON, with tickets and codes in it
}

// SaveTask keeps a task, in place of what was kept of it.
func (s *Store) SaveTask(ctx context.Context, t Task) error {
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO tasks (id, created, spec) VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET spec = ?3`, t.ID, t.Created.UnixMilli(), string(t.Spec))
	if err != nil {
		return s.failed("keep an unfinished transfer", err)
	}
	return nil
}

// DropTask forgets a task that ended.
func (s *Store) DropTask(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM tasks WHERE id = ?", id)
	if err != nil {
		return s.failed("forget a transfer that ended", err)
	}
	return nil
}

// Tasks are all that are kept, the oldest first.
func (s *Store) Tasks(ctx context.Context) ([]Task, error) {
	tasks, err := s.tasks(ctx)
	if err != nil {
		return nil, s.failed("read the unfinished transfers", err)
	}
	return tasks, nil
}

func (s *Store) tasks(ctx context.Context) (tasks []Task, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, created, spec FROM tasks ORDER BY created, id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t Task
		var created int64
		if err := rows.Scan(&t.ID, &created, &t.Spec); err != nil {
			return nil, err
		}
		t.Created = time.UnixMilli(created)
		tasks = append(tasks, t)
	}
	return tasks, rows.Err()
}
