package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"lanyard/internal/digest"
)

// A Query says which transfers of the history are wanted; the zero value all of
// them.
type Query struct {
	Search    []string  // each stands somewhere in a path, the device's name or the folder, in any case
	Since     time.Time // begun then or later
	Before    int64     // with lower IDs; 0: with any
	Direction Direction // empty: both
	Limit     int       // no more than so many; 0: all
	Files     bool      // with their files
}

// History are the transfers that match, those that ended last first. After an
// error there is none. Whoever reads them keeps others of this Store waiting.
func (s *Store) History(ctx context.Context, q Query) iter.Seq2[Transfer, error] {
	statement, args := q.sql()
	return func(yield func(Transfer, error) bool) {
		err := s.read(ctx, statement, args, func(t Transfer) bool { return yield(t, nil) })
		if err != nil {
			yield(Transfer{}, s.failed("read the history", err))
		}
	}
}

// Transfer is the one with this ID, with its files; false when there is none.
func (s *Store) Transfer(ctx context.Context, id int64) (found Transfer, ok bool, err error) {
	err = s.read(ctx, selectFiles+" WHERE t.id = ?"+inOrder, []any{id}, func(t Transfer) bool {
		found, ok = t, true
		return true
	})
	if err != nil {
		return Transfer{}, false, s.failed("read the history", err)
	}
	return found, ok, nil
}

const (
	columns = `t.id, t.direction, t.device, t.name, t.address, t.began, t.seconds, t.bytes, t.fetched, t.all_files,
		t.streams, t.rate, t.result, t.message, t.out, t.names, t.more`
	selectFiles = "SELECT " + columns + ", f.path, f.size, f.blake3, f.failure FROM transfers t LEFT JOIN files f ON f.transfer = t.id"
	inOrder     = " ORDER BY t.id DESC, f.number"

	// trigram is how many characters the index needs to find something.
	trigram = 3
)

// sql is the query as a statement.
//
// The order is always that of the IDs, in which the index of words answers, so
// that of what matches often no more is looked at than the limit wants.
func (q Query) sql() (statement string, args []any) {
	from, id := "transfers t", "t.id"
	var where []string
	if len(q.Search) > 0 {
		var matches string
		from, matches, args = search(q.Search)
		from, id = from+" s CROSS JOIN transfers t ON t.id = s.rowid", "s.rowid"
		where = append(where, matches)
	}
	if !q.Since.IsZero() {
		// Who began later can have ended earlier, but none of them before these.
		where = append(where, "t.began >= ?", id+" >= (SELECT min(+id) FROM transfers WHERE began >= ?)")
		args = append(args, q.Since.UnixMilli(), q.Since.UnixMilli())
	}
	if q.Before > 0 {
		where, args = append(where, id+" < ?"), append(args, q.Before)
	}
	if q.Direction != "" {
		where, args = append(where, "t.direction = ?"), append(args, q.Direction)
	}
	statement = " FROM " + from
	if len(where) > 0 {
		statement += " WHERE " + strings.Join(where, " AND ")
	}
	statement += " ORDER BY " + id + " DESC"
	if q.Limit > 0 {
		statement += " LIMIT ?"
		args = append(args, q.Limit)
	}
	if !q.Files {
		return "SELECT " + columns + ", NULL, NULL, NULL, NULL" + statement, args
	}
	return selectFiles + " WHERE t.id IN (SELECT t.id" + statement + ")" + inOrder, args
}

// search is which table finds all these words, and how. One word that is too
// short for the index makes it of no use for the others, too: to look at all
// that they match takes longer than to look through everything.
func search(words []string) (table, condition string, args []any) {
	var phrases []string
	for _, word := range words {
		word = fold(word)
		if utf8.RuneCountInString(word) < trigram {
			phrases = nil
			break
		}
		phrases = append(phrases, `"`+strings.ReplaceAll(word, `"`, `""`)+`"`)
	}
	if phrases != nil {
		return "search", "s.words MATCH ?", []any{strings.Join(phrases, " ")}
	}
	var like []string
	for _, word := range words {
		like = append(like, `s.words LIKE ? ESCAPE '\'`)
		args = append(args, "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(fold(word))+"%")
	}
	return "words", strings.Join(like, " AND "), args
}

// read hands over the transfers of a statement that has a row for each of their
// files, until yield answers false.
func (s *Store) read(ctx context.Context, statement string, args []any, yield func(Transfer) bool) error {
	rows, err := s.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var last Transfer
	for rows.Next() {
		t, f, err := scan(rows)
		if err != nil {
			return err
		}
		if t.ID != last.ID {
			if last.ID != 0 && !yield(last) {
				return nil
			}
			last = t
		}
		if f != nil {
			last.Files = append(last.Files, *f)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if last.ID != 0 {
		yield(last)
	}
	return nil
}

// scan reads a row; the file is nil where the transfer has none.
func scan(rows *sql.Rows) (t Transfer, f *File, err error) {
	var began int64
	var names string
	var path, failure sql.NullString
	var size sql.NullInt64
	var hash []byte
	err = rows.Scan(&t.ID, &t.Direction, &t.DeviceID, &t.Device, &t.Address, &began, &t.Seconds, &t.Bytes, &t.Fetched, &t.AllFiles,
		&t.Streams, &t.Rate, &t.Result, &t.Message, &t.Out, &names, &t.More, &path, &size, &hash, &failure)
	if err != nil {
		return t, nil, err
	}
	t.Began = time.UnixMilli(began)
	if err := json.Unmarshal([]byte(names), &t.Names); err != nil {
		return t, nil, fmt.Errorf("names of transfer %d: %w", t.ID, err)
	}
	if !path.Valid {
		return t, nil, nil
	}
	f = &File{Path: path.String, Size: size.Int64, Failure: failure.String}
	if hash != nil {
		if len(hash) != len(f.BLAKE3) {
			return t, nil, errors.New("a hash of another length")
		}
		f.BLAKE3 = (*digest.Digest)(hash)
	}
	return t, f, nil
}
