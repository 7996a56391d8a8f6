package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// see records a transfer with a device.
func see(t *testing.T, s *Store, id, name, address string, rate float64, now time.Time) {
	t.Helper()
	_, err := s.Record(t.Context(), Transfer{Direction: Sent, DeviceID: id, Device: name, Address: address, Rate: rate}, now)
	if err != nil {
		t.Fatal(err)
	}
}

func devices(t *testing.T, s *Store) []Device {
	t.Helper()
	found, err := s.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func at(minutes int) time.Time {
	return time.UnixMilli(start.Add(time.Duration(minutes) * time.Minute).UnixMilli())
}

func TestDevices(t *testing.T) {
	s := open(t, t.TempDir())
	see(t, s, "A", "laptop", "10.0.0.1:1", 5, at(0))
	see(t, s, "B", "phone", "10.0.0.2:1", 7, at(1))
	see(t, s, "A", "notebook", "10.0.0.3:1", 0, at(2))
	see(t, s, "A", "", "10.0.0.3:1", 0, at(3))
	want := []Device{
		{ID: "A", Name: "notebook", Rule: Ask, FirstSeen: at(0), LastSeen: at(3), LastAddress: "10.0.0.3:1", LastRate: 5},
		{ID: "B", Name: "phone", Rule: Ask, FirstSeen: at(1), LastSeen: at(1), LastAddress: "10.0.0.2:1", LastRate: 7},
	}
	if diff := cmp.Diff(want, devices(t, s)); diff != "" {
		t.Error(diff)
	}
	if _, ok, err := s.Device(t.Context(), "C"); ok || err != nil {
		t.Errorf("C is known: %v, %v", ok, err)
	}
}

// What a user has decided for a device outlasts what is seen of it, and goes
// with the trust.
func TestTrust(t *testing.T) {
	s := open(t, t.TempDir())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	is := func(want Device) {
		t.Helper()
		got, ok, err := s.Device(t.Context(), want.ID)
		if diff := cmp.Diff(want, got); !ok || err != nil || diff != "" {
			t.Errorf("%v, %v\n%s", ok, err, diff)
		}
	}
	// One that was never seen, and one that was.
	must(s.Trust(t.Context(), "A", "nas", "10.0.0.1:1", at(0)))
	a := Device{ID: "A", Name: "nas", Trusted: at(0), Rule: Ask, FirstSeen: at(0), LastSeen: at(0), LastAddress: "10.0.0.1:1"}
	is(a)
	see(t, s, "B", "phone", "10.0.0.2:1", 7, at(1))
	must(s.Trust(t.Context(), "B", "phone", "10.0.0.2:2", at(2)))
	is(Device{ID: "B", Name: "phone", Trusted: at(2), Rule: Ask, FirstSeen: at(1), LastSeen: at(2), LastAddress: "10.0.0.2:2", LastRate: 7})

	must(s.Rename(t.Context(), "A", "attic"))
	must(s.SetRule(t.Context(), "A", Size, 20e9, "/films"))
	see(t, s, "A", "nas2", "10.0.0.3:1", 9, at(3))
	a.Alias, a.Rule, a.MaxBytes, a.Folder = "attic", Size, 20e9, "/films"
	a.Name, a.LastSeen, a.LastAddress, a.LastRate = "nas2", at(3), "10.0.0.3:1", 9
	is(a)
	// Trusted once more, it is what it was.
	must(s.Trust(t.Context(), "A", "nas2", "10.0.0.3:1", at(4)))
	a.LastSeen = at(4)
	is(a)

	must(s.Untrust(t.Context(), "A"))
	a.Trusted, a.Alias, a.Rule, a.MaxBytes, a.Folder = time.Time{}, "", Ask, 0, ""
	is(a)
	if s.SetRule(t.Context(), "A", Always, 0, "") == nil {
		t.Error("a device that is not trusted has a rule")
	}
	is(a)
	if s.Rename(t.Context(), "C", "x") == nil || s.Untrust(t.Context(), "C") == nil {
		t.Error("a device that is not known was changed")
	}
	if s.SetRule(t.Context(), "B", "sometimes", 0, "") == nil {
		t.Error("there is another rule")
	}
}

// Clearing the history leaves the trust, and no trace of transfers with it.
func TestClearLeavesTrust(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Trust(t.Context(), "A", "nas", "10.0.0.1:1", at(0)); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRule(t.Context(), "A", Always, 0, "/films"); err != nil {
		t.Fatal(err)
	}
	see(t, s, "A", "nas", "10.0.0.3:1", 9, at(1))
	see(t, s, "B", "phone", "10.0.0.2:1", 7, at(1))
	if _, err := s.Clear(t.Context(), at(2)); err != nil {
		t.Fatal(err)
	}
	want := []Device{{ID: "A", Name: "nas", Trusted: at(0), Rule: Always, Folder: "/films", FirstSeen: at(0), LastSeen: at(0)}}
	if diff := cmp.Diff(want, devices(t, s)); diff != "" {
		t.Error(diff)
	}
}

// Devices of a database from before there was trust are not trusted.
func TestDevicesFromBeforeTrust(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	see(t, s, "A", "laptop", "10.0.0.1:1", 5, at(0))
	for _, column := range []string{"alias", "trusted", "rule", "max_bytes", "folder"} {
		if _, err := s.db.Exec("ALTER TABLE devices DROP COLUMN " + column); err != nil {
			t.Fatal(err)
		}
	}
	for _, later := range []string{"DROP TABLE account", "DROP TABLE sessions", "DELETE FROM goose_db_version WHERE version_id >= 3"} {
		if _, err := s.db.Exec(later); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = open(t, dir)
	want := []Device{{ID: "A", Name: "laptop", Rule: Ask, FirstSeen: at(0), LastSeen: at(0), LastAddress: "10.0.0.1:1", LastRate: 5}}
	if diff := cmp.Diff(want, devices(t, s)); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprint(FileName, ".before-", newest))); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	d := Device{Name: "Büro-PC", Alias: "attic"}
	for name, want := range map[string]bool{
		"Büro-PC": true, "büro-pc": true, "BU\u0308RO-PC ": true, " Bu\u0308ro-PC": true, "B\u200düro-PC": true, "Büro-PC\ufe0f": true,
		"\uff22üro-PC": true, "ATTIC": true, "Buro-PC": false, "Büro": false, "attic2": false, "": false, " ": false, "\u200d": false,
	} {
		if got := d.IsCalled(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	if (Device{}).IsCalled("") {
		t.Error("no name is a name")
	}
	if d.Title() != "attic" || (Device{Name: "nas"}).Title() != "nas" {
		t.Error("a device is shown by another name")
	}
}
