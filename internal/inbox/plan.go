package inbox

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/dustin/go-humanize"

	"lanyard/internal/digest"
	"lanyard/internal/wire"
)

// An Origin is the device that sends.
type Origin struct {
	Device [32]byte // its pinned ID
	Name   string   // untrusted, only for listings
}

// Conflict says what becomes of a file whose name is taken in the inbox.
type Conflict uint8

const (
	Rename    Conflict = iota // it becomes "name (1).ext"
	Overwrite                 // it replaces the file that is there
	Skip                      // it is not received
)

// PlanOptions of a transfer. The zero value works.
type PlanOptions struct {
	Conflict Conflict

	// As are other names for files, below the inbox.
	As map[wire.FileIndex]string

	// Leave tells which files are not wanted; nil: all are.
	Leave func(i wire.FileIndex) bool

	// Committed is told of each file that is now in place, with its path
	// under the inbox and its hash; of empty folders too, with digest.Empty.
	// It is not called by two goroutines at once.
	Committed func(i wire.FileIndex, path string, hash digest.Digest)
}

// A State is what is to become of a file.
type State uint8

const (
	Fetch   State = iota // some or all of its blocks are still to come
	Done                 // an earlier part of the transfer has put it in place
	Skipped              // not wanted, or its name is taken and the rule is to skip
)

// Bytes sums up a plan.
type Bytes struct {
	Total   int64 // of all files
	Resumed int64 // of these, on the disk from an earlier part of the transfer
	Need    int64 // still to be fetched
	Free    int64 // that the file system has
}

// A Plan is how a transfer would be received. It is safe from several
// goroutines; a transfer of n files takes n bytes and what is said for those
// that are renamed, done or begun.
type Plan struct {
	in      *Inbox
	from    Origin
	files   []wire.File
	opts    PlanOptions
	limits  volumeLimits
	survey  *survey
	state   []State
	targets map[wire.FileIndex]string // that differ from what was asked for
	bytes   Bytes
}

// Plan decides what is to be fetched and under which names, and writes nothing.
// The files are kept and must not change.
//
// Errors: wire.ErrBadName for a name that is to be written nowhere,
// wire.ErrTooLarge for a file that the file system cannot hold,
// wire.ErrNoSpace, wire.ErrMalformed for sizes that cannot be, wire.ErrUsage.
func (in *Inbox) Plan(ctx context.Context, from Origin, files []wire.File, opts PlanOptions) (*Plan, error) {
	limits, free, err := in.fs.Volume()
	if err != nil {
		return nil, opError("look at the file system of", in.dir, err)
	}
	p := &Plan{in: in, from: from, files: files, opts: opts, limits: limits, targets: make(map[wire.FileIndex]string)}
	p.bytes.Free = free
	if err := p.checkSizes(); err != nil {
		return nil, err
	}
	for i := range files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := checkPath(files[i].Path, limits); err != nil {
			return nil, err
		}
	}
	for i, as := range opts.As {
		if files[i].Dir {
			return nil, fmt.Errorf("%w: another name can be given to files only", wire.ErrUsage)
		}
		if err := checkPath(as, limits); err != nil {
			return nil, err
		}
	}
	p.survey, err = in.survey(ctx, from.Device, files)
	if err != nil {
		return nil, err
	}
	p.state = make([]State, len(files))
	for i := range p.survey.done {
		p.state[i] = Done
	}
	for i := range files {
		if index := wire.FileIndex(i); opts.Leave != nil && p.state[i] != Done && opts.Leave(index) {
			p.state[i] = Skipped
		}
	}
	if err := newNamer(p).nameAll(ctx); err != nil {
		return nil, err
	}
	return p, p.checkSpace()
}

func (p *Plan) checkSizes() error {
	for i := range p.files {
		f := &p.files[i]
		if f.Size < 0 || f.Dir && f.Size != 0 || f.Size > math.MaxInt64-p.bytes.Total {
			return fmt.Errorf("%w: %s: a size that cannot be", wire.ErrMalformed, quote(f.Path))
		}
		p.bytes.Total += f.Size
		if p.limits.MaxFile > 0 && f.Size > p.limits.MaxFile {
			system := p.limits.System
			if system != "" {
				system += " "
			}
			return fmt.Errorf("%w: %s has %s, but the %sfile system of %s holds no file above %s", wire.ErrTooLarge,
				quote(f.Path), humanize.Bytes(uint64(f.Size)), system, quote(p.in.dir), humanize.Bytes(uint64(p.limits.MaxFile)))
		}
	}
	return nil
}

// checkSpace compares what is still to be allocated with what is free, or will
// be when partial files of no use are gone.
func (p *Plan) checkSpace() error {
	var allocate int64
	for i := range p.files {
		size := p.files[i].Size
		switch r := p.survey.resume[wire.FileIndex(i)]; {
		case p.state[i] == Done:
			p.bytes.Resumed += size
		case p.state[i] == Skipped:
		case r != nil:
			p.bytes.Resumed += r.bytes
			p.bytes.Need += size - r.bytes
			allocate += max(0, size-r.allocated)
		default:
			p.bytes.Need += size
			allocate += size
		}
	}
	if allocate > p.bytes.Free+p.survey.frees {
		return fmt.Errorf("%w: %s needed, %s free in %s", wire.ErrNoSpace,
			humanize.Bytes(uint64(allocate)), humanize.Bytes(uint64(p.bytes.Free)), quote(p.in.dir))
	}
	return nil
}

// Bytes sums up the plan.
func (p *Plan) Bytes() Bytes { return p.bytes }

// State tells what is to become of file i.
func (p *Plan) State(i wire.FileIndex) State { return p.state[i] }

// Target is the path that file i will have under the inbox, or has, with "/"
// between its parts. A name that is taken between Plan and the moment when the
// file is whole is not overwritten: PlanOptions.Committed tells what it became.
func (p *Plan) Target(i wire.FileIndex) string {
	if t, ok := p.targets[i]; ok {
		return t
	}
	return p.wanted(i)
}

// wanted is the path as the sender, or PlanOptions.As, has it.
func (p *Plan) wanted(i wire.FileIndex) string {
	if as := p.opts.As[i]; as != "" {
		return as
	}
	return p.files[i].Path
}

// Mapped yields the files that are to be fetched and get another name than the
// one sent or asked for: because the file system cannot hold that one, or
// because it is taken.
func (p *Plan) Mapped() iter.Seq[wire.FileIndex] {
	return func(yield func(wire.FileIndex) bool) {
		for i := range p.files {
			index := wire.FileIndex(i)
			if _, ok := p.targets[index]; ok && p.state[i] == Fetch && !yield(index) {
				return
			}
		}
	}
}

// Missing yields the runs of blocks of file i that are still to be fetched, as
// the first block and the one after the last.
func (p *Plan) Missing(i wire.FileIndex) iter.Seq2[digest.FileBlock, digest.FileBlock] {
	return func(yield func(first, end digest.FileBlock) bool) {
		blocks := p.files[i].Blocks()
		r := p.survey.resume[i]
		if p.state[i] != Fetch || blocks == 0 {
			return
		}
		if r == nil {
			yield(0, blocks)
			return
		}
		for b := digest.FileBlock(0); b < blocks; b++ {
			if r.have.has(b) {
				continue
			}
			first := b
			for b < blocks && !r.have.has(b) {
				b++
			}
			if !yield(first, b) {
				return
			}
		}
	}
}

// HasPart tells whether content of file i, some or all, is here from an earlier
// part of the transfer.
func (p *Plan) HasPart(i wire.FileIndex) bool {
	return p.files[i].Size > 0 && (p.state[i] == Done || p.state[i] == Fetch && p.survey.resume[i] != nil)
}

// Hash is the hash of file i, when its state is Done.
func (p *Plan) Hash(i wire.FileIndex) (digest.Digest, bool) {
	d, ok := p.survey.done[i]
	return d.hash, ok
}
