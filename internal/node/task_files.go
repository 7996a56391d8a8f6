package node

import (
	"context"
	"fmt"

	"lanyard/internal/wire"
)

// maxListed is how many files of a transfer are listed.
const maxListed = 10_000

// A ListedFile is one file of what a daemon is offered, or receives.
type ListedFile struct {
	Path string `json:"path"` // as the sender has it; not escaped
	Size int64  `json:"size"` // bytes
	Dir  bool   `json:"dir"`
	// Name is the path that it gets here, or has, below the folder that it is
	// received into, where that is another one.
	Name string `json:"name,omitempty"`
}

// Files are those that a transfer under way is offered or receives, the first of
// them, and how many more there are. Before the sender has told them there are none.
func (d *Daemon) Files(id string) (files []ListedFile, more int, err error) {
	t, err := d.find(id)
	if err != nil {
		return nil, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	files = []ListedFile{}
	for i, f := range t.files[:min(len(t.files), maxListed)] {
		files = append(files, ListedFile{Path: f.Path, Size: f.Size, Dir: f.Dir, Name: t.names[wire.FileIndex(i)]})
	}
	return files, len(t.files) - len(files), nil
}

// trustAlways trusts the device of an offer, and takes everything from it from
// now on.
func (d *Daemon) trustAlways(ctx context.Context, o *offered) error {
	id := o.device.String()
	if _, err := d.node.trust(ctx, o.device, o.name, o.address); err != nil {
		return fmt.Errorf("trust %s: %w", wire.Escape(o.name), err)
	}
	if _, err := d.node.SetRule(ctx, id, RuleAlways, 0, ""); err != nil {
		return fmt.Errorf("trust %s: %w", wire.Escape(o.name), err)
	}
	d.bus.publish("", Event{Kind: KindKnown, DeviceID: id})
	return nil
}
