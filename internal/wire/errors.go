package wire

import (
	"context"
	"errors"
	"net/http"
)

// The decisions that errors lead to. Code wraps them with the operation that
// failed and asks with errors.Is; texts are never matched.
var (
	ErrUsage         = errors.New("wrong usage")
	ErrNotFound      = errors.New("device not found")
	ErrRejected      = errors.New("declined")
	ErrDeviceBusy    = errors.New("the device is receiving something else")
	ErrExpired       = errors.New("nobody answered the offer in time")
	ErrUnauthorised  = errors.New("not authorised")
	ErrWrongDevice   = errors.New("another device answered")
	ErrPartial       = errors.New("not every file arrived")
	ErrMismatch      = errors.New("content does not match its digest")
	ErrNoSpace       = errors.New("no space left")
	ErrSourceChanged = errors.New("the source changed while it was sent")
	ErrSourceRead    = errors.New("the source cannot be read")
	ErrSourceLost    = errors.New("the sender is gone")
	ErrStopped       = errors.New("the sender has stopped sharing")
	ErrReceiverLost  = errors.New("the receiver is gone")
	ErrBadName       = errors.New("a name that cannot be written here")
	ErrTooLarge      = errors.New("larger than allowed")
	ErrLongList      = errors.New("more files, or deeper folders, than are taken from a device that is neither trusted nor has a code")
	ErrMalformed     = errors.New("not in the form the protocol asks")
	ErrVersion       = errors.New("no common protocol version")
	ErrBusy          = errors.New("too much at once")
	ErrNoShare       = errors.New("no such share")
	ErrPortTaken     = errors.New("the port is taken")
	ErrInboxBusy     = errors.New("the folder is being received into already")
	ErrNewerState    = errors.New("a newer lanyard has been here")
)

// Exit codes of the command line.
const (
	ExitDone         = 0
	ExitError        = 1
	ExitUsage        = 2
	ExitNotFound     = 3
	ExitRejected     = 4
	ExitUnauthorised = 5
	ExitPartial      = 6
	ExitIntegrity    = 7
	ExitNoSpace      = 8
	ExitInterrupted  = 130
)

// A Failure is an error as the other side, a script and a person see it.
type Failure struct {
	Code   string // stable, for programs: "no_space"
	Status int    // HTTP status
	Exit   int    // exit code of the command
	Remedy string // what to do about it, a sentence; empty when nothing is known
}

// The one table of errors. The first row whose sentinel errors.Is finds decides,
// so that what is more particular stands above what is less.
var failures = []struct {
	err error
	Failure
}{
	{context.Canceled, Failure{"interrupted", 499, ExitInterrupted, "Run the same command again to go on where it stopped."}},
	{ErrUsage, Failure{"usage", http.StatusBadRequest, ExitUsage, "See --help."}},
	{ErrPortTaken, Failure{"port_taken", http.StatusConflict, ExitError, "Choose another --port, or --port 0 for one that is free."}},
	{ErrNotFound, Failure{"not_found", http.StatusNotFound, ExitNotFound, "Check that the sender still waits and that both machines are on the same network, or name its address: --from HOST[:PORT]."}},
	{ErrRejected, Failure{"rejected", http.StatusForbidden, ExitRejected, ""}},
	{ErrDeviceBusy, Failure{"device_busy", http.StatusConflict, ExitRejected, "Try again when it has finished."}},
	{ErrExpired, Failure{"expired", http.StatusGone, ExitRejected, "Offer it again when somebody is there to answer."}},
	{ErrWrongDevice, Failure{"wrong_device", http.StatusForbidden, ExitUnauthorised, "If that device was set up anew, take the code that it shows now, or trust it anew: \"lanyard devices untrust\", then \"lanyard pair\". If not, somebody else is answering in its place."}},
	{ErrUnauthorised, Failure{"unauthorised", http.StatusUnauthorized, ExitUnauthorised, "Check the code with the person who sends; after three wrong tries the sender shows a new one."}},
	{ErrNoSpace, Failure{"no_space", http.StatusInsufficientStorage, ExitNoSpace, "Make space, then run the same command again: it goes on where it stopped."}},
	{ErrMismatch, Failure{"integrity", http.StatusUnprocessableEntity, ExitIntegrity, "Something changes the data on its way, or a disk or memory is failing. Check both machines."}},
	{ErrPartial, Failure{"partial", http.StatusOK, ExitPartial, "Run the sender and the receiver again to fetch what is missing."}},
	{ErrSourceChanged, Failure{"source_changed", http.StatusConflict, ExitPartial, "Send the file again when nothing writes to it."}},
	{ErrSourceRead, Failure{"source_read", http.StatusInternalServerError, ExitPartial, "Check that the sender may read the file and that its disk is sound."}},
	{ErrBadName, Failure{"bad_name", http.StatusUnprocessableEntity, ExitError, "Ask the sender to rename the file."}},
	{ErrVersion, Failure{"version", http.StatusHTTPVersionNotSupported, ExitError, "Bring both machines to the same version of lanyard."}},
	{ErrLongList, Failure{"long_list", http.StatusRequestEntityTooLarge, ExitError, "Let the two devices trust each other (\"lanyard pair\"), or send it with a code: \"lanyard send\" without --to."}},
	{ErrTooLarge, Failure{"too_large", http.StatusRequestEntityTooLarge, ExitError, ""}},
	{ErrMalformed, Failure{"malformed", http.StatusBadRequest, ExitError, "Check that the other side is lanyard, and of this version."}},
	{ErrBusy, Failure{"busy", http.StatusServiceUnavailable, ExitError, "Try again in a moment."}},
	{ErrInboxBusy, Failure{"inbox_busy", http.StatusConflict, ExitError, "Wait for the other receive to end, or choose another folder with --out."}},
	{ErrNewerState, Failure{"newer_state", http.StatusInternalServerError, ExitError, "Use the newer lanyard, or another state folder with LANYARD_HOME."}},
	{ErrNoShare, Failure{"no_share", http.StatusNotFound, ExitError, "The sender may have stopped sharing: ask for a new code."}},
	{ErrStopped, Failure{"stopped", http.StatusGone, ExitError, "What has arrived is kept: to go on, have it sent again and receive it with the new code."}},
	{ErrReceiverLost, Failure{"receiver_lost", http.StatusBadGateway, ExitError, "When the receiver is back, send the same again: it goes on where it stopped."}},
	{ErrSourceLost, Failure{"source_lost", http.StatusBadGateway, ExitError, "When the sender is back, run the same command again: it goes on where it stopped."}},
}

var unknownFailure = Failure{"error", http.StatusInternalServerError, ExitError, ""}

// FailureOf describes err by the table; a plain failure when no row fits.
func FailureOf(err error) Failure {
	row := unknownFailure
	for _, f := range failures {
		if errors.Is(err, f.err) {
			row = f.Failure
			break
		}
	}
	var a *advised
	if errors.As(err, &a) {
		row.Remedy = a.remedy
	}
	return row
}

// Advise is err with a remedy of its own, where that of the table does not fit
// what was being done.
func Advise(err error, remedy string) error { return &advised{err, remedy} }

type advised struct {
	error
	remedy string
}

func (a *advised) Unwrap() error { return a.error }

// ErrorOf is the sentinel that a wire code stands for, or nil for a code that
// this version does not know.
func ErrorOf(code string) error {
	for _, f := range failures {
		if f.Code == code {
			return f.err
		}
	}
	return nil
}
