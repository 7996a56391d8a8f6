package node

import (
	"errors"
	"path/filepath"
	"testing"

	"lanyard/internal/wire"
)

// What is decided on a device is changed a part at a time, by its whole ID and
// nothing else, and told.
func TestDaemonChangesDevices(t *testing.T) {
	d, other, namesake := runDaemon(t, t.TempDir(), t.TempDir(), unusedPort(t)), newNode(t), newNode(t)
	id := other.id.ID().String()
	if _, err := d.node.trust(t.Context(), other.id.ID(), "laptop", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	// Another trusted device calls itself by the ID of the first.
	if _, err := d.node.trust(t.Context(), namesake.id.ID(), id, "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	change := func(c DeviceChange) Device {
		t.Helper()
		got, err := d.ChangeDevice(t.Context(), id, c)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	size, bytes, folder, alias := RuleSize, int64(1000), t.TempDir(), "Anna"
	change(DeviceChange{Rule: &size, MaxBytes: &bytes})
	got := change(DeviceChange{Folder: &folder, Alias: &alias})
	if got.ID != id || got.Rule != RuleSize || got.MaxBytes != bytes || got.Folder != filepath.Clean(folder) || got.Alias != alias || got.Here {
		t.Errorf("changed to %+v", got)
	}
	none, relative, unknown := int64(0), "films", Rule("never")
	for _, c := range []DeviceChange{{MaxBytes: &none}, {Folder: &relative}, {Rule: &unknown}} {
		if _, err := d.ChangeDevice(t.Context(), id, c); !errors.Is(err, wire.ErrUsage) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	from := d.Newest()
	if err := d.Untrust(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for n := range d.Notices(t.Context(), from, 0) {
		if n.Kind == KindKnown && n.DeviceID == id {
			break
		}
	}
	if trusts(t, d.node, other) || !trusts(t, d.node, namesake) {
		t.Error("the wrong one is not trusted any more")
	}
	if _, err := d.ChangeDevice(t.Context(), id, DeviceChange{Rule: &size}); !errors.Is(err, wire.ErrUsage) {
		t.Errorf("the rule of a stranger: %v", err)
	}
}
