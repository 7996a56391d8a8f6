package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describe tells what the machine is, as far as speed hangs on it.
func describe() []string {
	return []string{
		fmt.Sprintf("%s, %d cores, %s of memory", value("/proc/cpuinfo", "model name"), runtime.NumCPU(), memorySize()),
		kernel() + ", TCP congestion control on loopback: " + word("/proc/sys/net/ipv4/tcp_congestion_control", 0),
		"load average before the start: " + word("/proc/loadavg", 0),
	}
}

// value is what a file of lines "key : value" says of a key.
func value(file, key string) string {
	text, err := os.ReadFile(file)
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
				return strings.TrimSpace(v)
			}
		}
	}
	return "unknown " + key
}

func memorySize() string {
	n, err := strconv.ParseInt(strings.TrimSuffix(value("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return "an unknown size"
	}
	return fmt.Sprintf("%.0f GiB", float64(n)/(1<<20))
}

// word is the i-th word of a file.
func word(file string, i int) string {
	text, err := os.ReadFile(file)
	if fields := strings.Fields(string(text)); err == nil && i < len(fields) {
		return fields[i]
	}
	return "unknown"
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "Linux"
	}
	return fmt.Sprintf("%s %s, %s", unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), runtime.GOARCH)
}

// versions are the first lines of what the programs say of themselves.
func versions(ctx context.Context, lanyard string) []string {
	out := []string{said(ctx, lanyard, "--version") + ", built with " + runtime.Version()}
	for _, p := range [][2]string{
		{"curl", "--version"},
		{"nginx", "-v"},
		{"ssh", "-V"},
		{"rsync", "--version"},
		{"aria2c", "--version"},
		{"rclone", "version"},
		{"iperf3", "--version"},
		{"cp", "--version"},
	} {
		path, err := find(p[0])
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		out = append(out, said(ctx, path, p[1]))
	}
	return append(out, "croc "+crocVersion+", built with "+runtime.Version())
}

func said(ctx context.Context, program string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	if err != nil || len(line) == 0 {
		return "a program that does not tell its version"
	}
	return string(bytes.TrimSpace(line))
}
