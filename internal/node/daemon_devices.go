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
	Rule     *Rule   `json:"rule,omitempty"`      // of a trusted device; with MaxBytes and Folder
	MaxBytes int64   `json:"max_bytes,omitempty"` // of RuleSize
	Folder   string  `json:"folder,omitempty"`    // absolute; empty: the usual one
}

// ChangeDevice changes what is decided for the device with an ID, and answers it
// as it is then.
func (d *Daemon) ChangeDevice(ctx context.Context, id string, c DeviceChange) (Device, error) {
	if c.Alias != nil {
		if _, err := d.node.Rename(ctx, id, *c.Alias); err != nil {
			return Device{}, err
		}
	}
	if c.Rule != nil {
		if c.Folder != "" && !filepath.IsAbs(c.Folder) {
			return Device{}, fmt.Errorf("%w: the folder %s is not named from the root on", wire.ErrUsage, wire.Escape(c.Folder))
		}
		switch *c.Rule {
		case RuleAsk, RuleSize, RuleAlways:
		default:
			return Device{}, fmt.Errorf("%w: no rule is called %q", wire.ErrUsage, *c.Rule)
		}
		if _, err := d.node.SetRule(ctx, id, *c.Rule, c.MaxBytes, c.Folder); err != nil {
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

// Untrust takes back the trust in the device with an ID.
func (d *Daemon) Untrust(ctx context.Context, id string) error {
	_, err := d.node.Untrust(ctx, id)
	d.bus.publish("", Event{Kind: KindKnown, DeviceID: id})
	return err
}
