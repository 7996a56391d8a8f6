package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
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

// rsyncSSH fetches a source through ssh.
func (b *bench) rsyncSSH(src source, ssh *sshServer, sshErr error, receiver *trial.Place) contender {
	c := contender{name: "rsync over ssh", command: "rsync -a -e 'ssh " + scpOptions + " -i KEY -p PORT' ADDRESS:FILE FOLDER"}
	program, err := find("rsync")
	remote, clientErr := find("ssh")
	me, userErr := user.Current()
	if err := errors.Join(err, clientErr, userErr, sshErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		shell := fmt.Sprintf("%s %s -i %s -p %d", remote, scpOptions, ssh.clientKey, ssh.at.Port())
		result, err := client(ctx, ssh.server, receiver, nil, program, "-a", "-e", shell,
			fmt.Sprintf("%s@%v:%s", me.Username, ssh.at.Addr(), src.path), dir)
		result.bytes = src.bytes
		if err == nil {
			err = src.counted(filepath.Join(dir, filepath.Base(src.path)))
		}
		return result, err
	})
	return c
}
