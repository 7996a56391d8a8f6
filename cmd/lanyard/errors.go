package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

// A usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }
func (e usageError) Unwrap() error { return wire.ErrUsage }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// An interruption is the end that the user asked for with Ctrl-C.
type interruption struct{ text, remedy string }

func (e interruption) Error() string { return e.text }
func (e interruption) Unwrap() error { return context.Canceled }

// A failure is an error as --json writes it.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// failureOf is what there is to say of an error that ended a command.
func failureOf(err error) failure {
	row := wire.FailureOf(err)
	f := failure{Code: row.Code, Remedy: row.Remedy}
	// What follows says what is wrong with it.
	f.Message = strings.TrimPrefix(err.Error(), wire.ErrUsage.Error()+": ")
	var stopped interruption
	var remote *wire.RemoteError
	var mistakes settings.Mistakes
	switch {
	case errors.As(err, &mistakes):
		f.Remedy = `Run "lanyard config check" to see every mistake.`
	case errors.As(err, &stopped):
		f.Remedy = stopped.remedy
	case errors.As(err, &remote) && f.Remedy == "":
		f.Remedy = remote.Remedy // of an error that this version does not know
	}
	return f
}
