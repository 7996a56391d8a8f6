package web

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lanyard/internal/node"
	"lanyard/internal/settings"
)

// one is the setting of that name.
func (s Settings) one(t *testing.T, name string) Setting {
	t.Helper()
	for _, one := range s.Settings {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("there is no %s", name)
	return Setting{}
}

// What is set on the page stands in the file, and counts at once where it can.
func TestSettings(t *testing.T) {
	var d *node.Daemon
	path := ""
	m := Machine{
		Settings: func() (settings.Settings, error) {
			return settings.Load(settings.Sources{
				File: path, Flags: map[string]string{"port": "4000"}, Command: "serve",
				Env: func(key string) string { return map[string]string{"LANYARD_NAME": "loft"}[key] },
			})
		},
		Use: func(was, now settings.Settings) (err error) {
			if was.LimitUp != now.LimitUp {
				err = d.SetLimits(node.Limits{Up: int64(now.LimitUp)})
			}
			if was.Inbox != now.Inbox && now.Inbox != "" {
				err = errors.Join(err, d.SetInbox(now.Inbox))
			}
			return err
		},
	}
	r := runNode(t, "attic", m)
	d, path = r.d, filepath.Join(r.home, "config.toml")
	c := newCaller(t, r)
	all := want[Settings](c, "GET", "/v1/settings", nil)
	if all.File != path || len(all.Settings) != len(settings.Keys()) {
		t.Errorf("%+v", all)
	}
	for name, want := range map[string]Setting{
		"name":      {Value: "loft", Source: settings.FromEnvironment, Fixed: true, Restart: true},
		"port":      {Value: "4000", Source: settings.FromFlag, Fixed: true, Restart: true},
		"inbox":     {Source: settings.FromDefault},
		"streams":   {Source: settings.FromDefault},
		"page_port": {Source: settings.FromDefault, Restart: true},
	} {
		got := all.one(t, name)
		if got.Value != want.Value || got.Source != want.Source || got.Fixed != want.Fixed || got.Restart != want.Restart || got.About == "" || got.Default == "" {
			t.Errorf("%+v", got)
		}
	}
	inbox := filepath.Join(t.TempDir(), "घर")
	changed := want[Settings](c, "PUT", "/v1/settings", map[string]string{"inbox": inbox, "limit_up": "5MB/s", "keep_days": "7"})
	if s := changed.one(t, "inbox"); s.Value != inbox || s.Source != settings.FromFile {
		t.Errorf("%+v", s)
	}
	if info, err := os.Stat(inbox); err != nil || !info.IsDir() {
		t.Error(err)
	}
	if l := d.Limits(); l.Up != 5e6 {
		t.Errorf("%+v", l)
	}
	file := "inbox = \"" + inbox + "\"\nkeep_days = 7\nlimit_up = \"5MB/s\"\n"
	stands := func(what string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != file {
			t.Errorf("%s: %q, %v, want %q", what, got, err, file)
		}
	}
	stands("written")
	file = "# mine\n" + file
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, r.home, "a file")
	below := filepath.Join(r.home, "a file", "x")
	for what, wrong := range map[string]struct{ body, words string }{
		"a variable":              {`{"name":"attic"}`, "LANYARD_NAME"},
		"a flag":                  {`{"port":null,"limit_up":"1MB/s"}`, "--port"},
		"no such key":             {`{"prot":"1","limit_up":"1MB/s"}`, `there is no key`},
		"a value that cannot be":  {`{"streams":"33","limit_up":"1MB/s"}`, "streams is from 0"},
		"a relative inbox":        {`{"inbox":"films"}`, "inbox is a path"},
		"an inbox that cannot be": {asJSON(t, map[string]string{"inbox": below, "limit_up": "1MB/s"}), "nothing can be received"},
		"an inbox that is a file": {asJSON(t, map[string]string{"inbox": filepath.Dir(below), "limit_up": "1MB/s"}), "not a directory"},
	} {
		c.refused("PUT", "/v1/settings", wrong.body, "usage", wrong.words)
		stands(what)
		if l := d.Limits(); l.Up != 5e6 {
			t.Errorf("%s: %+v", what, l)
		}
	}
	for _, wrong := range []string{`{"streams":3}`, `[]`, `"x"`, ``} {
		c.refused("PUT", "/v1/settings", wrong, "malformed", "")
	}
	back := want[Settings](c, "PUT", "/v1/settings", map[string]any{"limit_up": nil, "inbox": nil})
	if s := back.one(t, "limit_up"); s.Source != settings.FromDefault || d.Limits().Up != 0 {
		t.Errorf("%+v, %+v", s, d.Limits())
	}
	file = "# mine\nkeep_days = 7\n"
	stands("taken back")
	// A file that is broken is told of, and not touched.
	file = "# mine\nkeep_days = \"\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	c.refused("GET", "/v1/settings", "", "usage", "config.toml line 2")
	c.refused("PUT", "/v1/settings", `{"limit_up":"1MB/s"}`, "usage", "config.toml line 2")
	stands("broken")
}
