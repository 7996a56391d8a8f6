package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"lanyard/internal/trial"
)

// rcloneStreams is how many it takes of one file, and how many files at a time.
const rcloneStreams = "4"

// startRclone serves the folder of the sources by WebDAV, in clear.
func (b *bench) startRclone(ctx context.Context, place *trial.Place) (*server, error) {
	program, err := find("rclone")
	if err != nil {
		return nil, err
	}
	at, err := place.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	return serve(ctx, place, at, program, "serve", "webdav", "--config", "", "--addr", at.String(), "--read-only",
		filepath.Join(b.memory, "source"))
}

// rclone fetches a file or a tree, in clear. WebDAV gives it no hash to compare.
func (b *bench) rclone(s source, webdav *server, webdavErr error, receiver *trial.Place) contender {
	c := contender{
		name: "rclone, HTTP, 4 streams",
		command: "rclone copy --config '' --multi-thread-streams 4 --multi-thread-cutoff 8M --transfers 4 " +
			"--webdav-url http://ADDRESS :webdav:FILE FOLDER",
	}
	program, err := find("rclone")
	if err := errors.Join(err, webdavErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		name := filepath.Base(s.path)
		target := dir
		if s.hash == "" { // a tree, whose files it puts into the folder itself
			target = filepath.Join(dir, name)
		}
		result, err := client(ctx, webdav, receiver, nil, program, "copy", "--config", "",
			"--multi-thread-streams", rcloneStreams, "--multi-thread-cutoff", "8M", "--transfers", rcloneStreams,
			"--webdav-url", fmt.Sprintf("http://%v", webdav.at), ":webdav:"+name, target)
		result.bytes = s.bytes
		if err == nil {
			err = s.counted(filepath.Join(dir, name))
		}
		return result, err
	})
	return c
}
