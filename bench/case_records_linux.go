package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// records is what another way to seal would bring, outside of lanyard: whether
// TLS's records are what bounds it.
func records(ctx context.Context, b *bench) (r report, err error) {
	r.title = "Outside of lanyard: larger records than those of TLS"
	args := []string{
		"test", "-run=^$", "-bench=^BenchmarkRecords$", "-count=" + strconv.Itoa(b.runs), "-benchtime=" + b.time(time.Second).String(),
		"lanyard/bench/records",
	}
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return r, fmt.Errorf("go test ./bench/records: %w: %s", err, bytes.TrimSpace(out))
	}
	rows := sealings(out)
	t := table{head: []string{"sealed by", "MB/s", "CPU-s/GB", "hashed too: MB/s", "CPU-s/GB"}}
	for _, row := range rows {
		t.add(row.name, spreadOf(row.rate[0]).text("%.0f"), spreadOf(row.cpu[0]).text("%.2f"),
			spreadOf(row.rate[1]).text("%.0f"), spreadOf(row.cpu[1]).text("%.2f"))
		fmt.Fprintf(b.log, "  %-24s %8.2f CPU-s/GB\n", row.name, spreadOf(row.cpu[0]).median)
	}
	r.say("One connection over loopback, both ends in one process, nothing read or written: lanyard's TLS, whose records hold at most 16 KiB, " +
		"beside AES-128-GCM records of other sizes on the same socket, with keys from TLS's exporter, a counter as nonce, and the length " +
		"authenticated; then both with the BLAKE3 of each block at both ends. The processor's time is what to compare.")
	r.body = append(r.body, t.String())
	if n := len(rows); n > 1 {
		tls, largest := rows[0], rows[n-1]
		part := func(kind int) float64 { return spreadOf(largest.cpu[kind]).median / spreadOf(tls.cpu[kind]).median }
		r.say("The largest records take %.2f times the processor time of TLS's by themselves, and %.2f times with the hashes.", part(0), part(1))
	}
	r.say("The price would be a record layer of lanyard's own: nonces that must never come twice under a key, also not after a resumed connection; a " +
		"limit on bytes under a key without TLS's key update; truncation, alerts and the end of a connection to be told apart anew; and one more " +
		"piece of cryptography that everybody who builds another lanyard has to get right. lanyard stays with TLS.")
	return r, nil
}

// A sealing is one way to seal: rates in MB/s and processor time in seconds a GB,
// by itself and with hashes.
type sealing struct {
	name      string
	rate, cpu [2][]float64
}

var benchmarkLine = regexp.MustCompile(`(?m)^BenchmarkRecords/hashed=(true|false)/(\S+?)(?:-\d+)?\s.*?\s([0-9.]+) MB/s\s+([0-9.]+) cpu-s/GB`)

// sealings reads what `go test -bench` says, in its order.
func sealings(said []byte) (all []sealing) {
	for _, m := range benchmarkLine.FindAllSubmatch(said, -1) {
		name := string(m[2])
		i := slices.IndexFunc(all, func(s sealing) bool { return s.name == name })
		if i < 0 {
			i, all = len(all), append(all, sealing{name: name})
		}
		kind := 0
		if string(m[1]) == "true" {
			kind = 1
		}
		rate, _ := strconv.ParseFloat(string(m[3]), 64) // the pattern takes numbers only
		cpu, _ := strconv.ParseFloat(string(m[4]), 64)
		all[i].rate[kind], all[i].cpu[kind] = append(all[i].rate[kind], rate), append(all[i].cpu[kind], cpu)
	}
	return all
}
