package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A keyboard is the state of asking. One question is asked at a time, and what is
// typed answers the question that stood there when it was begun, or nothing: a
// stranger can have a question withdrawn and ask another one while somebody types.
type keyboard struct {
	// drop forgets what was typed and not read yet, and tells whether that is all:
	// a line that is typed into a read may be out of its reach. It is nil where the
	// input is no terminal: there lines are ready before they are asked for.
	drop func() (isAll bool, err error)

	asking    sync.Mutex // held by who asks, and guards what follows
	withdrawn bool       // the last question was, without an answer
	begun     []byte     // was read, and is not a line yet
	reading   chan input // of a read that goes on; nil: none does
}

// An input is what one read gave.
type input struct {
	data []byte
	err  error
}

// tooSoon is how long after a question was shown in the place of another an answer
// would still be meant for that other.
const tooSoon = time.Second

// ask asks for a line. The error is io.EOF when there is no more input, or
// that of ctx.
func (t *terminal) ask(ctx context.Context, question string) (string, error) {
	k := &t.keys
	k.asking.Lock()
	defer k.asking.Unlock()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	_, err := k.forget()
	if err != nil {
		return "", err
	}
	_, _ = io.WriteString(t.err, question)
	if k.withdrawn {
		err = k.settle(ctx, t.in)
		if err == nil {
			t.insist("\n  Another question stood here before: what was typed up to now does not count.")
			_, _ = io.WriteString(t.err, question)
		}
	}
	var line string
	if err == nil {
		line, err = k.line(ctx, t.in)
	}
	switch {
	case err == nil:
		k.withdrawn = false
		return line, nil
	case ctx.Err() != nil:
		k.withdrawn = true
	}
	_, _ = io.WriteString(t.err, "\n")
	return "", err
}

// forget drops what was typed up to now, and tells whether that is all.
func (k *keyboard) forget() (isAll bool, err error) {
	if k.drop == nil {
		return true, nil
	}
	if isAll, err = k.drop(); err != nil {
		return false, fmt.Errorf("drop what was typed: %w", err)
	}
	k.begun = nil
	select {
	case <-k.reading:
		k.reading = nil
	default:
	}
	return isAll || k.reading == nil, nil
}

// settle lets the time pass in which nothing is an answer, and drops what is typed
// in it.
func (k *keyboard) settle(ctx context.Context, in io.Reader) error {
	select {
	case <-time.After(tooSoon):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	isAll, err := k.forget()
	if err == nil && !isAll {
		_, err = k.line(ctx, in) // it may have been begun before
	}
	return err
}

// line waits for a line.
func (k *keyboard) line(ctx context.Context, in io.Reader) (string, error) {
	for {
		if line, rest, ok := bytes.Cut(k.begun, []byte("\n")); ok {
			k.begun = rest
			return string(line), nil
		}
		// A read from a terminal cannot be called back. It serves the next question
		// when this one is taken back, and after Ctrl-C the command ends and takes the
		// goroutine along.
		if k.reading == nil {
			inputs := make(chan input, 1)
			k.reading = inputs
			go func() {
				data := make([]byte, 1<<12)
				n, err := in.Read(data)
				inputs <- input{data[:n], err}
			}()
		}
		select {
		case got := <-k.reading:
			k.reading = nil
			k.begun = append(k.begun, got.data...)
			if got.err != nil && !bytes.Contains(k.begun, []byte("\n")) {
				k.begun = nil // not a line
				return "", got.err
			}
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// askSecretly asks for a line that is not shown while it is typed.
func (t *terminal) askSecretly(ctx context.Context, question string) (string, error) {
	show, err := hideInput(os.Stdin)
	if err != nil {
		return "", fmt.Errorf("hide what is typed: %w", err)
	}
	line, err := t.ask(ctx, question)
	if err == nil { // nor was Enter shown
		_, _ = io.WriteString(t.err, "\n")
	}
	return strings.TrimSuffix(line, "\r"), errors.Join(err, show())
}

// confirm asks a question until it is answered by yes or no; Enter is byDefault,
// and the end of the input is no.
func (t *terminal) confirm(ctx context.Context, question string, byDefault bool) (bool, error) {
	for {
		line, err := t.ask(ctx, question)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "":
			return byDefault, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}
