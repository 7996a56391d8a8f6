package settings

import (
	"slices"
	"strings"
)

const (
	maxName    = 100 // bytes, as far as others read
	maxPort    = 65535
	maxStreams = 32 // as many as a receiver opens

	maxAtOnce   = 64
	maxKeepDays = 36500
)

// Values are the settings as the program uses them. The zero value is every
// default.
type Values struct {
	Name      string // what this machine is called to others; empty: its host name
	Port      int    // that is listened on; 0: the usual one, or the next that is free
	Bind      string // address that is listened on; empty: all
	LimitUp   Rate
	LimitDown Rate
	Streams   int    // of a receiver; 0: as many as help
	Inbox     string // folder that the running node receives into; empty: lanyard among the downloads
	AtOnce    int    // transfers of the running node at one time; 0: as it thinks best
	KeepDays  int    // that a transfer stays in the history; 0: a year
	Devices   string // addresses of devices, HOST[:PORT], with commas between
	PageBind  string // address that the page listens on; empty: 127.0.0.1
	PagePort  int    // that it listens on; 0: the usual one, or the next that is free
	LogJSON   bool   // whether the running node writes what happens as JSON
}

// The one table of keys: a new one is a row here and the field of [Values] that
// it fills.
var table = []Key{
	{
		Name: "name", Flag: "name", Commands: []string{"send", "receive", "serve", "pair"},
		About: "be called `NAME` by others", Default: "the host name",
		form: text("is at most 100 bytes without control characters", isName, func(v *Values) *string { return &v.Name }),
	},
	{
		Name: "bind", Flag: "bind", Commands: []string{"send", "receive", "serve", "pair", "bench"},
		About: "listen on `ADDR` only", Default: "all",
		form: text("is an IP address or the name of one", isHost, func(v *Values) *string { return &v.Bind }),
	},
	{
		Name: "port", Flag: "port", Commands: []string{"send", "receive", "serve", "pair", "bench"},
		About: "listen on port `N`", Default: "12121 or the next free",
		form: number("is from 1 to 65535", maxPort, func(v *Values) *int { return &v.Port }),
	},
	{
		Name: "limit_up", Flag: limitFlag, Commands: []string{"send", "serve"},
		About: "send no faster than `RATE`: 50MB/s", Default: "none",
		form: rate(func(v *Values) *Rate { return &v.LimitUp }),
	},
	{
		Name: "limit_down", Flag: limitFlag, Commands: []string{"receive", "serve"},
		About: "receive no faster than `RATE`: 50MB/s", Default: "none",
		form: rate(func(v *Values) *Rate { return &v.LimitDown }),
	},
	{
		Name: "streams", Flag: "streams", Commands: []string{"receive", "serve"},
		About: "use `N` streams, 0 to 32", Default: "as many as help",
		form: number("is from 0 (as many as help) to 32", maxStreams, func(v *Values) *int { return &v.Streams }),
	},
	{
		Name: "device", Flag: "device", Commands: []string{"send", "serve", "devices"},
		About: "look for devices at `HOST,...`, too", Default: "none",
		form: text("is HOST or HOST:PORT, or several with commas between", areHosts, func(v *Values) *string { return &v.Devices }),
	},
	{
		Name: "inbox", Flag: "out", Commands: []string{"serve"},
		About: "receive into folder `PATH`", Default: "Downloads/lanyard",
		form: text("is a path from the root on, or from ~/", isPath, func(v *Values) *string { return &v.Inbox }),
	},
	{
		Name: "at_once", Flag: "at-once", Commands: []string{"serve"},
		About: "have `N` transfers under way at one time", Default: "4",
		form: number("is from 0 (as by default) to 64", maxAtOnce, func(v *Values) *int { return &v.AtOnce }),
	},
	{
		Name: "keep_days", Flag: "keep-days", Commands: []string{"serve"},
		About: "keep the history for `N` days", Default: "365",
		form: number("is from 0 (as by default) to 36500", maxKeepDays, func(v *Values) *int { return &v.KeepDays }),
	},
	{
		Name: "page_bind", Flag: "page-bind", Commands: []string{"serve"},
		About: "show the page on `ADDR`", Default: "this machine only",
		form: text("is an IP address or the name of one", isHost, func(v *Values) *string { return &v.PageBind }),
	},
	{
		Name: "page_port", Flag: "page-port", Commands: []string{"serve"},
		About: "show page on port `N`", Default: "12180 or the next free",
		form: number("is from 1 to 65535", maxPort, func(v *Values) *int { return &v.PagePort }),
	},
	{
		Name: "log", Flag: "log", Commands: []string{"serve"},
		About: "log as `FORM`, text or json", Default: "text",
		form: choice("text", "json", func(v *Values) *bool { return &v.LogJSON }),
	},
}

// A Key is one setting.
type Key struct {
	Name     string   // in the file
	Flag     string   // without its dashes
	Commands []string // that have the flag
	About    string   // what it does, as help has it: the value's name stands in backquotes
	Default  string   // what is done without it, in words

	form form
}

// Keys are all there are, in the order in which they are shown.
func Keys() []Key { return slices.Clone(table) }

// FlagOn is the key's flag on a command, without its dashes; false when it has
// none. A command that limits both ways says which.
func (k Key) FlagOn(command string) (flag string, ok bool) {
	flag = k.Flag
	if flag == limitFlag && command == "serve" {
		flag = strings.ReplaceAll(k.Name, "_", "-")
	}
	return flag, slices.Contains(k.Commands, command)
}

const limitFlag = "limit"

// Env is the key's environment variable.
func (k Key) Env() string { return "LANYARD_" + strings.ToUpper(k.Name) }

// Purpose is About without the marks of help.
func (k Key) Purpose() string { return strings.ReplaceAll(k.About, "`", "") }

// Examples are values that may be offered for completion.
func (k Key) Examples() []string { return slices.Clone(k.form.examples) }

// find answers the key of that name.
func find(name string) (Key, bool) {
	i := slices.IndexFunc(table, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return table[i], true
}
