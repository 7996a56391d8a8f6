package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A film has a frame at least, and a WAV file's length 32 bits.
const (
	minSize = frameSize
	maxSize = 4<<30 - 1
)

// Frames are not compressed: that makes a large film in seconds, where a
// codec would take minutes.
const (
	width, height = 1280, 720
	frameSize     = width * height * 2 // UYVY
	perSecond     = 30
)

// makeFilm makes a film of about size bytes in a folder, or, without ffmpeg, a
// sound that plays. what says in words which it is.
func makeFilm(ctx context.Context, dir string, size int64) (path, what string, err error) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		path = filepath.Join(dir, "noise.wav")
		return path, "noise as a WAV file that plays (without ffmpeg there is no film)", writeNoise(path, size)
	}
	path = filepath.Join(dir, "film.mov")
	frames := (size + frameSize - 1) / frameSize
	seconds := float64(frames) / perSecond
	cmd := exec.CommandContext(ctx, ffmpeg, "-nostdin", "-loglevel", "error",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=%dx%d:rate=%d", width, height, perSecond),
		"-f", "lavfi", "-i", "sine=frequency=440",
		"-frames:v", strconv.FormatInt(frames, 10), "-shortest", "-t", strconv.FormatFloat(seconds, 'f', 3, 64),
		"-c:v", "rawvideo", "-pix_fmt", "uyvy422", "-c:a", "pcm_s16le", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return "", "", fmt.Errorf("ffmpeg: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return path, fmt.Sprintf("%v of video and sound", time.Duration(seconds*float64(time.Second)).Round(time.Second)), nil
}

// The header of a WAV file: chunks RIFF, fmt and data (RFC 2361, and the
// "Multimedia Programming Interface and Data Specifications 1.0").
type wavHeader struct {
	RIFF      [4]byte
	Rest      uint32 // bytes after this field
	WAVE      [4]byte
	Format    [4]byte
	FormatLen uint32
	PCM       uint16
	Channels  uint16
	Rate      uint32 // samples a second
	ByteRate  uint32
	Align     uint16 // bytes of a sample of all channels
	Bits      uint16
	Data      [4]byte
	DataLen   uint32
}

// writeNoise writes random samples, 16 bits and stereo, as a WAV file of size
// bytes.
func writeNoise(path string, size int64) (err error) {
	const channels, rate, align = 2, 48_000, 4
	head := wavHeader{
		RIFF: [4]byte([]byte("RIFF")), WAVE: [4]byte([]byte("WAVE")),
		Format: [4]byte([]byte("fmt ")), FormatLen: 16, PCM: 1,
		Channels: channels, Rate: rate, ByteRate: rate * align, Align: align, Bits: 16,
		Data: [4]byte([]byte("data")),
	}
	length := int64(binary.Size(head))
	head.Rest = uint32(size - 8)
	head.DataLen = uint32(size - length)
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := binary.Write(w, binary.LittleEndian, head); err != nil {
		return err
	}
	if _, err := io.CopyN(w, mathrand.NewChaCha8(seed), size-length); err != nil {
		return err
	}
	return w.Flush()
}
