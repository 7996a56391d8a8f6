package main

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// A rate is the value of --limit, in bytes a second; 0 is none.
type rate int64

var (
	rateForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?|[kKMGT]i)(B|B/s|bit/s|bps)$`)
	prefixes = map[string]float64{
		"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"ki": 1 << 10, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
	}
)

// Set reads "50MB/s", "50MB", "6MiB/s", "400Mbit/s" and "400Mbps". What is
// left open by "50M" and "50Mb", bits or bytes, must be said.
func (r *rate) Set(s string) error {
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return errors.New("a rate is written as 50MB/s, 6MiB/s or 400Mbit/s")
	}
	value, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return err
	}
	value *= prefixes[m[2]]
	if strings.HasPrefix(m[3], "b") {
		value /= 8
	}
	if value < 1 || value > 1e15 {
		return errors.New("a rate is from 1B/s to 1000TB/s")
	}
	*r = rate(value)
	return nil
}

func (r *rate) String() string {
	if *r == 0 {
		return ""
	}
	return speed(float64(*r))
}

// Type is what help calls the value.
func (r *rate) Type() string { return "RATE" }
