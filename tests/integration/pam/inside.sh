# Starts the test that sources this once more, in namespaces of its own for the private view (view.sh); there it gives $work, $failed and $run. Sourced as
# the first thing that a test does, which may say before: $needs (what is built), first (a function that runs outside, with $work), last (at the end).
# shellcheck shell=bash disable=SC2154,SC2034,SC2086
top=$PWD build=${BUILD:-$PWD/build}
if [ "${1:-}" != inside ]; then
	# the module as it is installed: sshd does not load AddressSanitizer
	make -s SAN= BUILD=build build/libcsam.a build/pam_csam.so ${needs:-} || { echo "not ok - it is built"; exit 1; }
	if [ "$(id -u)" != 0 ] || ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "ok - skipped: only root may make a private view of the file system (unshare)"
		exit 0
	fi
	setup/unpack >/dev/null || { echo "not ok - setup/unpack"; exit 1; }
	work=$(mktemp -d /tmp/csam-view.XXXXXX)
	trap '! declare -F last > /dev/null || last; rm -rf "$work"' EXIT
	! declare -F first > /dev/null || first || exit 1
	unshare --mount --pid --fork --kill-child --propagation private "$0" inside "$work"
	exit
fi
work=$2 failed=0 run=$RANDOM
