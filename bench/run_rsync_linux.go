package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"lanyard/internal/trial"
)

// rsyncdConfig is for a daemon that serves one folder as it finds it.
const rsyncdConfig = `use chroot = no
log file = %s
[source]
path = %s
read only = yes
`

// startRsync starts a daemon that serves the folder of the sources.
func (b *bench) startRsync(ctx context.Context, place *trial.Place) (*server, error) {
	program, err := find("rsync")
	if err != nil {
		return nil, err
	}
	at, err := place.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(b.memory, "rsyncd.conf")
	text := fmt.Sprintf(rsyncdConfig, filepath.Join(b.memory, "rsyncd.log"), filepath.Join(b.memory, "source"))
	if os.Geteuid() == 0 {
		text += "uid = 0\ngid = 0\n" // else it becomes nobody, who cannot enter the folder
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return serve(ctx, place, at, program, "--daemon", "--no-detach", "--config="+config,
		"--address="+at.Addr().String(), "--port="+strconv.Itoa(int(at.Port())))
}

// rsync fetches a tree from the daemon, without encryption.
func (b *bench) rsync(s source, daemon *server, daemonErr error, receiver *trial.Place) contender {
	c := contender{name: "rsync daemon, in clear", command: "rsync -a rsync://ADDRESS/source/FOLDER FOLDER"}
	program, err := find("rsync")
	if err := errors.Join(err, daemonErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		name := filepath.Base(s.path)
		result, err := client(ctx, daemon, receiver, nil, program, "-a", fmt.Sprintf("rsync://%v/source/%s", daemon.at, name), dir)
		result.bytes = s.bytes
		if err == nil {
			err = s.counted(filepath.Join(dir, name))
		}
		return result, err
	})
	return c
}
