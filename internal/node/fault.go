package node

import (
	"bytes"
	"log"
	"strings"
)

// maxFault is how much is told of a fault, in bytes: what it is, and the calls that
// led to it.
const maxFault = 2000

// faultLog is for what net/http has to say. Broken connections of strangers are not
// worth a line, and every error that matters comes as an event: all that is told is
// that answering a request panicked, which net/http survives.
func faultLog(report func(Event)) *log.Logger { return log.New(faults(report), "", 0) }

type faults func(Event)

func (f faults) Write(message []byte) (int, error) {
	if text, isFault := bytes.CutPrefix(message, []byte("http: panic serving ")); isFault {
		line := strings.Join(strings.Fields(string(text)), " ")
		f(Event{Kind: KindWarning, Reason: "a fault in lanyard, please report it: a request of " + line[:min(len(line), maxFault)]})
	}
	return len(message), nil
}

// FaultLog tells of requests to a page or a socket of the daemon by whose fault
// answering them panicked.
func (d *Daemon) FaultLog() *log.Logger {
	return faultLog(func(ev Event) { d.bus.publish("", ev) })
}
