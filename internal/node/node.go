package node

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/adrg/xdg"

	"lanyard/internal/discovery"
	"lanyard/internal/identity"
	"lanyard/internal/inbox"
	"lanyard/internal/pace"
	"lanyard/internal/pairing"
	"lanyard/internal/store"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// DefaultPort is where a sender listens when nothing else is asked.
const DefaultPort = 12121

// MaxStreams is the most streams that a receiver opens.
const MaxStreams = transfer.MaxStreams

// A Node is this machine as others know it: an identity and a name.
type Node struct {
	id     *identity.Identity
	secret inbox.Secret // what it knows its unfinished transfers again by
	name   string
	home   string        // folder of all that lasts: identity, history, unfinished transfers
	kept   time.Duration // how long a transfer stays in the history
	hand   []string      // addresses of devices

	hashing  chan struct{} // held while a password is hashed
	benching chan struct{} // holds one: a speed test that this node takes part in
	planning chan struct{} // holds one: the plan of a stranger's offer that is being made
	up, down *pace.Group   // what goes out of and into all of its transfers
	answerer *pairing.Answerer

	opening sync.Mutex // guards what follows
	store   *store.Store
	damage  string // what there is to tell of it
}

// Options say how the node appears.
type Options struct {
	Name string        // what it is called to others, at most 100 bytes; empty: the machine's name
	Keep time.Duration // how long a transfer stays in the history; 0: a year

	// ByHand are addresses of devices, HOST[:PORT], that are looked for there, too,
	// since the network may carry no multicast.
	ByHand []string
}

// Open makes the node of this user, with a new identity at first use. Its
// folder is $LANYARD_HOME, or "lanyard" in the state folder of the XDG rules.
// Whoever opens it closes it. Its history is opened when it is first used.
func Open(opts Options) (*Node, error) {
	home := os.Getenv("LANYARD_HOME")
	if home == "" {
		// Without a home folder the state would go to the root of the disk.
		if _, err := os.UserHomeDir(); err != nil && os.Getenv("XDG_STATE_HOME") == "" {
			return nil, fmt.Errorf("find the state folder: %w: set HOME, or LANYARD_HOME to a folder of its own", err)
		}
		home = filepath.Join(xdg.StateHome, "lanyard")
	}
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("find the state folder: %w", err)
	}
	return openAt(home, opts)
}

func openAt(home string, opts Options) (*Node, error) {
	if err := checkHand(opts.ByHand); err != nil {
		return nil, err
	}
	id, err := identity.LoadOrCreate(home)
	if err != nil {
		return nil, fmt.Errorf("the state folder (LANYARD_HOME chooses another): %w", err)
	}
	secret, err := id.Secret("inbox 1")
	if err != nil {
		return nil, err
	}
	return &Node{
		id: id, secret: inbox.Secret(secret), name: cmp.Or(opts.Name, hostName()), home: home, kept: cmp.Or(opts.Keep, historyFor),
		hand: opts.ByHand, hashing: make(chan struct{}, maxHashing), benching: make(chan struct{}, 1), planning: make(chan struct{}, 1),
		up: pace.New(0), down: pace.New(0), answerer: pairing.NewAnswerer(),
	}, nil
}

// SetLimits bounds what all transfers that have no limit of their own send and
// receive together, in bytes a second, from now on; 0 is no limit.
func (n *Node) SetLimits(up, down int64) {
	n.up.SetLimit(up)
	n.down.SetLimit(down)
}

// info is what this node tells anybody of itself.
func (n *Node) info() wire.Info {
	return wire.Info{Name: n.name, Version: Version(), Device: n.id.ID().String()}
}

// announce tells the network of a service of this node that listens at an
// address; of says what it is for.
func (n *Node) announce(ctx context.Context, at *net.TCPAddr, of discovery.Service) (*discovery.Announcer, error) {
	of.Name, of.Device, of.Version, of.Port = n.name, n.id.ID().String(), wire.Version, at.Port
	return discovery.Announce(ctx, of, discovery.Options{Interfaces: interfacesOf(at.IP)})
}

// maxName is how long a name may be that is told to others.
const maxName = 100

// hostName is the machine's name up to the first dot, as people know it.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "lanyard"
	}
	if name, _, _ = strings.Cut(name, "."); name == "" || len(name) > maxName {
		return "lanyard"
	}
	return name
}

// Version is the program's version from the build, "v1.2.3" or a commit.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// Home is the folder of all that lasts.
func (n *Node) Home() string { return n.home }
