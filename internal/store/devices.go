package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Rule says what a trusted device may send without anybody being asked.
type Rule string

// The rules.
const (
	Ask    Rule = "ask"    // nothing
	Size   Rule = "size"   // what is no larger than Device.MaxBytes
	Always Rule = "always" // everything
)

// A Device is another node as this one knows it: from transfers, or because it
// is trusted. Name is not escaped.
type Device struct {
	ID    string
	Name  string // what it calls itself
	Alias string // what it is called here; empty: by its name

	Trusted  time.Time // since; zero: it is not
	Rule     Rule
	MaxBytes int64  // of the rule Size
	Folder   string // that its files go to by the rule; empty: the usual one

	FirstSeen   time.Time // to the millisecond
	LastSeen    time.Time
	LastAddress string
	LastRate    float64 // bytes a second; 0 when there was none
}

// IsTrusted tells whether its user and this one have confirmed each other.
func (d Device) IsTrusted() bool { return !d.Trusted.IsZero() }

// Title is what a person here knows it by.
func (d Device) Title() string {
	if d.Alias != "" {
		return d.Alias
	}
	return d.Name
}

// IsCalled tells whether a person takes name for the device's.
func (d Device) IsCalled(name string) bool {
	return SameName(d.Name, name) || d.Alias != "" && SameName(d.Alias, name)
}

// SameName tells whether people take two names for the same: whatever their
// case, Unicode form, spaces, and characters that take no room. An empty name
// is none.
func SameName(a, b string) bool {
	a, b = foldName(a), foldName(b)
	return a == b && a != ""
}

func foldName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(name))
	return strings.Join(strings.Fields(norm.NFKC.String(name)), " ")
}

// Devices are all that are known, the one last seen first.
func (s *Store) Devices(ctx context.Context) ([]Device, error) {
	found, err := s.devices(ctx, "ORDER BY last_seen DESC, id")
	if err != nil {
		return nil, s.failed("list devices", err)
	}
	return found, nil
}

// Device is the one with this ID; false when it is not known.
func (s *Store) Device(ctx context.Context, id string) (Device, bool, error) {
	found, err := s.devices(ctx, "WHERE id = ?", id)
	if err != nil || len(found) == 0 {
		return Device{}, false, s.failed("look up a device", err)
	}
	return found[0], true, nil
}

func (s *Store) devices(ctx context.Context, which string, args ...any) (found []Device, err error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT id, name, alias, trusted, rule, max_bytes, folder, first_seen, last_seen, last_address, last_rate
		FROM devices `+which, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d Device
		var trusted, first, last int64
		err := rows.Scan(&d.ID, &d.Name, &d.Alias, &trusted, &d.Rule, &d.MaxBytes, &d.Folder, &first, &last, &d.LastAddress, &d.LastRate)
		if err != nil {
			return nil, err
		}
		if trusted > 0 {
			d.Trusted = time.UnixMilli(trusted)
		}
		d.FirstSeen, d.LastSeen = time.UnixMilli(first), time.UnixMilli(last)
		found = append(found, d)
	}
	return found, rows.Err()
}

// Trust remembers that the device of this ID, which need not have been seen
// before, is trusted from now on. Of one that is already, alias and rule stay.
func (s *Store) Trust(ctx context.Context, id, name, address string, now time.Time) error {
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO devices (id, name, first_seen, last_seen, last_address, last_rate, trusted) VALUES (?1, ?2, ?3, ?3, ?4, 0, ?3)
		ON CONFLICT (id) DO UPDATE SET name = ?2, last_seen = ?3, last_address = ?4,
			trusted = CASE WHEN trusted > 0 THEN trusted ELSE ?3 END`,
		id, name, now.UnixMilli(), address)
	return s.failed("trust a device", err)
}

// errUnknown tells that a device that is to be changed is not there to be.
var errUnknown = errors.New("it is not known, or not trusted")

// Untrust takes back the trust in a device with all that was decided for it:
// its alias, its rule and its folder.
func (s *Store) Untrust(ctx context.Context, id string) error {
	return s.failed("trust a device no more",
		s.change(ctx, "trusted = 0, alias = '', rule = 'ask', max_bytes = 0, folder = '' WHERE id = ?", id))
}

// Rename gives a device an alias; an empty one takes it back.
func (s *Store) Rename(ctx context.Context, id, alias string) error {
	return s.failed("rename a device", s.change(ctx, "alias = ? WHERE id = ?", alias, id))
}

// SetRule says what a trusted device may send unasked: maxBytes is of the rule
// Size, and folder is where it goes.
func (s *Store) SetRule(ctx context.Context, id string, rule Rule, maxBytes int64, folder string) error {
	return s.failed("set a device's rule",
		s.change(ctx, "rule = ?, max_bytes = ?, folder = ? WHERE id = ? AND trusted > 0", rule, maxBytes, folder, id))
}

func (s *Store) change(ctx context.Context, what string, args ...any) error {
	res, err := s.db.ExecContext(ctx, "UPDATE devices SET "+what, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return errUnknown
}

// seeDevice notes when, where and how fast a device was last. A transfer that
// brought nothing tells no rate, and one without a name no other name.
func seeDevice(ctx context.Context, tx *sql.Tx, t *Transfer, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO devices (id, name, first_seen, last_seen, last_address, last_rate) VALUES (?1, ?2, ?3, ?3, ?4, ?5)
		ON CONFLICT (id) DO UPDATE SET name = CASE WHEN ?2 <> '' THEN ?2 ELSE name END, last_seen = ?3, last_address = ?4,
			last_rate = CASE WHEN ?5 > 0 THEN ?5 ELSE last_rate END`,
		t.DeviceID, t.Device, now.UnixMilli(), t.Address, t.Rate)
	return err
}
