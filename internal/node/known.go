package node

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"lanyard/internal/identity"
	"lanyard/internal/store"
	"lanyard/internal/wire"
)

// A Known device is one that transfers were with, or that is trusted.
type Known = store.Device

// A Rule says what a trusted device may send without anybody being asked.
type Rule = store.Rule

// The rules.
const (
	RuleAsk    = store.Ask    // nothing
	RuleSize   = store.Size   // what is no larger than Known.MaxBytes
	RuleAlways = store.Always // everything
)

// Known are the devices that are known, whether or not they are there, the one
// last seen first.
func (n *Node) Known(ctx context.Context) ([]Known, error) {
	s, err := n.database(ctx)
	if err != nil {
		return nil, err
	}
	return s.Devices(ctx)
}

// trust remembers that a device is trusted, and answers it as it is known.
func (n *Node) trust(ctx context.Context, id identity.DeviceID, name, address string) (Known, error) {
	if id == n.id.ID() {
		return Known{}, fmt.Errorf("%w: that is this device itself", wire.ErrUsage)
	}
	s, err := n.database(ctx)
	if err != nil {
		return Known{}, err
	}
	if err := s.Trust(ctx, id.String(), name, address, time.Now()); err != nil {
		return Known{}, err
	}
	d, _, err := s.Device(ctx, id.String())
	return d, err
}

// Untrust takes back the trust in a device, and what was decided for it. A text
// names a device by its alias, its name, or the beginning of its ID.
func (n *Node) Untrust(ctx context.Context, device string) (Known, error) {
	return n.change(ctx, device, Known.IsTrusted, func(s *store.Store, d Known) error { return s.Untrust(ctx, d.ID) })
}

// maxAlias is how long an alias may be in bytes.
const maxAlias = 100

// Rename gives a known device another name here; its own takes that back.
func (n *Node) Rename(ctx context.Context, device, alias string) (Known, error) {
	alias = strings.TrimSpace(alias)
	if alias == "" || len(alias) > maxAlias || strings.IndexFunc(alias, unicode.IsControl) >= 0 || !store.SameName(alias, alias) {
		return Known{}, fmt.Errorf("%w: a name has 1 to %d bytes without control characters", wire.ErrUsage, maxAlias)
	}
	return n.change(ctx, device, anyKnown, func(s *store.Store, d Known) error {
		all, err := s.Devices(ctx)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.ID != d.ID && isHeld(other) && other.IsCalled(alias) {
				return fmt.Errorf("%w: %s is called that already", wire.ErrUsage, candidate(other))
			}
		}
		if store.SameName(alias, d.Name) {
			alias = ""
		}
		return s.Rename(ctx, d.ID, alias)
	})
}

// SetRule says what a trusted device may send unasked; maxBytes is of RuleSize,
// and folder, which is absolute or empty, is where it goes.
func (n *Node) SetRule(ctx context.Context, device string, rule Rule, maxBytes int64, folder string) (Known, error) {
	return n.change(ctx, device, Known.IsTrusted, func(s *store.Store, d Known) error {
		return s.SetRule(ctx, d.ID, rule, maxBytes, folder)
	})
}

// change alters the one device of those that fit which a text names, and
// answers it as it is then.
func (n *Node) change(ctx context.Context, device string, fits func(Known) bool, alter func(*store.Store, Known) error) (Known, error) {
	s, err := n.database(ctx)
	if err != nil {
		return Known{}, err
	}
	all, err := s.Devices(ctx)
	if err != nil {
		return Known{}, err
	}
	found := named(filter(all, fits), device)
	switch {
	case len(found) > 1:
		return Known{}, ambiguous(device, found)
	case len(found) == 0 && len(named(all, device)) > 0:
		return Known{}, fmt.Errorf("%w: %q is not trusted: pair with it first", wire.ErrUsage, device)
	case len(found) == 0:
		return Known{}, fmt.Errorf("%w: no device %q is known", wire.ErrUsage, device)
	}
	if err := alter(s, found[0]); err != nil {
		return Known{}, err
	}
	d, _, err := s.Device(ctx, found[0].ID)
	return d, err
}

func anyKnown(Known) bool { return true }

// isHeld tells whether a name of a device means that device and no other.
func isHeld(d Known) bool { return d.IsTrusted() || d.Alias != "" }

func filter(all []Known, fits func(Known) bool) []Known {
	return slices.DeleteFunc(slices.Clone(all), func(d Known) bool { return !fits(d) })
}

// named are the devices that a text names: by the whole ID, which another device
// may call itself by, else by the alias, else by what they call themselves, else by
// the beginning of their ID.
func named(all []Known, text string) (found []Known) {
	for _, is := range []func(Known) bool{
		func(d Known) bool { return d.ID == text },
		func(d Known) bool { return store.SameName(d.Alias, text) },
		func(d Known) bool { return store.SameName(d.Name, text) },
		func(d Known) bool { return isBeginning(text, d.ID) },
	} {
		if found = filter(all, is); len(found) > 0 {
			return found
		}
	}
	return nil
}

// isBeginning tells whether a text is the beginning of a device ID and long
// enough to name it.
func isBeginning(text, id string) bool {
	return len(text) >= leastID && strings.HasPrefix(id, strings.ToLower(text))
}

func ambiguous(text string, found []Known) error {
	var all []string
	for _, d := range found {
		all = append(all, candidate(d))
	}
	return fmt.Errorf("%w: %q may be %s: name it by its ID", wire.ErrUsage, text, strings.Join(all, " or "))
}

// candidate is a device with the part of its ID that names it.
func candidate(d Known) string {
	return fmt.Sprintf("%s (%s)", wire.Escape(d.Title()), shortID(d.ID))
}

// shortID is enough of an ID to name a device.
func shortID(id string) string { return wire.Escape(id[:min(len(id), 2*leastID+1)]) }

// meant is the one device that a target means because it is trusted, or because
// its alias stands there; nil when it may be anybody.
func (n *Node) meant(ctx context.Context, to string) (*Known, error) {
	all, err := n.Known(ctx)
	if err != nil {
		return nil, err
	}
	found := named(filter(all, isHeld), to)
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return &found[0], nil
	}
	return nil, ambiguous(to, found)
}

// recognise is what is known of a device that calls itself by a name. It is
// wire.ErrWrongDevice when it is not trusted and the name is one of a device
// that is.
func (n *Node) recognise(ctx context.Context, id identity.DeviceID, name string) (who Known, err error) {
	all, err := n.Known(ctx)
	if err != nil {
		return Known{}, err
	}
	var namesake *Known
	for i, d := range all {
		if d.ID == id.String() {
			who = d
		} else if d.IsTrusted() && d.IsCalled(name) {
			namesake = &all[i]
		}
	}
	if namesake != nil && !who.IsTrusted() {
		return who, otherKey(namesake, id.String())
	}
	return who, nil
}

// otherKey says that a device has the name of one that is trusted.
func otherKey(trusted *Known, id string) error {
	return fmt.Errorf("%w: %s has the name of %s, which you trust, and not its key: it was set up anew, or somebody stands in for it",
		wire.ErrWrongDevice, shortID(id), candidate(*trusted))
}

// decide lets the rule of a trusted device decide on an offer of so many bytes:
// whether it is accepted without anybody being asked, and into which folder
// (empty: the usual one; else with a separator at its end). What it does not accept, a person decides on.
func (n *Node) decide(ctx context.Context, id identity.DeviceID, bytes int64) (accept bool, folder string, err error) {
	s, err := n.database(ctx)
	if err != nil {
		return false, "", err
	}
	d, _, err := s.Device(ctx, id.String())
	if err != nil || !d.IsTrusted() {
		return false, "", err
	}
	if d.Rule == RuleAlways || d.Rule == RuleSize && bytes <= d.MaxBytes {
		if d.Folder != "" {
			folder = d.Folder + string(filepath.Separator) // it may not be there yet
		}
		return true, folder, nil
	}
	return false, "", nil
}

// isTrusted tells whether a device is. One of which that cannot be found out is
// not.
func (n *Node) isTrusted(ctx context.Context, id identity.DeviceID) bool {
	known, err := n.recognise(ctx, id, "")
	return err == nil && known.IsTrusted()
}
