package speed

import (
	"context"
	"runtime"
)

// Measure finds what this machine can do: its memory for half a second, then
// the disk of the scratch folder for some two seconds. Nothing else should be
// going on meanwhile. Name, device and limit are the caller's to fill in. Errors
// are those of the disk, and ctx's cause.
func Measure(ctx context.Context, in *Scratch) (Machine, error) {
	m := Machine{Cores: runtime.GOMAXPROCS(0)}
	var err error
	if m.Memory, err = memory(ctx); err != nil {
		return m, err
	}
	m.DiskWrite, m.DiskRead, m.Cached, err = in.disk(ctx)
	return m, err
}
