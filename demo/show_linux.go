package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"lukechampine.com/blake3"

	"lanyard/internal/lab"
	"lanyard/internal/trial"
)

// wifi is a good home network. What TCP makes of it with one connection is
// bounded by the losses, not by the rate.
var wifi = lab.Link{Rate: 300e6, Delay: 4 * time.Millisecond, Loss: 0.005}

// slowSize is how much of the film goes over Wi-Fi in one stream: all of it
// would take minutes, and the rate is the same from the first seconds on.
const slowSize = 64 << 20

type demo struct {
	out    io.Writer
	binary string
	dir    string
	keep   bool
	here   *trial.Place
}

func (d *demo) show(ctx context.Context, size int64) error {
	fmt.Fprintf(d.out, "Making a film of %s...\n", humanize.IBytes(uint64(size)))
	film, what, err := makeFilm(ctx, d.dir, size)
	if err != nil {
		return err
	}
	source, err := hashed(film)
	if err != nil {
		return err
	}
	part, err := head(source, min(slowSize, source.size))
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s, %s, %s\nBLAKE3 %s\n\n", filepath.Base(film), humanize.IBytes(uint64(source.size)), what, source.hash)
	fmt.Fprintf(d.out, "%-10s %-12s %10s %9s %12s  %s\n", "over", "streams", "sent", "took", "rate", "hashes")

	loopback, err := d.compare(ctx, "loopback", d.here, d.here, source, source)
	if err != nil {
		return err
	}
	air, refused, err := d.overAir(ctx, source, part)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nRates are from the first block asked for to the last one verified and synced to the disk.\n")
	if refused == nil {
		fmt.Fprintf(d.out, "Wi-Fi is emulated: 300 Mbit/s, 8 ms there and back, 0.5 %% of packets lost each way, TCP CUBIC.\n")
		if part.size < source.size {
			fmt.Fprintf(d.out, "One stream got the first %s of the film there: all of it would take minutes.\n", humanize.IBytes(uint64(part.size)))
		}
		fmt.Fprintf(d.out, "\nGain over one stream: %.1f x over Wi-Fi, %.1f x over loopback.\n", air, loopback)
		return nil
	}
	fmt.Fprintf(d.out, "\nGain over one stream: %.1f x over loopback. Over Wi-Fi no gain was measured:\n  %v.\n", loopback, refused)
	return nil
}

// overAir compares over the emulated link. refused says why there is none.
func (d *demo) overAir(ctx context.Context, source, part file) (gain float64, refused, err error) {
	l, err := lab.New(lab.Options{})
	if errors.Is(err, lab.ErrRefused) {
		return 0, err, nil
	}
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	a, b, err := l.Pair(wifi)
	if err != nil {
		return 0, nil, err
	}
	fmt.Fprintln(d.out)
	gain, err = d.compare(ctx, "Wi-Fi", trial.At(a), trial.At(b), part, source)
	return gain, nil, err
}

// compare sends with one stream and with as many as help, and tells how much
// more the latter bring in the same time.
func (d *demo) compare(ctx context.Context, over string, sender, receiver *trial.Place, one, many file) (gain float64, err error) {
	pair := trial.Pair{Binary: d.binary, Sender: sender, Receiver: receiver, Dir: d.dir}
	single, err := d.transfer(ctx, over, pair, one, 1)
	if err != nil {
		return 0, err
	}
	found, err := d.transfer(ctx, over, pair, many, 0)
	if err != nil {
		return 0, err
	}
	return found / single, nil
}

// transfer sends a file, checks what arrived, prints a line of it and returns
// the rate in bytes a second.
func (d *demo) transfer(ctx context.Context, over string, pair trial.Pair, source file, streams int) (rate float64, err error) {
	out, err := os.MkdirTemp(d.dir, "received-")
	if err != nil {
		return 0, err
	}
	result, err := pair.Transfer(ctx, trial.Options{Paths: []string{source.path}, Out: out, Streams: streams})
	if err != nil {
		return 0, err
	}
	target, err := hashed(filepath.Join(out, filepath.Base(source.path)))
	if err != nil {
		return 0, err
	}
	if len(result.Files) != 1 || result.Files[0].BLAKE3 != source.hash || target.hash != source.hash {
		return 0, fmt.Errorf("over %s: what arrived is not what was sent: BLAKE3 %s, sent %s, reported %v",
			over, target.hash, source.hash, result.Files)
	}
	if !d.keep {
		if err := os.RemoveAll(out); err != nil {
			return 0, err
		}
	}
	how := "1"
	if streams == 0 {
		how = fmt.Sprintf("%d (found)", result.Streams)
	}
	rate = float64(result.Bytes) / result.Seconds
	fmt.Fprintf(d.out, "%-10s %-12s %10s %7.1f s %7.1f MB/s  %s\n",
		over, how, humanize.IBytes(uint64(result.Bytes)), result.Seconds, rate/1e6, "equal")
	return rate, nil
}

// A file and what it holds.
type file struct {
	path string
	size int64
	hash string // BLAKE3, in hexadecimal
}

func hashed(path string) (file, error) {
	f, err := os.Open(path)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	h := blake3.New(32, nil)
	size, err := io.Copy(h, f)
	if err != nil {
		return file{}, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return file{path, size, hex.EncodeToString(h.Sum(nil))}, nil
}

// head copies the first bytes of a file to a file of its own.
func head(whole file, size int64) (file, error) {
	if size == whole.size {
		return whole, nil
	}
	in, err := os.Open(whole.path)
	if err != nil {
		return file{}, err
	}
	defer in.Close()
	dir, base := filepath.Split(whole.path)
	out, err := os.Create(filepath.Join(dir, "part of "+base))
	if err != nil {
		return file{}, err
	}
	_, err = io.CopyN(out, in, size)
	if err := errors.Join(err, out.Close()); err != nil {
		return file{}, fmt.Errorf("cut the film: %w", err)
	}
	return hashed(out.Name())
}
