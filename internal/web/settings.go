package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"lanyard/internal/settings"
	"lanyard/internal/wire"
)

// Settings are what a user has decided.
type Settings struct {
	File     string    `json:"file"`
	Settings []Setting `json:"settings"`
}

// A Setting is one of them.
type Setting struct {
	Name    string          `json:"name"`
	Value   string          `json:"value"` // empty: as by default
	Default string          `json:"default"`
	About   string          `json:"about"`
	Source  settings.Source `json:"source"`
	Origin  string          `json:"origin"` // the same in words
	// Fixed tells that something counts before the file, so that it cannot be
	// changed here.
	Fixed bool `json:"fixed"`
	// Restart tells that a change counts from the node's next start on.
	Restart bool `json:"restart"`
}

// Machine is what the API knows of the program that it is part of.
type Machine struct {
	// Settings reads those that count now.
	Settings func() (settings.Settings, error)
	// Use has those count for the running node that are others now, and that can be
	// changed while it runs.
	Use func(was, now settings.Settings) error
}

// atOnce are the settings that Use can change.
var atOnce = []string{"inbox", "streams", "limit_up", "limit_down"}

func (a *api) settings(*http.Request) (Settings, error) {
	path, err := settings.Path()
	if err != nil {
		return Settings{}, err
	}
	now, err := a.machine.Settings()
	if err != nil {
		return Settings{}, err
	}
	all := Settings{File: path, Settings: []Setting{}}
	for _, s := range now.List {
		one := Setting{
			Name: s.Name, Default: s.Default, About: s.Purpose(), Source: s.Source, Origin: s.Origin(),
			Fixed: isFixed(s), Restart: !slices.Contains(atOnce, s.Name),
		}
		if s.Source != settings.FromDefault {
			one.Value = s.Value
		}
		all.Settings = append(all.Settings, one)
	}
	return all, nil
}

// Settings are written by one at a time: each goes by what it has read.
var writing sync.Mutex

func (a *api) writeSettings(r *http.Request, changes map[string]*string) (Settings, error) {
	writing.Lock()
	defer writing.Unlock()
	path, err := settings.Path()
	if err != nil {
		return Settings{}, err
	}
	before, err := a.machine.Settings()
	if err != nil {
		return Settings{}, err
	}
	for _, s := range before.List {
		if _, asked := changes[s.Name]; asked && isFixed(s) {
			return Settings{}, fmt.Errorf("%w: %s was set by %s when this node was started, which counts before the file", wire.ErrUsage, s.Name, s.Origin())
		}
	}
	undo, err := settings.Write(path, changes)
	if err != nil {
		return Settings{}, err
	}
	now, err := a.machine.Settings()
	if err == nil {
		if err = a.machine.Use(before, now); err != nil {
			err = errors.Join(err, a.machine.Use(now, before))
		}
	}
	if err != nil { // a file that the node cannot go by would keep it from starting again
		return Settings{}, errors.Join(err, undo())
	}
	return a.settings(r)
}

// isFixed tells whether something counts before the file.
func isFixed(s settings.Setting) bool {
	return s.Source == settings.FromEnvironment || s.Source == settings.FromFlag
}
