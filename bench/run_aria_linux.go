package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"lanyard/internal/trial"
)

// aria fetches a source from nginx over several connections, a part of the file
// each.
func (b *bench) aria(s source, nginx *server, nginxErr error, receiver *trial.Place, connections int) contender {
	const options = "-q --no-conf --file-allocation=none --min-split-size=1M"
	c := contender{
		name: fmt.Sprintf("aria2, HTTPS, %d connections", connections),
		command: fmt.Sprintf("aria2c %s --ca-certificate=cert.pem -x %d -s %d -d FOLDER -o FILE https://ADDRESS/FILE",
			options, connections, connections),
	}
	if connections == 1 {
		c.name = "aria2, HTTPS, 1 connection"
	}
	program, err := find("aria2c")
	if err := errors.Join(err, nginxErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		n := strconv.Itoa(connections)
		result, err := client(ctx, nginx, receiver, nil, program, "-q", "--no-conf", "--file-allocation=none", "--min-split-size=1M",
			"--ca-certificate="+filepath.Join(b.memory, "cert.pem"), "-x", n, "-s", n, "-d", dir, "-o", "file",
			fmt.Sprintf("https://%v/%s", nginx.at, filepath.Base(s.path)))
		result.bytes, result.streams = s.bytes, connections
		return result, errors.Join(err, checkIf(err, filepath.Join(dir, "file"), s))
	})
	return c
}
