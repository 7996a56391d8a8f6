package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"lanyard/internal/node"
	"lanyard/internal/settings"
)

// Each key has its flag in the commands that it names, with help that says what
// is done without it, and none of them has the flag by other means.
func TestEachKeyHasItsFlag(t *testing.T) {
	tty, _, _ := captured("")
	root := newRoot(tty)
	for _, k := range settings.Keys() {
		for _, command := range k.Commands {
			cmd, _, err := root.Find([]string{command})
			if err != nil {
				t.Errorf("%s: %v", k.Name, err)
				continue
			}
			flag, _ := k.FlagOn(command)
			f := cmd.Flags().Lookup(flag)
			if f == nil || f.DefValue != "" || !strings.HasPrefix(f.Usage, k.About) || !strings.Contains(f.Usage, k.Default) {
				t.Errorf("%s: lanyard %s --%s is %+v", k.Name, command, flag, f)
			}
			if _, there := cmd.GetFlagCompletionFunc(flag); !there {
				t.Errorf("lanyard %s --%s completes to files", command, flag)
			}
		}
	}
}

// A command goes by what its flags, its environment and the file say.
func TestLoadSettings(t *testing.T) {
	home := t.TempDir()
	t.Setenv("LANYARD_HOME", home)
	t.Setenv("LANYARD_PORT", "2")
	file := []byte("name = \"attic\"\nport = 1\nlimit_up = \"1MB/s\"\nlimit_down = \"2MB/s\"\nstreams = 3\n")
	if err := os.WriteFile(filepath.Join(home, "config.toml"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	tty, _, _ := captured("")
	for _, c := range []struct {
		args []string
		want settings.Values
	}{
		{[]string{"send"}, settings.Values{Name: "attic", Port: 2, LimitUp: 1e6, LimitDown: 2e6, Streams: 3}},
		{[]string{"send", "--port", "3", "--limit", "none"}, settings.Values{Name: "attic", Port: 3, LimitDown: 2e6, Streams: 3}},
		{[]string{"receive", "--name", "", "--limit", "5MB/s"}, settings.Values{Port: 2, LimitUp: 1e6, LimitDown: 5e6, Streams: 3}},
	} {
		cmd, rest, err := newRoot(tty).Find(c.args)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Fatal(err)
		}
		set, err := loadSettings(cmd)
		if err != nil || set.Values != c.want {
			t.Errorf("%q: %+v, %v, want %+v", c.args, set.Values, err, c.want)
		}
	}
}

// What settings say about bounds is what the node goes by.
func TestSettingsAreTheNodes(t *testing.T) {
	for _, k := range settings.Keys() {
		switch k.Name {
		case "streams":
			for n, wrong := range map[int]bool{node.MaxStreams: false, node.MaxStreams + 1: true} {
				if _, err := settings.Load(settings.Sources{Flags: map[string]string{k.Name: strconv.Itoa(n)}}); (err != nil) != wrong {
					t.Errorf("%d streams: %v", n, err)
				}
			}
		case "port":
			if !strings.Contains(k.Default, strconv.Itoa(node.DefaultPort)) {
				t.Errorf("a port is by default %s, and %d", k.Default, node.DefaultPort)
			}
		}
	}
}

// The commands that name no setting have none.
func TestSettingsOf(t *testing.T) {
	if keys := settingsOf(&cobra.Command{Use: "transfers"}); len(keys) > 0 {
		t.Errorf("%v", keys)
	}
	keys := settingsOf(&cobra.Command{Use: "send [flags] PATH"})
	if !slices.ContainsFunc(keys, func(k settings.Key) bool { return k.Name == "limit_up" }) ||
		slices.ContainsFunc(keys, func(k settings.Key) bool { return k.Name == "limit_down" }) {
		t.Errorf("%v", keys)
	}
}

// What is changed in the settings of a running node counts, and nothing else does:
// a limit for a while stays.
func TestUseSettings(t *testing.T) {
	t.Setenv("LANYARD_HOME", t.TempDir())
	n, err := node.Open(node.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := n.Daemon(t.Context(), node.DaemonOptions{Bind: "127.0.0.1", Inbox: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetLimits(node.Limits{Up: 5, Down: 6}); err != nil {
		t.Error(err)
	}
	inbox := filepath.Join(t.TempDir(), "in")
	was := settings.Settings{Values: settings.Values{LimitUp: 1, LimitDown: 2, Inbox: "/no/such/folder"}}
	for _, c := range []struct {
		change func(*settings.Values)
		want   node.Limits
	}{
		{func(v *settings.Values) { v.Streams, v.Inbox = 3, inbox }, node.Limits{Up: 5, Down: 6}},
		{func(v *settings.Values) { v.LimitDown = 7 }, node.Limits{Up: 5, Down: 7}},
		{func(v *settings.Values) { v.LimitUp = 0 }, node.Limits{Up: 0, Down: 7}},
	} {
		now := was
		c.change(&now.Values)
		if err := useSettings(d, was, now); err != nil || d.Limits() != c.want {
			t.Errorf("%+v: %+v, %v, want %+v", now.Values, d.Limits(), err, c.want)
		}
		was = now
	}
	if info, err := os.Stat(inbox); err != nil || !info.IsDir() {
		t.Errorf("the inbox: %v", err)
	}
	if err := errors.Join(d.Close(), n.Close()); err != nil {
		t.Error(err)
	}
}
