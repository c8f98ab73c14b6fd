# What the tests in the private view say "ok" and "not ok" with. Sourced.
# shellcheck shell=bash disable=SC2154,SC2034
ok() { # WHAT COMMAND...
	local what=$1; shift
	if "$@" > "$work/ok.out" 2>&1; then echo "ok - $what"; else echo "not ok - $what"; tail -n 12 "$work/ok.out" | sed 's/^/    /'; failed=1; fi
}
no() { # WHAT COMMAND...: it must fail, and not because it was too slow or not there
	local what=$1 rc; shift
	"$@" > "$work/ok.out" 2>&1; rc=$?
	if [ $rc != 0 ] && [ $rc != 126 ] && [ $rc != 127 ] && ! grep -qE 'too slow|never asked' "$work/ok.out"; then echo "ok - $what"; else echo "not ok - $what ($rc)"; tail -n 12 "$work/ok.out" | sed 's/^/    /'; failed=1; fi
	return 0
}
shows() { grep -qF -- "$2" "$work/ok.out" && echo "ok - $1" || { echo "not ok - $1: no '$2' in:"; sed 's/^/    /' "$work/ok.out"; failed=1; }; }
asked() { # WHAT TEXT: the agent was asked this since the last fresh
	grep -qE -- "$2" "$fake/requests" && echo "ok - $1" || { echo "not ok - $1: no '$2' in:"; sed 's/^/    /' "$fake/requests"; failed=1; }
}
unasked() { grep -qE -- "$2" "$fake/requests" && { echo "not ok - $1: '$2' in:"; sed 's/^/    /' "$fake/requests"; failed=1; } || echo "ok - $1"; }
fresh() { : > "$fake/requests"; }
person() { /usr/bin/python3 "$top/tests/integration/pam/person.py" "$@"; }
as() { local who=$1; shift; setpriv --reuid "$who" --regid "$who" --clear-groups env HOME=/tmp USER="$who" LOGNAME="$who" PATH="$PATH" "$@"; }
