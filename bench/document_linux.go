package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lanyard/internal/plot"
)

// A document is docs/performance.md.
type document struct {
	began    time.Time
	took     time.Duration
	runs     int
	scale    float64
	machine  []string // facts
	versions []string // of programs
	reports  []report
	charts   bool // are in the folder plots beside it
}

// write writes the document, and its charts beside it.
func (d document) write(to string) error {
	folder := filepath.Join(filepath.Dir(to), "plots")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, r := range d.reports {
		if r.chart == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, r.name+".svg"), plot.SVG(r.chart), 0o644); err != nil {
			return err
		}
	}
	d.charts = true
	return os.WriteFile(to, []byte(d.String()), 0o644)
}

func (d document) String() string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, wrap(fmt.Sprintf(format, args...))) }
	list := func(items []string) {
		lines := make([]string, len(items))
		for i, item := range items {
			lines[i] = wrap("- " + item)
		}
		parts = append(parts, strings.Join(lines, "\n"))
	}

	say("# Performance")
	say("Written by `make bench`, which runs `go run ./bench`: do not edit. Everything here was measured in one run on one "+
		"machine, on %s, in %v.", d.began.UTC().Format("2 January 2006, 15:04 UTC"), d.took.Round(time.Second))
	if d.scale != 1 {
		say("**Only %v of the bytes and files were used (`-scale`): these numbers say nothing of speed.**", d.scale)
	}
	say("## Targets")
	targets := table{head: []string{"target", "measured", "", "again with"}}
	for _, r := range d.reports {
		for _, t := range r.targets {
			targets.add(t.what, t.measured, t.verdict, "`go run ./bench -case "+r.name+"`")
		}
	}
	parts = append(parts, targets.String())

	say("## How it is measured")
	list([]string{
		fmt.Sprintf("Programs take turns, A B C A B C, %d times. A number is the median of the turns, with the least and the most "+
			"in brackets. A ratio is taken within each turn, and the median of these ratios is given.", d.runs),
		"lanyard's time is the `seconds` of the receiver's result: from the first block's request to the last block verified " +
			"and synced. iperf3's is its own, of what the receiver got. Every other program's is from the start of its process to its end.",
		"The column \"whole process\" is from the start of the fetching process (of iperf3, the sending one) to its end, for all of " +
			"them. lanyard's has in it: making a new identity, connecting, pairing by the code, the receipt. Ratios are given by this clock too.",
		"Source and target are files in memory (tmpfs) unless a case says otherwise. lanyard syncs what its journal counts, which " +
			"tmpfs does at once; curl, scp, rsync and cp sync nothing; iperf3 has no files. On loopback as much memory as the target takes is " +
			"used and freed before each turn, because a virtual machine gets memory that was long unused from its host, slowly.",
		"lanyard encrypts (TLS 1.3, AES-128-GCM) and verifies every block by BLAKE3 at both ends. nginx and curl get the same cipher, " +
			"and verify nothing beyond TLS; scp has its defaults; rsync's daemon and iperf3 do not encrypt.",
		"Each lanyard transfer is between two new identities in memory, so that nothing is remembered from an earlier one, with an address " +
			"given (`--from`) and a code on both sides. Nothing else is set by hand unless the table says so.",
		"On the wire is, for each byte moved, how many both ends put on the network: IP packets with their headers on emulated " +
			"links, those included that were lost there; on loopback what the kernel counts.",
		"CPU is user and system time of both ends, GB are 1,000,000,000 bytes. Resident is the most that a process had at any time.",
		"Emulated links are user-space forwarders between network namespaces (`internal/lab`); both ends and the forwarder share " +
			"the machine's cores. TCP there is CUBIC.",
	})
	say("## Machine and programs")
	list(append(d.machine, d.versions...))
	for _, r := range d.reports {
		say("## %s", r.title)
		say("`go run ./bench -case %s`", r.name)
		if d.charts && r.chart != nil {
			parts = append(parts, fmt.Sprintf("![%s: rates](plots/%s.svg)", r.title, r.name))
		}
		parts = append(parts, r.body...)
	}
	say("## Servers of the other programs")
	list([]string{
		"sshd: `sshd " + sshdOptions + " -h KEY -o ListenAddress=ADDRESS -o Port=PORT -o AuthorizedKeysFile=FILE -o Subsystem=\"sftp internal-sftp\"`",
		"iperf3: `iperf3 -s -B ADDRESS -p PORT`",
		"croc: `croc relay --host ADDRESS --ports PORT,PORT,PORT,PORT,PORT`, at the sender, whose own it would use otherwise",
		"rclone: `rclone serve webdav --config '' --addr ADDRESS --read-only FOLDER`",
		"rsync: `rsync --daemon --no-detach --config=rsyncd.conf --address=ADDRESS --port=PORT`, nginx: `nginx -p FOLDER -c nginx.conf -e stderr`, with",
	})
	parts = append(parts, "```\n"+fmt.Sprintf(rsyncdConfig, "FILE", "FOLDER")+"```", "```\n"+fmt.Sprintf(nginxConfig, "ADDRESS:PORT")+"```")
	return strings.Join(parts, "\n\n") + "\n"
}
