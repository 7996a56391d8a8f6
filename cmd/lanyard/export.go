package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lanyard/internal/node"
	"lanyard/internal/wire"
)

// An exporter writes entries in one form.
type exporter interface {
	write(e node.Entry) error
	end() error // after the last one
}

// exporters are the forms, by how a file's name ends.
func exporters(ending string) func(w io.Writer) exporter {
	switch ending {
	case ".csv":
		return func(w io.Writer) exporter { return &csvExporter{w: csv.NewWriter(w)} }
	case ".json":
		return func(w io.Writer) exporter {
			return &jsonExporter{w: w, before: "{\"history\":[\n", between: ",", after: "]}\n"}
		}
	case ".jsonl":
		return func(w io.Writer) exporter { return &jsonExporter{w: w} }
	}
	return nil
}

// exportHistory writes what matches into a new file. It is there whole or not at
// all, and only its user may read it, as in the history itself.
func exportHistory(ctx context.Context, t *terminal, h *node.History, q node.HistoryQuery, path string) (err error) {
	open := exporters(strings.ToLower(filepath.Ext(path)))
	if open == nil {
		return usage("the file to export to ends in .csv, .json or .jsonl, and %q does not", path)
	}
	q.Files = true
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already: name a new file", path)
	}
	if err != nil {
		return fmt.Errorf("export the history: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = fmt.Errorf("export the history: %w", errors.Join(err, os.Remove(path)))
		}
	}()
	out := bufio.NewWriter(f)
	to, n := open(out), 0
	for e, err := range h.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if err := to.write(e); err != nil {
			return err
		}
		n++
	}
	if err := errors.Join(to.end(), out.Flush()); err != nil {
		return err
	}
	t.say("  %s written to %s", count(n, "transfer"), wire.Escape(path))
	if t.json {
		t.result = map[string]any{"exported": n, "file": path}
	}
	return nil
}

// A jsonExporter writes an entry a line.
type jsonExporter struct {
	w                      io.Writer
	before, between, after string
	begun                  bool
}

func (x *jsonExporter) write(e node.Entry) error {
	mark := x.between
	if !x.begun {
		mark, x.begun = x.before, true
	}
	if _, err := io.WriteString(x.w, mark); err != nil {
		return err
	}
	return writeJSON(x.w, e)
}

func (x *jsonExporter) end() error {
	mark := x.after
	if !x.begun {
		mark = x.before + x.after
	}
	_, err := io.WriteString(x.w, mark)
	return err
}

// A csvExporter writes a line for each entry, without its files.
type csvExporter struct {
	w     *csv.Writer
	begun bool
}

func (x *csvExporter) write(e node.Entry) error {
	if err := x.head(); err != nil {
		return err
	}
	what := append([]string{}, e.Names...)
	if e.More > 0 {
		what = append(what, fmt.Sprintf("%d more", e.More))
	}
	return x.w.Write([]string{
		strconv.FormatInt(e.ID, 10), e.Began.UTC().Format(time.RFC3339), string(e.Direction), cell(e.Device), cell(e.DeviceID), cell(e.Address),
		cell(strings.Join(what, ", ")), strconv.Itoa(e.AllFiles), strconv.FormatInt(e.Bytes, 10), strconv.FormatInt(e.Fetched, 10),
		strconv.FormatFloat(e.Seconds, 'f', 3, 64), strconv.FormatFloat(e.Rate, 'f', 0, 64), strconv.Itoa(e.Streams),
		cell(e.Result), cell(e.Message), cell(e.Out),
	})
}

// head writes the names of the columns, once.
func (x *csvExporter) head() error {
	if x.begun {
		return nil
	}
	x.begun = true
	return x.w.Write([]string{
		"id", "began", "direction", "device", "device_id", "address", "names", "all_files", "bytes", "fetched",
		"seconds", "rate", "streams", "result", "message", "out",
	})
}

func (x *csvExporter) end() error {
	err := x.head()
	x.w.Flush()
	return errors.Join(err, x.w.Error())
}

// cell is a text for a table: what a stranger named so that a spreadsheet would
// take it for a formula is none with a mark before it.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
