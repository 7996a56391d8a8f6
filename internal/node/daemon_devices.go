package node

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"lanyard/internal/wire"
)

// Devices are those that are on the network at the moment, with what is known of
// them, and trusted ones that are not there.
func (d *Daemon) Devices(ctx context.Context) ([]Device, error) {
	known, err := d.node.Known(ctx)
	if err != nil {
		return nil, err
	}
	return withKnown(d.seen.devices(), known), nil
}

// A DeviceChange is what a person decides on a device. What is nil stays.
type DeviceChange struct {
	Alias    *string `json:"alias,omitempty"`     // its own name takes an alias back
	Rule     *Rule   `json:"rule,omitempty"`      // of a trusted device, as are the next two
	MaxBytes *int64  `json:"max_bytes,omitempty"` // of RuleSize
	Folder   *string `json:"folder,omitempty"`    // absolute; empty: the usual one
}

// ChangeDevice changes what is decided for the device with an ID, and answers it
// as it is then.
func (d *Daemon) ChangeDevice(ctx context.Context, id string, c DeviceChange) (Device, error) {
	if c.Alias != nil {
		if _, err := d.node.Rename(ctx, id, *c.Alias); err != nil {
			return Device{}, err
		}
	}
	if c.Rule != nil || c.MaxBytes != nil || c.Folder != nil {
		if err := d.changeRule(ctx, id, c); err != nil {
			return Device{}, err
		}
	}
	d.bus.publish("", Event{Kind: KindKnown, DeviceID: id})
	all, err := d.Devices(ctx)
	if err != nil {
		return Device{}, err
	}
	at := slices.IndexFunc(all, func(o Device) bool { return o.ID == id })
	if at < 0 {
		return Device{}, fmt.Errorf("%w: no device %s is known", wire.ErrUsage, shortID(id))
	}
	return all[at], nil
}

// changeRule changes what a trusted device may send unasked.
func (d *Daemon) changeRule(ctx context.Context, id string, c DeviceChange) error {
	known, err := d.node.Known(ctx)
	if err != nil {
		return err
	}
	now := Known{Rule: RuleAsk} // of a device that is not trusted SetRule tells so
	if at := slices.IndexFunc(known, func(k Known) bool { return k.ID == id }); at >= 0 {
		now = known[at]
	}
	if c.Rule != nil {
		now.Rule = *c.Rule
	}
	if c.MaxBytes != nil {
		now.MaxBytes = *c.MaxBytes
	}
	if c.Folder != nil {
		now.Folder = *c.Folder
	}
	switch now.Rule {
	case RuleAsk, RuleSize, RuleAlways:
	default:
		return fmt.Errorf("%w: no rule is called %q", wire.ErrUsage, now.Rule)
	}
	switch {
	case now.MaxBytes < 0, now.Rule == RuleSize && now.MaxBytes == 0:
		return fmt.Errorf("%w: up to which size is taken unasked is a number above zero", wire.ErrUsage)
	case now.Folder != "" && !filepath.IsAbs(now.Folder):
		return fmt.Errorf("%w: the folder %s is not named from the root on", wire.ErrUsage, wire.Escape(now.Folder))
	case now.Folder != "":
		now.Folder = filepath.Clean(now.Folder)
	}
	_, err = d.node.SetRule(ctx, id, now.Rule, now.MaxBytes, now.Folder)
	return err
}

// Untrust takes back the trust in the device with an ID.
func (d *Daemon) Untrust(ctx context.Context, id string) error {
	_, err := d.node.Untrust(ctx, id)
	d.bus.publish("", Event{Kind: KindKnown, DeviceID: id})
	return err
}
