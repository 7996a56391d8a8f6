package transfer

import (
	"context"
	"net"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// A Source is a sender as the streams see it.
type Source struct {
	// Dial opens one more connection to the sender, proven to be that device.
	// It is called from several goroutines.
	Dial func(ctx context.Context) (net.Conn, error)
	// Access tells the share's ID and the ticket that opens it.
	Access func() (share, ticket string)
	// Renew is called when the sender does not take that ticket, for example
	// after it was started again; a nil error means that Access has a new one.
	// It is called from several goroutines, with the ticket that was refused.
	Renew func(ctx context.Context, refused string) error
}

// A Sink is where blocks go: the inbox, or a pipe.
type Sink interface {
	// Write takes a verified block, each of them once. It is called from
	// several goroutines and must not keep data. An error ends the transfer.
	Write(ctx context.Context, i wire.FileIndex, b digest.FileBlock, data []byte, d digest.Digest) error
	// Fail says that the rest of file i will not come, and why.
	Fail(i wire.FileIndex, why error)
}
