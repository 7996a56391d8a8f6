package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"lanyard/internal/trial"
)

// sshdFolder is where sshd locks its children in, when it runs as root. The
// service makes it at boot; a machine that never started the service has none.
const sshdFolder = "/run/sshd"

// Options of both ends: keys of this benchmark and nothing of the user's. What
// costs time, the cipher above all, is left as it comes.
const (
	sshdOptions = "-D -e -f none -o PidFile=none -o UsePAM=no -o StrictModes=no -o LogLevel=ERROR " +
		"-o PermitRootLogin=prohibit-password -o PasswordAuthentication=no"
	scpOptions = "-q -F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no " +
		"-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
)

// An sshServer is sshd with keys of its own.
type sshServer struct {
	*server
	clientKey  string
	madeFolder bool
}

// startSSH starts sshd on a port of its own, for this user and one key.
func (b *bench) startSSH(ctx context.Context, place *trial.Place) (_ *sshServer, err error) {
	program, err := find("sshd")
	if err != nil {
		return nil, err
	}
	keygen, err := find("ssh-keygen")
	if err != nil {
		return nil, err
	}
	at, err := place.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &sshServer{clientKey: filepath.Join(b.memory, "ssh-client")}
	host := filepath.Join(b.memory, "ssh-host")
	for _, key := range []string{host, s.clientKey} {
		if out, err := exec.CommandContext(ctx, keygen, "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	if os.Geteuid() == 0 {
		err := os.Mkdir(sshdFolder, 0o755)
		if s.madeFolder = err == nil; err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	s.server, err = serve(ctx, place, at, program, append(strings.Fields(sshdOptions), "-h", host,
		"-o", "ListenAddress="+at.Addr().String(), "-o", "Port="+strconv.Itoa(int(at.Port())),
		"-o", "AuthorizedKeysFile="+s.clientKey+".pub", "-o", "Subsystem=sftp internal-sftp")...)
	if err != nil {
		return nil, errors.Join(err, s.removeFolder())
	}
	return s, nil
}

func (s *sshServer) removeFolder() error {
	if !s.madeFolder {
		return nil
	}
	return os.Remove(sshdFolder)
}

// scp fetches a source from sshd.
func (b *bench) scp(src source, ssh *sshServer, sshErr error, receiver *trial.Place) contender {
	c := contender{name: "scp", command: "scp -r " + scpOptions + " -i KEY -P PORT ADDRESS:FILE FOLDER"}
	program, err := find("scp")
	me, userErr := user.Current()
	if err := errors.Join(err, sshErr, userErr); err != nil {
		c.missing = err.Error()
		return c
	}
	c.run = b.into(func(ctx context.Context, dir string) (sample, error) {
		result, err := client(ctx, ssh.server, receiver, nil, program, append(strings.Fields(scpOptions), "-r", "-i", ssh.clientKey,
			"-P", strconv.Itoa(int(ssh.at.Port())), fmt.Sprintf("%s@%v:%s", me.Username, ssh.at.Addr(), src.path), dir)...)
		result.bytes = src.bytes
		if err == nil {
			err = src.counted(filepath.Join(dir, filepath.Base(src.path)))
		}
		return result, err
	})
	return c
}
