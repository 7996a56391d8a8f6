#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target of the repository for TIME, one after
# another. A failing input is left under testdata/fuzz, where `go test` finds
# it from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?usage: $0 TIME}

# `go test -list` prints a package's targets, then a line that names it.
targets=$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ { t[n++] = $1 } $1 == "ok" { for (i = 0; i < n; i++) print $2, t[i]; n = 0 }')
if [[ -z $targets ]]; then
	echo "fuzz.sh: no fuzz targets found" >&2
	exit 1
fi

inputs() { # the committed and the failing ones of a target; it may have none
	local dir
	dir=$(go list -f '{{.Dir}}' "$1")/testdata/fuzz/$2
	[[ ! -d $dir ]] || find "$dir" -type f | sort
}
fuzz() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1"; }

failed=()
while read -r package target; do
	echo "fuzz $package $target"
	before=$(inputs "$package" "$target")
	fuzz "$package" "$target" </dev/null && continue
	# Go's fuzzer can fail with its own deadline when time is up (go.dev/issue/75804).
	# A crash leaves its input behind or fails again.
	if [[ $(inputs "$package" "$target") == "$before" ]]; then
		echo "no failing input was found; once more"
		fuzz "$package" "$target" </dev/null && continue
	fi
	failed+=("$package $target")
done <<<"$targets"

if [[ ${#failed[@]} -gt 0 ]]; then
	printf 'FAILED: %s\n' "${failed[@]}" >&2
	exit 1
fi
