package main

import (
	"context"
	"errors"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

// overLink does something between two hosts that a link joins. Where the
// machine refuses, the report says so, and nothing is done.
func (r *report) overLink(ctx context.Context, link lab.Link, do func(ctx context.Context, sender, receiver *trial.Place) error) (err error) {
	l, err := lab.New(lab.Options{})
	if errors.Is(err, lab.ErrRefused) {
		r.say("Not measured: %v.", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	a, b, err := l.Pair(link)
	if err != nil {
		return err
	}
	return do(ctx, trial.At(a), trial.At(b))
}
