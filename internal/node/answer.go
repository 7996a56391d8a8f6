package node

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lanyard/internal/share"
	"lanyard/internal/wire"
)

// An Answer is what a person, or a rule, decides on an offer, or on a request for
// something.
type Answer struct {
	Accept bool     `json:"accept"`
	Only   []string `json:"only,omitempty"` // globs of what is wanted; nil: as before
	Out    string   `json:"out,omitempty"`  // where it goes; empty: as before

	// Names are other names for files that are offered, by the path that the file is
	// offered under. A name without a slash is one in the file's folder; with one it
	// is the whole path.
	Names map[string]string `json:"names,omitempty"`
	// Always trusts the device from now on, and takes everything from it unasked.
	Always bool `json:"always,omitempty"`

	// Of a request: what the device gets.
	Paths []string `json:"paths,omitempty"`
	Drop  string   `json:"drop,omitempty"`
}

// changes tells whether the answer asks for something else than was offered. What
// comes of that is shown before it is done.
func (a Answer) changes(opts *ReceiveOptions) bool {
	return a.Accept && (a.Out != "" && a.Out != opts.Out || a.Only != nil && !slices.Equal(a.Only, opts.Only) ||
		a.Names != nil && !maps.Equal(a.Names, opts.Names))
}

// choose has the answer's wishes count from now on, if they can be met.
func (r *receive) choose(a Answer) error {
	if a.Only != nil {
		if err := r.want(a.Only); err != nil {
			return err
		}
	}
	if a.Names != nil {
		r.opts.Names = a.Names
	}
	r.opts.Out = cmp.Or(a.Out, r.opts.Out)
	return nil
}

// renamedTo is the path that a file gets which is offered under path, when somebody has
// given it another name.
func renamedTo(path, name string) string {
	if name == "" || strings.Contains(name, "/") {
		return name
	}
	return path[:strings.LastIndexByte(path, '/')+1] + name
}

// checkNames tells what is wrong with other names for files.
func checkNames(names map[string]string, files []wire.File) error {
	if len(names) == 0 {
		return nil
	}
	isFile := map[string]bool{}
	for _, f := range files {
		if !f.Dir {
			isFile[f.Path] = true
		}
	}
	given := map[string]bool{}
	for path, name := range names {
		gets := renamedTo(path, name)
		why := wire.PathFault(gets)
		switch {
		case !isFile[path]:
			return fmt.Errorf("%w: no file %s is offered", wire.ErrUsage, wire.Escape(path))
		case why != "":
			return fmt.Errorf("%w: the name %s %s", wire.ErrUsage, wire.Escape(name), why)
		case given[gets], isFile[gets] && names[gets] == "":
			return fmt.Errorf("%w: two files would be called %s", wire.ErrUsage, wire.Escape(gets))
		}
		given[gets] = true
	}
	return nil
}

// want notes which files are wanted: those that one of globs picks, or all.
func (r *receive) want(globs []string) error {
	patterns, chosen, err := r.picked(globs)
	if err == nil {
		r.wanted, r.chosen, r.opts.Only = patterns, chosen, globs
	}
	return err
}

// picked are the files that one of globs picks, and the globs as patterns, nil
// when there are none. That nothing is picked is wire.ErrUsage.
func (r *receive) picked(globs []string) (share.Patterns, []wire.File, error) {
	if len(globs) == 0 {
		return nil, r.files, nil
	}
	patterns, err := share.NewPatterns(globs)
	if err != nil {
		return nil, nil, err
	}
	var chosen []wire.File
	for _, f := range r.files {
		if patterns.Picks(f) {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return nil, nil, fmt.Errorf("%w: nothing that is offered is called %s", wire.ErrUsage, wire.Escape(strings.Join(globs, ", ")))
	}
	return patterns, chosen, nil
}

// approve asks whether the offer is taken, and how. Without anybody to be asked
// it is.
func (r *receive) approve(ctx context.Context, o Offer) (Answer, error) {
	o.From = Meeting{Device: o.Device, DeviceID: r.peer.id.String(), Address: r.peer.address, Words: r.peer.words, Trusted: r.node.isTrusted(ctx, r.peer.id)}
	o.ByCode = r.peer.hasCode()
	r.report(Event{Kind: KindOffer, Device: o.Device, Offer: &o})
	answer := Answer{Accept: true}
	if r.opts.Approve != nil {
		var err error
		if answer, err = r.opts.Approve(ctx, o); err != nil {
			return answer, err
		}
	}
	if !answer.Accept {
		r.decline(ctx)
		return answer, fmt.Errorf("%w: nothing was received", wire.ErrRejected)
	}
	return answer, nil
}
