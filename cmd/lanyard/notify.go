package main

import (
	"context"
	"fmt"
	"time"

	"lanyard/internal/node"
)

// notifyTime is how long a desktop may take to show a notification.
const notifyTime = 5 * time.Second

// notifyOf tells the person at this machine's desktop, if there is one, what asks
// for an answer. Whoever has no desktop reads the log.
func notifyOf(ctx context.Context, n node.Notice) {
	switch {
	case n.Kind == node.KindTrust:
		notify(ctx, name(n.Device)+" wants to be trusted", "lanyard pair")
	case n.Kind == node.KindTransfer && n.Of.State == node.Asking:
		notifyTransfer(ctx, *n.Of)
	}
}

func notifyTransfer(ctx context.Context, v node.Transfer) {
	title, text := name(v.Device)+" wants to send", "lanyard transfers accept "+shorten(v.ID)
	switch {
	case v.Kind == node.TransferGiven:
		title, text = name(v.Device)+" asks for something", text+" PATH"
	case v.Direction == node.Sent:
		title = fmt.Sprintf("Does the screen of %s show  %s  ?", name(v.Device), v.Words)
	}
	if v.Offer != nil {
		text = contents(*v.Offer) + "\n" + text
	}
	notify(ctx, title, text)
}

func notify(ctx context.Context, title, text string) {
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	if cmd := notifier(ctx, title, text); cmd != nil {
		_ = cmd.Run() // a desktop that does not show it is like none
	}
}
