package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/adrg/xdg"
	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/settings"
	"lanyard/internal/web"
	page "lanyard/web"
)

func newServe(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "be always there: take offers, and carry on with transfers",
		Long: `Run until it is stopped, so that others on the network see this machine and can
offer it files at any time. What it is to transfer it carries out by itself, a
few transfers at a time, and goes on with them when it is started again.

It asks nothing here: see what it does, and answer offers, with "lanyard
transfers"; "lanyard pair" answers a device that wants to be trusted. Give it
something to do with "lanyard send --background" and "lanyard receive
--background". It logs to standard error.

It shows a page in the browser, on this machine only: "lanyard open" opens it.
With --page-bind others can reach it, over HTTPS with a certificate that their
browsers do not know; it needs an account before.`,
		Example: `  lanyard serve
  lanyard serve --out ~/films --limit-up 50MB/s
  lanyard serve --page-bind 0.0.0.0                 the page for the network
  lanyard serve --log json 2>> lanyard.log`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, t) },
	}
	addSettings(cmd)
	cmd.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "log warnings only")
	return cmd
}

func serve(cmd *cobra.Command, t *terminal) (err error) {
	set, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	n, err := node.Open(nodeOptions(set))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	d, err := n.Daemon(ctx, node.DaemonOptions{
		Bind: set.Bind, Port: set.Port, Inbox: inboxOf(set), AtOnce: set.AtOnce, Streams: set.Streams,
		LimitUp: int64(set.LimitUp), LimitDown: int64(set.LimitDown),
	})
	if err != nil {
		return err
	}
	socket, err := web.Listen(ctx, n.Home())
	if err != nil {
		return errors.Join(err, d.Close())
	}
	log := &noticeLog{newLog(t, set.LogJSON), map[string]node.State{}}
	shown, err := web.OpenPage(ctx, n, web.PageOptions{Bind: set.PageBind, Port: set.PagePort, Files: page.Files()})
	switch {
	case err == nil:
	case set.PageBind != "" || set.PagePort != 0:
		return errors.Join(err, socket.Close(), d.Close())
	default: // all else goes on without
		log.Warn("no page", "reason", err)
	}
	socket.Page = shown
	var aside sync.WaitGroup
	var answering, showing error
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	aside.Go(func() {
		for notice := range d.Notices(listening, 0, 0) {
			notifyOf(listening, notice)
			log.write(notice)
		}
	})
	aside.Go(func() {
		defer cancel()
		answering = socket.Serve(ctx, d, machine(cmd, d))
	})
	if shown != nil {
		aside.Go(func() {
			defer cancel()
			showing = shown.Serve(ctx, d, machine(cmd, d))
		})
	}
	err = d.Run(ctx, func() {
		info := d.Info()
		log.Info("ready", "name", info.Name, "device", info.Device, "addresses", info.Addresses, "version", info.Version)
		if shown != nil {
			tellPage(ctx, t, log.Logger, n, shown)
		}
		tellManager("READY=1")
	})
	tellManager("STOPPING=1")
	cancel()
	stop()
	aside.Wait()
	log.Info("stopped")
	return errors.Join(err, answering, showing)
}

// tellPage says where the page is. The link that makes the account is for the eyes
// of who started this: it is in no log.
func tellPage(ctx context.Context, t *terminal, log *slog.Logger, n *node.Node, p *web.Page) {
	args := []any{"address", p.Address()}
	if p.IsOpen() {
		args = append(args, "addresses", p.Addresses(), "certificate", n.Fingerprint())
	}
	_, exists, err := n.Account(ctx)
	switch {
	case err != nil:
		args = append(args, "warning", err)
	case !exists:
		args = append(args, "account", `none: "lanyard open" makes it`)
	}
	log.Info("page", args...)
	if p.IsOpen() {
		log.Warn("others on the network can reach the page, too; their browsers will warn of its certificate: compare its SHA-256")
	}
	if !t.errTTY || exists || err != nil {
		return
	}
	if link, err := p.Link(ctx); err == nil && link.Setup != "" {
		t.say("  To make the account of the page, open this within an hour:\n  %s", link.Setup)
	}
}

// machine is what the running node's API knows of this command.
func machine(cmd *cobra.Command, d *node.Daemon) web.Machine {
	return web.Machine{
		Settings: func() (settings.Settings, error) { return loadSettings(cmd) },
		Use:      func(was, now settings.Settings) error { return useSettings(d, was, now) },
	}
}

// useSettings changes what a running node goes by, where that is another now: a
// limit that was set for a while stays when something else is changed.
func useSettings(d *node.Daemon, was, now settings.Settings) (err error) {
	if inbox := inboxOf(now); inbox != inboxOf(was) {
		err = d.SetInbox(inbox)
	}
	if now.Streams != was.Streams {
		err = errors.Join(err, d.SetStreams(now.Streams))
	}
	if now.LimitUp != was.LimitUp || now.LimitDown != was.LimitDown {
		limits := d.Limits()
		if now.LimitUp != was.LimitUp {
			limits.Up = int64(now.LimitUp)
		}
		if now.LimitDown != was.LimitDown {
			limits.Down = int64(now.LimitDown)
		}
		err = errors.Join(err, d.SetLimits(limits))
	}
	return err
}

// nodeOptions are what settings say of the node itself.
func nodeOptions(set settings.Settings) node.Options {
	opts := node.Options{Name: set.Name, Keep: time.Duration(set.KeepDays) * 24 * time.Hour}
	if set.Devices != "" {
		opts.ByHand = strings.Split(set.Devices, ",")
	}
	return opts
}

// openNode opens the node of a command, which is called as the one that runs here
// is, if none of the settings says otherwise: others know this machine by one name.
func openNode(ctx context.Context, set settings.Settings) (*node.Node, error) {
	opts := nodeOptions(set)
	n, err := node.Open(opts)
	if err != nil || opts.Name != "" {
		return n, err
	}
	info, err := web.Dial(n.Home()).Info(ctx)
	if err != nil {
		return n, nil // none runs, or none that answers
	}
	opts.Name = info.Name
	if err := n.Close(); err != nil {
		return nil, err
	}
	return node.Open(opts)
}

// inboxOf is the folder that a running node receives into.
func inboxOf(set settings.Settings) string {
	rest, isHome := strings.CutPrefix(set.Inbox, "~/")
	switch {
	case set.Inbox == "":
		return filepath.Join(xdg.UserDirs.Download, "lanyard")
	case isHome:
		return filepath.Join(xdg.Home, rest)
	}
	return set.Inbox
}

// newLog is where a running node writes what happens.
func newLog(t *terminal, asJSON bool) *slog.Logger {
	opts := &slog.HandlerOptions{}
	if t.quiet {
		opts.Level = slog.LevelWarn
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(t.err, opts))
	}
	return slog.New(slog.NewTextHandler(t.err, opts))
}

// tellManager tells a service manager that asked for it (sd_notify(3)) how the
// service stands.
func tellManager(state string) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return
	}
	c, err := net.Dial("unixgram", address)
	if err != nil {
		return // a manager that does not listen need not be told
	}
	defer c.Close()
	_, _ = c.Write([]byte(state))
}

// A noticeLog writes what is worth a line. Names that came from elsewhere are
// quoted by the handler.
type noticeLog struct {
	*slog.Logger
	states map[string]node.State // told last, by transfer
}

func (l *noticeLog) write(n node.Notice) {
	level, text := slog.LevelInfo, string(n.Kind)
	var args []any
	add := func(key, value string) {
		if value != "" {
			args = append(args, key, value)
		}
	}
	add("transfer", shorten(n.Transfer))
	switch n.Kind {
	case node.KindTransfer:
		v := n.Of
		if v.State == l.states[v.ID] {
			return
		}
		if l.states[v.ID] = v.State; v.State.IsOver() {
			delete(l.states, v.ID)
		}
		text = string(v.State)
		args = append(args, "direction", v.Direction, "bytes", v.Bytes, "total", v.Total)
		add("device", v.Device)
		if v.State == node.Asking {
			add("words", v.Words)
			if v.Offer != nil {
				add("offer", contents(*v.Offer))
			}
		}
		if v.Error != nil {
			add("code", v.Error.Code)
			add("reason", v.Error.Message)
		}
		if v.State == node.Failed {
			level = slog.LevelWarn
		}
	case node.KindFile:
		text = "received"
		args = append(args, "bytes", n.Bytes, "blake3", n.BLAKE3)
	case node.KindFailed, node.KindSkipped:
		level, text = slog.LevelWarn, "left out"
	case node.KindWarning, node.KindRefused, node.KindTrouble:
		level = slog.LevelWarn
	case node.KindTrust:
		add("words", n.Words)
	case node.KindSeen, node.KindGone, node.KindTrusted, node.KindAsked, node.KindAccepted, node.KindResting, node.KindBack, node.KindLost, node.KindReceived, node.KindTesting, node.KindTested:
	default:
		return
	}
	add("device", n.Device)
	add("id", n.DeviceID)
	add("address", n.Address)
	add("path", n.Path)
	add("renamed", n.Renamed)
	add("reason", n.Reason)
	add("words", n.Words)
	if n.Uncompared > 0 {
		args = append(args, "uncompared", n.Uncompared)
	}
	l.Log(context.Background(), level, text, args...)
}

func shorten(id string) string { return id[:min(len(id), shortID)] }
