package node

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"lanyard/internal/digest"
	"lanyard/internal/transfer"
	"lanyard/internal/wire"
)

// toPipe writes the share's only file to w, in order.
func (r *receive) toPipe(ctx context.Context, w io.Writer) (Result, error) {
	if len(r.files) != 1 || r.files[0].Dir {
		return Result{}, fmt.Errorf("%w: --out - takes a single file: name a folder for what is offered", wire.ErrUsage)
	}
	p := newPipe(w)
	fetched, err := r.fetch(ctx, []transfer.Span{{First: 0, End: r.layout.Blocks()}}, p, true, 0)
	if err == nil && len(fetched.Failed) == 0 {
		r.committed(0, r.files[0].Path, digest.File(r.files[0].Size, p.digests))
	}
	return r.end(ctx, fetched, "", err)
}

// maxText bounds a text that is shown; a longer one is received as a file.
const maxText = 1 << 20

// toText hands over a text.
func (r *receive) toText(ctx context.Context) (Result, error) {
	var text bytes.Buffer
	res, err := r.toPipe(ctx, &text)
	if err == nil {
		r.opts.OnText(text.String())
	}
	return res, err
}
