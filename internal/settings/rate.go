package settings

import (
	"regexp"
	"strconv"
	"strings"
)

// A Rate is in bytes a second; 0 is no limit.
type Rate int64

var (
	rateForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?|[kKMGT]i)(B|B/s|bit/s|bps)$`)
	prefixes = map[string]float64{
		"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
		"ki": 1 << 10, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
	}
)

const (
	noRate    = "none" // takes back a limit that is set further away
	rateRule  = "is written as 50MB/s, 6MiB/s or 400Mbit/s, or none"
	rateRange = "is from 1B/s to 1000TB/s, or none"
)

// ParseRate reads "50MB/s", "50MB", "6MiB/s", "400Mbit/s", "400Mbps" and
// "none". What is left open by "50M" and "50Mb", bits or bytes, must be said.
// Without a rate it answers the rule that was broken.
func ParseRate(s string) (r Rate, broken string) {
	if s == noRate {
		return 0, ""
	}
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return 0, rateRule
	}
	value, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, rateRange // too many digits
	}
	value *= prefixes[m[2]]
	if strings.HasPrefix(m[3], "b") {
		value /= 8
	}
	if value < 1 || value > 1e15 {
		return 0, rateRange
	}
	return Rate(value), ""
}

var sizeForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?|[kKMGT]i)B$`)

// ParseSize reads a number of bytes, 1 to 1000 TB, as people write it: "20GB",
// "1.5 TiB".
func ParseSize(s string) (bytes int64, ok bool) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	value, err := strconv.ParseFloat(m[1], 64)
	value *= prefixes[m[2]]
	return int64(value), err == nil && value >= 1 && value <= 1e15
}
