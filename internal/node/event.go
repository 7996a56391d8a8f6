package node

import (
	"time"

	"lanyard/internal/digest"
	"lanyard/internal/inbox"
	"lanyard/internal/wire"
)

// An Event is something that happened while sending or receiving, as a JSON
// line and for showing. Kind says which of the fields are set. Strings that
// came from the other side (Device, Path, Renamed) are not escaped.
type Event struct {
	Kind Kind      `json:"event"`
	Time time.Time `json:"time"`

	Code      string   `json:"code,omitempty"`
	Addresses []string `json:"addresses,omitempty"`

	Device   string `json:"device,omitempty"`    // the other side's name
	DeviceID string `json:"device_id,omitempty"` // and identity
	Address  string `json:"address,omitempty"`   // and where it is

	// Words are to be compared with those on the other side's screen. There are none
	// where the one that asks shows none: it trusts this device, or nobody is there.
	Words   string `json:"words,omitempty"`
	Trusted bool   `json:"trusted,omitempty"` // of asked and requested: the device is

	Path    string         `json:"path,omitempty"`
	Renamed string         `json:"renamed,omitempty"` // the name it gets here
	Before  bool           `json:"before,omitempty"`  // some of it was here from an earlier transfer
	Reason  string         `json:"reason,omitempty"`
	BLAKE3  *digest.Digest `json:"blake3,omitempty"`

	Bytes   int64 `json:"bytes,omitempty"`   // done, parts of blocks included; of waiting and offer: in all
	Fetched int64 `json:"fetched,omitempty"` // of Bytes, sent in this try; of received: now, not before
	Kept    int   `json:"kept,omitempty"`    // files that the receiver did not take: it keeps its own
	// Uncompared are files that the receiver had, at least in part, from before, and
	// whose hashes the sender does not know: see Result.
	Uncompared int `json:"uncompared,omitempty"`

	Total     int64   `json:"total,omitempty"` // bytes in all
	Files     int     `json:"files,omitempty"` // done; of waiting and offer: in all
	AllFiles  int     `json:"all_files,omitempty"`
	Rate      float64 `json:"rate,omitempty"`    // bytes a second
	Seconds   float64 `json:"seconds,omitempty"` // it took; of progress: left, 0 when unknown
	Streams   int     `json:"streams,omitempty"`
	Receivers int     `json:"receivers,omitempty"` // that have everything

	// StreamRates are those of each stream over the last moments, bytes a second.
	StreamRates []float64 `json:"stream_rates,omitempty"`
	LimitedBy   Bound     `json:"limited_by,omitempty"` // what keeps it from going faster

	Stream int             `json:"stream,omitempty"`
	First  wire.BlockIndex `json:"first,omitempty"`
	Blocks wire.BlockIndex `json:"blocks,omitempty"`

	Offer *Offer    `json:"offer,omitempty"`
	Of    *Transfer `json:"of,omitempty"`
}

// A Kind is what an event tells.
type Kind string

// The kinds of events, with the fields they set.
const (
	// On the sender.
	KindWaiting   Kind = "waiting"   // Code, Addresses, Offer (Files, Bytes, Names): shared now; where nothing is shared yet: Addresses; of a receiver that takes offers, or waits to be paired (Code): Device and DeviceID, its own, Addresses
	KindOffered   Kind = "offered"   // Device, DeviceID, Address, Words: a device was asked to receive
	KindRequested Kind = "requested" // Device, DeviceID, Address, Words, Trusted: a device asks for something; on the receiver: it asked that one
	KindAccepted  Kind = "accepted"  // Device, DeviceID, Address: it receives
	KindResting   Kind = "resting"   // Device, DeviceID, Address: it has paused, until KindBack
	KindNewCode   Kind = "code"      // Code, Reason: the old one is burnt
	KindSkipped   Kind = "skipped"   // Path, Reason: will not be sent
	KindSending   Kind = "sending"   // Device, DeviceID, Address, Bytes, Fetched, Total unless it had a part before, Rate, StreamRates, LimitedBy: how far one receiver is
	KindReceived  Kind = "received"  // Device, DeviceID, Address, Bytes, Fetched, Kept, Uncompared, Seconds, Rate, Streams, Receivers: one has everything
	KindRefused   Kind = "refused"   // Address, Reason: somebody was not let in; also on the receiver, with Device and DeviceID
	KindDeclined  Kind = "declined"  // Device, DeviceID, Address: one that came with the code does not want it
	KindTrouble   Kind = "trouble"   // Device, DeviceID, Address, Reason: a receiver ended without everything

	// On both.
	KindConnected Kind = "connected" // Device, DeviceID, Address
	KindTrust     Kind = "trust"     // Device, DeviceID, Address, Words, Reason when there is something to beware of: two users compare words to trust each other's device
	KindAgreed    Kind = "agreed"    // Device, DeviceID, Address: here the words are the same; the other side is waited for
	KindTrusted   Kind = "trusted"   // Device, DeviceID, Address: it is from now on
	KindWarning   Kind = "warning"   // Reason
	KindTesting   Kind = "testing"   // Device, DeviceID, Address: measures the way from here to it
	KindTested    Kind = "tested"    // Device, DeviceID, Address: does so no more
	KindFailed    Kind = "failed"    // Path, Reason: will not arrive, or, on the sender, is not sent

	// On the receiver.
	KindAsked    Kind = "asked"    // Device, DeviceID, Address, Words, Trusted: a device wants to send
	KindLooking  Kind = "looking"  // Reason: where it looks for the sender
	KindOffer    Kind = "offer"    // Device, Offer
	KindProgress Kind = "progress" // Path, Bytes, Total, Files, AllFiles, Rate, Seconds, Streams, StreamRates, LimitedBy
	KindRun      Kind = "run"      // Stream, First, Blocks, Bytes, Seconds, Rate, Reason when it broke
	KindFile     Kind = "file"     // Path, Renamed, Before, Bytes, BLAKE3: whole and in its place, each block verified when it came
	KindLost     Kind = "lost"     // Seconds: nothing has come for so long
	KindBack     Kind = "back"     // bytes come again; of a receiver that rested: Device, DeviceID, Address

	// Of a daemon.
	KindTransfer Kind = "transfer" // Of: how a transfer stands, when that has changed
	KindSeen     Kind = "seen"     // Device, DeviceID, Addresses: is on the network, or has changed
	KindGone     Kind = "gone"     // Device, DeviceID: is there no more
	KindPairing  Kind = "pairing"  // the daemon's pairing has changed
	KindBench    Kind = "bench"    // the daemon's speed test has changed
	KindKnown    Kind = "known"    // DeviceID: what is known of a device has changed
	KindMissed   Kind = "missed"   // some notices are not kept any more: look at everything anew
)

// An Offer is what a sender has, for a person to decide on.
type Offer struct {
	Device  string    `json:"device"`
	Names   []string  `json:"names"` // first parts of the paths, at most MaxNames; folders end in "/"
	More    int       `json:"more,omitempty"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Out     string    `json:"out,omitempty"`     // where it would go
	Free    int64     `json:"free,omitempty"`    // bytes free there
	Resumed int64     `json:"resumed,omitempty"` // bytes that are there already from an earlier try
	Text    bool      `json:"text,omitempty"`    // a text to be shown
	ByRule  bool      `json:"by_rule,omitempty"` // accepted already, by the rule of a trusted device
	Mapped  []Mapping `json:"mapped,omitempty"`  // at most MaxMapped of them

	// For the question; who asks for JSON has them in other places. From has no Words
	// where none were to be compared.
	From   Meeting `json:"-"`
	ByCode bool    `json:"-"` // From has proved a code that was given here
}

// A Mapping is a file that gets another name here.
type Mapping struct {
	Path string `json:"path"`
	Name string `json:"name"`
}

// Limits of what an offer shows.
const (
	MaxNames  = 3
	MaxMapped = 20
)

// A Result is what a command did.
type Result struct {
	Bytes int64 `json:"bytes"` // of the files
	// Seconds are from the first request to the last block on the disk. On a sender
	// with one receiver that has everything they are what that one said, otherwise
	// from the first block that went out to the last, to whomever.
	Seconds float64      `json:"seconds"`
	Streams int          `json:"streams"` // the most at one time
	Files   []FileResult `json:"files"`

	// Fetched is the bytes that came now; the rest was there from before.
	Fetched int64 `json:"fetched,omitempty"`
	// Failed are the files that did not arrive.
	Failed []FileFailure `json:"failed,omitempty"`
	// Skipped files were here under their names already, and were kept.
	Skipped int `json:"skipped,omitempty"`
	// Uncompared files were here, at least in part, from an earlier transfer, and the
	// sender could not say whether they are as a whole what it has: not all of them
	// has gone out since it was started, or it was not to be reached. Of each block
	// that came now, and came then, the digest was right.
	Uncompared int `json:"uncompared,omitempty"`
	// Receivers have everything (on the sender).
	Receivers int `json:"receivers,omitempty"`
	// Out is where the files are (on the receiver).
	Out string `json:"out,omitempty"`
}

// A FileResult is one file that arrived, or, on the sender, was sent.
type FileResult struct {
	Path   string         `json:"path"` // where it is, below Out
	Size   int64          `json:"size"`
	BLAKE3 *digest.Digest `json:"blake3"` // null for a folder
}

// A FileFailure is one file that did not arrive.
type FileFailure struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// offerOf sums up a manifest.
func offerOf(device string, files []wire.File) Offer {
	o := Offer{Device: device, Files: len(files)}
	seen := map[string]bool{}
	for _, f := range files {
		o.Bytes += f.Size
		name := topName(f)
		if len(seen) > 0 && seen[name] {
			continue
		}
		if len(o.Names) < MaxNames {
			o.Names = append(o.Names, name)
			seen[name] = true
		} else if len(seen) < maxTopNames {
			seen[name] = true
			o.More++
		}
	}
	return o
}

// maxTopNames bounds what offerOf remembers of a stranger's manifest.
const maxTopNames = 10_000

// topName is the first part of a file's path, with a "/" when it is a folder.
func topName(f wire.File) string {
	for i := range len(f.Path) {
		if f.Path[i] == '/' {
			return f.Path[:i+1]
		}
	}
	if f.Dir {
		return f.Path + "/"
	}
	return f.Path
}

// Conflict says what becomes of a file whose name is taken where it shall go.
type Conflict = inbox.Conflict

// The conflict rules.
const (
	Rename    = inbox.Rename    // it becomes "name (1).ext"
	Overwrite = inbox.Overwrite // it replaces the file that is there
	Skip      = inbox.Skip      // it is not received
)
