#!/bin/bash
# A clock that jumps under a running idpd, a month forward and a day back: the audit trail stays verifiable; what is over its time is gone, what must be kept
# is there. The clock is that of tests/integration/clock.c, for idpd and csamctl; slapd keeps the real one.
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh retention
day=86400

# --- the clock ---
make -s SAN= BUILD=build build/clock.so || { bad "the clock is built"; exit 1; }
shift_to() { python3 -c 'import struct, sys; f = open(sys.argv[1], "r+b"); f.write(struct.pack("q", int(sys.argv[2])))' "$work/clock" "$1"; ahead=$1; }
ticking=(env LD_PRELOAD="$top/build/clock.so" CLOCK_FILE="$work/clock" ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}")
month() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m; }
head -c 8 /dev/zero > "$work/clock"
ahead=0

# --- start ---
ldap=$(free_port) port=$(free_port)
directory_start || { bad "the directory starts"; exit 1; }
{
	conf_server "https://localhost:$port" "\"127.0.0.1:$port\"" <<< 'trusted_proxies = {"127.0.0.1"}
		testing = true'
	conf_directory
	cat <<-END
		audit {
			node = "idp1"
			witness = {}
			keep_security = 1
			keep_identification = 120
		}
		state {
			map_size = 64
		}
	END
} > "$work/idpd.conf"
ok "idpd starts" idpd_start "http://127.0.0.1:$port/readyz"
ok "it knows a person and a service" alice_and_library
proven() { ctl audit verify > "$work/verified" 2>&1 && ! grep -q '^unproven' "$work/verified"; }
opened() { ctl audit search --event "$1" --since "$2" --until "$2" --reason 'retention' 2>&1; }
has_key() { [ -f "$work/audit/keys/$1.$2" ]; }
gone() { [ ! -f "$work/audit/keys/$1.$2" ]; }

first=$(month 0)
ok "a wrong password is refused" is out "$(sign_in "wrong horse")"
ok "the right one lets in" is in "$(sign_in "correct horse battery")"
ok "all of it is signed" until_ok proven
ok "who was refused can be read" eval 'opened login.no $first | grep -q "\"peer\":\"127.0.0.1\""'

# --- a day back, and forth again ---
shift_to -$day
ok "a day back people sign in" is in "$(sign_in "correct horse battery")"
ok "and the trail is proven" until_ok proven
grep -q "the clock went back" "$work/verified" && good "which says that the clock went back" || bad "a clock that went back is not told"
shift_to 0
ok "forth again they sign in, too" is in "$(sign_in "correct horse battery")"
ok "and it is proven" until_ok proven

# --- 70 days on: the month of the first lines is over ---
shift_to $((70 * day))
ok "70 days on people sign in" is in "$(sign_in "correct horse battery")"
ok "and the trail is proven across it" until_ok proven
zcat -f "$work"/audit/*.log* | grep -q '"event":"clock.jumped"' && good "the jump stands in it" || bad "the jump does not stand in the trail"
has_key "$(month $ahead)" identification && good "the month has a key of its own" || bad "the month has no key"
ok "what is over its time is marked" until_ok test -f "$work/audit/keys/$first.security.ends"
shift_to $((70 * day + 7200))
sleep 3				# two looks later
has_key "$first" security && good "and not yet gone: the clock may be wrong" || bad "a clock that jumped has destroyed a key at once"
shift_to 0
ok "the clock is put right: nothing is marked any more" until_ok test ! -f "$work/audit/keys/$first.security.ends"
ok "and all can be read" eval 'opened login.no $first | grep -q "\"peer\":\"127.0.0.1\""'

# --- 70 days on for good ---
shift_to $((70 * day))
ok "marked again" until_ok test -f "$work/audit/keys/$first.security.ends"
shift_to $((78 * day))
ok "a week later the key of what is over is gone" until_ok gone "$first" security
has_key "$first" identification && good "the key of what must be kept is there" || bad "the key of identifications is gone"
zcat -f "$work"/audit/*.log* | grep -q '"event":"trail.key-ends".*"ended":"security","of":"'"$first"'"' && good "the trail says so" || bad "the end of a key is not in the trail"
opened login.no "$first" > "$work/out"
! grep -q '127.0.0.1' "$work/out" && grep -q 'their time is over and their key is gone' "$work/out" && good "who was refused then cannot be read any more" || { bad "what is over can be read"; cat "$work/out"; }
ok "who was let in then can" eval 'opened login.ok $first | grep -q "\"peer\":\"127.0.0.1\""'
ok "people sign in" is in "$(sign_in "correct horse battery")"
ok "and the trail is proven from its first line to its last" until_ok proven
exit $failed
