#!/usr/bin/env bash
# lint.sh: everything that `make lint` checks besides go vet. The tools have
# versions of their own, in tools.mod, which the product does not see.
set -euo pipefail
cd "$(dirname "$0")/.."
tool() { go tool -modfile=tools.mod "$@"; }
failed=

echo "gofumpt"
unformatted=$(tool gofumpt -l .)
if [[ -n $unformatted ]]; then
	echo "not formatted, run: go tool -modfile=tools.mod gofumpt -w ." >&2
	echo "$unformatted" >&2
	failed=true
fi

staticcheck=$(tool -n staticcheck)
echo "staticcheck"
"$staticcheck" -matrix ./... <<-'END' || failed=true
	linux: CGO_ENABLED=0 GOOS=linux
	darwin: CGO_ENABLED=0 GOOS=darwin
	windows: CGO_ENABLED=0 GOOS=windows
END

if command -v shellcheck >/dev/null; then
	echo "shellcheck"
	shellcheck scripts/*.sh .ci/run || failed=true
else
	echo "shellcheck: SKIPPED, it is not installed"
fi

# The database of vulnerabilities lies on the network, and not every machine
# that builds lanyard can reach it. That is said, not hidden.
db=${GOVULNDB:-https://vuln.go.dev}
if curl -fsS -m 10 -o /dev/null "$db/index/db.json" 2>/dev/null; then
	echo "govulncheck"
	tool govulncheck ./... || failed=true
else
	echo "govulncheck: SKIPPED, $db cannot be reached"
fi
[[ -z $failed ]]
