#!/bin/bash
# A clock that jumps under a running idpd, a month forward and a day back: the audit trail stays verifiable; what is over its time is gone, what must be kept
# is there. The clock is that of tests/integration/clock.c, for idpd and csamctl; slapd keeps the real one.
cd "$(dirname "$0")/../.." || exit 2
top=$PWD build=${BUILD:-$PWD/build-san} base=dc=example,dc=org day=86400
work=$(mktemp -d /tmp/csam-retention-XXXXXX)
failed=0
stop_idpd() { [ ! -s "$work/idpd.pid" ] || { kill "$(cat "$work/idpd.pid")" 2>/dev/null; wait "$(cat "$work/idpd.pid")" 2>/dev/null; rm -f "$work/idpd.pid"; }; }
trap 'stop_idpd; setup/directory stop "$work/dir" > /dev/null; rm -rf "$work"' EXIT

ok() { echo "ok - $1"; }
no() { echo "not ok - $1"; failed=1; }
yes() { local what=$1; shift; if "$@" > "$work/out" 2>&1; then ok "$what"; else no "$what (exit $?)"; sed 's/^/    /' "$work/out" | head -n 20; fi; }
until_ok() { local i; for i in $(seq 300); do "$@" > /dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# --- the clock ---
make -s SAN= BUILD=build build/clock.so || { no "the clock is built"; exit 1; }
shift_to() { python3 -c 'import struct, sys; f = open(sys.argv[1], "r+b"); f.write(struct.pack("q", int(sys.argv[2])))' "$work/clock" "$1"; ahead=$1; }
ticking=(env LD_PRELOAD="$top/build/clock.so" CLOCK_FILE="$work/clock" ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}")
month() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m; }
head -c 8 /dev/zero > "$work/clock"
ahead=0

# --- start ---
mkdir -m 700 "$work"/{state,keyring,audit,run}
ldap=$(free_port) port=$(free_port)
setup/directory start "$work/dir" "$ldap" > "$work/out" 2>&1 || { cat "$work/out"; no "the directory starts"; exit 1; }
cat > "$work/idpd.conf" <<EOF
server {
	issuer = "https://localhost:$port"
	listen = {"127.0.0.1:$port"}
	trusted_proxies = {"127.0.0.1"}
	state_dir = "state"
	keyring_dir = "keyring"
	audit_dir = "audit"
	runtime_dir = "run"
	share_dir = "$top/share"
	testing = true
}
audit {
	node = "idp1"
	witness = {}
	keep_security = 1
	keep_identification = 120
}
state {
	map_size = 64
}
directory {
	uri = "ldap://127.0.0.1:$ldap"
	base = "$base"
	bind_dn = "cn=idpd,ou=system,$base"
	password_file = "dir/idpd.password"
}
EOF
ctl() { "${ticking[@]}" "$build/csamctl" "$@" -c "$work/idpd.conf" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"; }
"${ticking[@]}" "$build/idpd" -c "$work/idpd.conf" >> "$work/idpd.log" 2>&1 &
echo $! > "$work/idpd.pid"
yes "idpd starts" until_ok curl -sf "http://127.0.0.1:$port/readyz"
printf 'correct horse battery' > "$work/password"
modify() { ldapmodify -x -H "ldap://127.0.0.1:$ldap" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"; }
ctl person new --uid alice --given-name Alice --family-name Peeters --mail alice@example.org --national-number 85061501702 --password-file "$work/password" 2>/dev/null | modify > /dev/null
printf '{"client_id":"library","client_secret":"at-least-32-random-characters-please","redirect_uris":["https://library.example/cb"],"default_acr_values":["urn:be:fedict:iam:fas:citizen:Level200"],"client_name":"Library"}' > "$work/library.json"
ctl service import "$work/library.json" 2>/dev/null | modify > /dev/null
sleep 1
sign_in() { python3 tests/integration/sign-in.py "$port" alice "$1"; } # PASSWORD: says in or out
is() { [ "$("${@:2}")" = "$1" ]; }
proven() { ctl audit verify > "$work/verified" 2>&1 && ! grep -q '^unproven' "$work/verified"; }
opened() { ctl audit search --event "$1" --since "$2" --until "$2" --reason 'retention' 2>&1; }
has_key() { [ -f "$work/audit/keys/$1.$2" ]; }
gone() { [ ! -f "$work/audit/keys/$1.$2" ]; }

first=$(month 0)
yes "a wrong password is refused" is out sign_in "wrong horse"
yes "the right one lets in" is in sign_in "correct horse battery"
yes "all of it is signed" until_ok proven
yes "who was refused can be read" eval 'opened login.no $first | grep -q "\"peer\":\"127.0.0.1\""'

# --- a day back, and forth again ---
shift_to -$day
yes "a day back people sign in" is in sign_in "correct horse battery"
yes "and the trail is proven" until_ok proven
grep -q "the clock went back" "$work/verified" && ok "which says that the clock went back" || no "a clock that went back is not told"
shift_to 0
yes "forth again they sign in, too" is in sign_in "correct horse battery"
yes "and it is proven" until_ok proven

# --- 70 days on: the month of the first lines is over ---
shift_to $((70 * day))
yes "70 days on people sign in" is in sign_in "correct horse battery"
yes "and the trail is proven across it" until_ok proven
zcat -f "$work"/audit/*.log* | grep -q '"event":"clock.jumped"' && ok "the jump stands in it" || no "the jump does not stand in the trail"
has_key "$(month $ahead)" identification && ok "the month has a key of its own" || no "the month has no key"
yes "what is over its time is marked" until_ok test -f "$work/audit/keys/$first.security.ends"
shift_to $((70 * day + 7200))
sleep 3				# two looks later
has_key "$first" security && ok "and not yet gone: the clock may be wrong" || no "a clock that jumped has destroyed a key at once"
shift_to 0
yes "the clock is put right: nothing is marked any more" until_ok test ! -f "$work/audit/keys/$first.security.ends"
yes "and all can be read" eval 'opened login.no $first | grep -q "\"peer\":\"127.0.0.1\""'

# --- 70 days on for good ---
shift_to $((70 * day))
yes "marked again" until_ok test -f "$work/audit/keys/$first.security.ends"
shift_to $((78 * day))
yes "a week later the key of what is over is gone" until_ok gone "$first" security
has_key "$first" identification && ok "the key of what must be kept is there" || no "the key of identifications is gone"
zcat -f "$work"/audit/*.log* | grep -q '"event":"trail.key-ends".*"ended":"security","of":"'"$first"'"' && ok "the trail says so" || no "the end of a key is not in the trail"
opened login.no "$first" > "$work/out"
! grep -q '127.0.0.1' "$work/out" && grep -q 'their time is over and their key is gone' "$work/out" && ok "who was refused then cannot be read any more" || { no "what is over can be read"; cat "$work/out"; }
yes "who was let in then can" eval 'opened login.ok $first | grep -q "\"peer\":\"127.0.0.1\""'
yes "people sign in" is in sign_in "correct horse battery"
yes "and the trail is proven from its first line to its last" until_ok proven
exit $failed
