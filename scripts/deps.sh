#!/usr/bin/env bash
# deps.sh GROUP: makes the programs available that GROUP needs (test, lint,
# bench, demo). Does nothing when all are there; on Debian and its kin it
# installs what is missing, elsewhere it says what to install.
set -euo pipefail

group=${1:-}
must=true # whether the group fails without its programs
case "$group" in
# A line is a program and the packages of Debian that bring it.
test) # the race detector is linked by a C compiler; the page is tested in a browser
	needs="gcc gcc libc6-dev
chromium chromium fonts-noto-core fonts-noto-color-emoji" ;;
lint) # left out and said so, but not where a change is judged
	must=${CI:-}
	needs="shellcheck shellcheck
curl curl ca-certificates" ;;
bench)
	needs="nginx nginx
iperf3 iperf3
curl curl ca-certificates
ssh openssh-client
sshd openssh-server
rsync rsync
aria2c aria2
rclone rclone" ;;
demo) # a film that plays; the demo can do without
	must=
	needs="ffmpeg ffmpeg" ;;
*)
	echo "usage: $0 test|lint|bench|demo" >&2
	exit 2 ;;
esac

programs=() packages=()
while read -r program from; do
	PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null && continue
	programs+=("$program")
	read -ra from <<<"$from"
	packages+=("${from[@]}")
done <<<"$needs"
[[ ${#programs[@]} -gt 0 ]] || exit 0

give_up() {
	echo "deps.sh: make $group wants ${programs[*]}, and $1" >&2
	[[ -z $must ]] || exit 1
	exit 0
}

command -v apt-get >/dev/null || give_up "this is no Debian: please install it by your system's own means"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
	command -v sudo >/dev/null || give_up "installing needs root or sudo: apt-get install ${packages[*]}"
	as_root=(sudo)
	[[ -t 0 ]] || as_root=(sudo -n)
fi

# A package's service is not started: benchmarks start their own, elsewhere.
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
cleanup() {
	rm -f "$log"
	[[ -z ${policy_made:-} ]] || "${as_root[@]}" rm -f "$policy"
}
trap cleanup EXIT
if [[ ! -e $policy ]]; then
	printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
	policy_made=true
	"${as_root[@]}" chmod +x "$policy"
fi

echo "deps.sh: installing ${packages[*]}"
install() {
	"${as_root[@]}" apt-get -q update &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get -qy -o DPkg::Lock::Timeout=120 install --no-install-recommends "${packages[@]}"
}
if ! install >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	give_up "apt-get cannot install it (above is what it says)"
fi
