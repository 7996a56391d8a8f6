package node

import (
	"cmp"
	"context"
)

// goByRule lets the rule of a trusted device decide on its offer, of which the
// list of files is known.
func (r *receive) goByRule(ctx context.Context) {
	// The name that was looked at when the offer was made is the one that is shown.
	r.header.Device = r.peer.offer.name
	var err error
	if r.isByRule, r.folder, err = r.node.decide(ctx, r.peer.id, r.header.Bytes); err != nil {
		r.report(Event{Kind: KindWarning, Reason: "which devices are trusted is not known: " + err.Error()})
	}
}

// title is what a person here knows the sender by.
func (r *receive) title() string {
	if r.peer.offer != nil {
		return cmp.Or(r.peer.offer.alias, r.header.Device)
	}
	return r.header.Device
}
