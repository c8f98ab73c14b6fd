#!/bin/bash
# The audit trail with a real idpd and slapd: written, signed, witnessed, tampered with, exported, checked with openssl alone, and ended.
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh audit
also_end() {
	[ -z "${listener:-}" ] || kill "$listener"
	[ -z "${notary:-}" ] || kill "$notary"
	! mountpoint -q "$work/audit" || umount "$work/audit"
}
finds() { # CODE TEXT WHAT COMMAND...: ends with that code, and says so
	local code=$1 text=$2 what=$3; shift 3
	"$@" > "$work/out" 2>&1
	local rc=$?
	if [ $rc = "$code" ] && grep -qF -- "$text" "$work/out"; then good "$what"; else bad "$what: exit $rc, not $code with '$text'" "$work/out"; fi
}
# --- start ---
mkdir -m 700 "$work/witness"
ldap=$(free_port) port=$(free_port)
directory_start || { bad "the directory starts"; exit 1; }
python3 - "$work/syslog" "$work/heard" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
while True:
    open(sys.argv[2], "ab").write(s.recv(65536) + b"\n")
END
listener=$!
# A witness elsewhere: what is posted it keeps, unless it has trouble, when it counts what it refuses.
posted=$(free_port)
python3 - "$posted" "$work/posted" "$work/trouble" "$work/refused" <<'END' 2> /dev/null &
import http.server, os, sys
class Notary(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        head = self.rfile.read(int(self.headers["Content-Length"]))
        trouble = os.path.exists(sys.argv[3])
        with open(sys.argv[4 if trouble else 2], "ab") as f: f.write(head)
        self.send_response(503 if trouble else 204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Notary).serve_forever()
END
notary=$!
until_ok test -S "$work/syslog"
{
	conf_server "https://localhost:$port" "\"127.0.0.1:$port\"" <<< 'trusted_proxies = {"127.0.0.1"}
		testing = true'
	conf_directory 'changes_base = "cn=accesslog"'
	cat <<-END
		audit {
			node = "idp1"
			witness = {"$work/witness", "$work/syslog", "http://127.0.0.1:$posted/heads"}
			segment_size = 16
		}
		state {
			map_size = 64
		}
		keyring {
			publish_before = 1
		}
	END
} > "$work/idpd.conf"
start_idpd() { idpd_start "http://127.0.0.1:$port/readyz"; }
ok "idpd starts" start_idpd
ok "it knows a person and a service" alice_and_library
ok "a wrong password is refused" is out "$(sign_in "wrong horse")"
ok "the right one lets in" is in "$(sign_in "correct horse battery")"

# --- what is in it ---
signed() { ctl audit verify | grep -q '^proven up to line' && ! ctl audit verify | grep -q '^unproven'; }
ok "within seconds everything is signed" until_ok signed
finds 0 "proven up to line" "the trail is proven" ctl audit verify
plain() { ! zcat -f "$work"/audit/*.log* | grep -qE 'alice|wrong horse|127\.0\.0\.1'; }
ok "no name and no address stands in it for everybody" plain
finds 2 "--person needs --reason" "without a reason nothing is opened" ctl audit search --person alice
finds 0 '"event":"login.ok"' "an auditor finds a person's lines" ctl audit search --person alice --reason 'case 7'
finds 0 '"peer":"127.0.0.1"' "with what is personal in them" ctl audit search --event login.no --reason 'case 7'
finds 0 '"reason":"case 7"' "and stands in the trail with the reason" ctl audit search --event keyring.asked --reason 'case 8'
by_admin() { ctl audit search --event directory.changed --reason 'case 7' | grep '"entry":"uid=alice' | grep -q "\"by\":\"cn=admin,ou=system,$base\""; }
ok "what an administrator changed in the directory stands in it, with who it was" until_ok by_admin
no_value() { ! ctl audit search --reason 'case 7' | grep -qE 'Peeters|ARGON2'; }
ok "and no value of it" no_value
ctl keyring rotate --use sign > /dev/null 2>&1
rotated() { ctl audit search --event keyring.asked --reason 'case 8' | grep -q '"what":"rotate"'; }
ok "a rotation of keys stands in it" until_ok rotated
grep -q 'csam-audit-head node=idp1 ' "$work/heard" && grep -q 'csam-audit-head node=idp1 ' "$work/witness/idp1.heads" && good "syslog and the other folder have heard the heads" || bad "a witness has not heard"
finds 0 "proven up to line" "the trail says what they were told" ctl audit verify --witness "$work/witness/idp1.heads"
finds 0 "proven up to line" "and what syslog was told" ctl audit verify --witness "$work/heard"
kept() { grep -qF "$(tail -n 1 "$work/witness/idp1.heads" | sed 's/.* sig=//')" "$work/posted"; }
ok "a witness with an address has the newest head" until_ok kept
touch "$work/trouble"
sign_in "correct horse battery" > /dev/null
refuses() { grep -qF "$(tail -n 1 "$work/witness/idp1.heads" | sed 's/.* sig=//')" "$work/refused" && ! kept; }
until_ok signed && ok "when it has trouble it has it not" until_ok refuses
rm "$work/trouble"		# and nothing is written from here on that would bring another head
ok "it gets it once its trouble is over" until_ok kept
finds 0 "proven up to line" "and what it was told, too" ctl audit verify --witness "$work/posted"

# --- another key for the trail: the one before vouches for it ---
ctl audit key > "$work/first.pem"
ok "the trail's key is followed by another" ctl keyring rotate --use audit
finds 1 "wait for their time" "one at a time" ctl keyring rotate --use audit
told_of() { zgrep -h '"event":"trail.key"' "$work"/audit/*.log* | grep -q "\"kid\":\"$(ctl audit key | sed -n 's/^# //p' | tail -n 1)\""; }
ok "the trail tells of it" until_ok told_of
newest() { sign_in "correct horse battery" > /dev/null; sleep 2; tail -n 1 "$work/witness/idp1.heads" | grep -q "kid=$(ctl audit key | sed -n 's/^# //p' | tail -n 1) "; }
ok "and its heads are signed with it" until_ok newest
ok "all of it" until_ok signed
finds 0 "for which the one before vouches" "with the first key alone the trail is proven to its end" "$build/csamctl" audit verify --key "$work/first.pem" --node idp1 "$work/audit"
ok "two keys are in one file" is 2 "$(ctl audit key | grep -c '^# ')"
ctl audit key > "$work/both.pem"
"$build/csamctl" audit verify --key "$work/both.pem" --node idp1 "$work/audit" > "$work/out" 2>&1 && ! grep -q vouches "$work/out" && good "who has both keys needs nobody to vouch" || bad "both keys in one file are not taken"
finds 0 '"event":"login.ok"' "lines from before can be opened" ctl audit search --event login.ok --reason 'case 7'
ok "who signs in now is written under it" is in "$(sign_in "correct horse battery")"
ok "and signed" until_ok signed

# --- a case, for somebody without any of our programs ---
ok "a case is exported" ctl audit export --event login. --reason 'case 9' -o "$work/case"
sed -n '/^```sh$/,/^```$/p' doc/audit-proof.md | grep -v '^```' > "$work/proof.sh"
proof() { (cd "$1" && sh "$work/proof.sh" > "$work/proof.out" 2>&1); cat "$work/proof.out"; ! grep -qE 'NOT PROVEN|rror|ailure' "$work/proof.out"; }
finds 0 "the chain leads to the signed head" "openssl and a shell prove it" proof "$work/case"
for text in 'Verified OK' "$(ctl audit key | sed -n 's/^# //p' | tail -n 1)" 'stands in the trail' 'the personal fields are those of line'; do
	grep -qF "$text" "$work/proof.out" && good "it says: $text" || bad "it does not say: $text"
done
for change in "lines:s/login.no/login.ok/" "personal-*.json:s/alice@/alixe@/;s/\"peer\":\"127/\"peer\":\"128/" "digests:2s/ ./ x/" "start:s/[0-9]/a/" "head.txt:s/^seq .*/seq 3/"; do
	rm -rf "$work/forged"; cp -r "$work/case" "$work/forged"
	# shellcheck disable=SC2086
	sed -i "${change#*:}" $work/forged/${change%%:*}
	if proof "$work/forged" > /dev/null; then bad "a forged ${change%%:*} is not seen"; else good "a forged ${change%%:*} is seen"; fi
done

# --- killed, and with a full disk ---
for i in $(seq "${KILLS:-10}"); do
	(sign_in "correct horse battery" > "$work/told.$i" 2>/dev/null) &
	sleep "0.$((i * 37 % 60 + 10))"
	front=$(pgrep -P "$(cat "$work/idpd.pid")" | while read -r p; do [ "$(cat "/proc/$p/comm")" = idpd-front ] && echo "$p"; done)
	[ -z "$front" ] || kill -9 "$front"
	wait $!
	until_ok curl -sf "http://127.0.0.1:$port/readyz"
done
sign_in "correct horse battery" > "$work/told.last"
told=$(cat "$work"/told.* | grep -c '^in$')
has=$(ctl audit search --event login.ok | wc -l)
[ "$told" -ge 1 ] && [ "$has" -gt "$told" ] && good "every yes of $told while the front was killed has its line ($has)" || bad "$told were let in, and $has lines say so"
ok "and all of it is signed again" until_ok signed

idpd_stop
finds 2 "does not answer" "without a keyring and a key nothing can be checked" ctl audit verify
start_idpd
ctl audit key > "$work/key.pem"
ok "after a stop it goes on" until_ok signed

# --- tampering ---
idpd_stop
check() { "$build/csamctl" audit verify --key "$work/key.pem" --node "${2:-idp1}" ${3:+--witness "$3"} "$1"; }
finds 0 "proven up to line" "with the public key alone it is proven, too" check "$work/audit"
last=$(basename "$(ls "$work"/audit/*.log | tail -n 1)")
first=00000001.log
forged() { rm -rf "$work/forged"; cp -r "$work/audit" "$work/forged"; gunzip -q "$work"/forged/*.gz; (cd "$work/forged" && eval "$1"); }
forged "sed -i '3s/\"level\":[0-9]/\"level\":9/;3s/login/logim/;3s/directory/direktory/' $first";	finds 1 "BROKEN $first:4" "a line that was changed" check "$work/forged"
forged "sed -i 3d $first";			finds 1 "BROKEN $first:3 (line 4 of the trail): lines 3 to 3 are missing" "a line that was taken out" check "$work/forged"
forged "sed -i '3{h;d};4{G}' $first";		finds 1 "was put in, moved or written twice" "lines that changed places" check "$work/forged"
forged "sed -i '3p' $first";			finds 1 "was put in, moved or written twice" "a line that was put in" check "$work/forged"
forged "rm 00000002.log";			finds 1 "segments 2 to 2 are missing" "a segment that was taken away" check "$work/forged"
forged "sed -i '\$d' $first";			finds 1 "was cut off" "a segment that was cut" check "$work/forged"
forged "sed -i '\$d' $last; sed -i '\$d' $last; sed -i '\$d' $last"; finds 1 "it was cut off" "a trail that was cut at its end, with a witness" check "$work/forged" idp1 "$work/witness/idp1.heads"
last_posted=$(sed -n 's/.* seq=\([0-9]*\) .*/\1/p' "$work/posted" | tail -n 1)
forged "for f in *.log; do awk -v last=$last_posted -F '[:,]' '\$2 < last' \$f > cut && mv cut \$f; [ -s \$f ] || rm \$f; done"
finds 1 "a witness saw line $last_posted" "a trail that was cut after a head that was posted elsewhere" check "$work/forged" idp1 "$work/posted"
"$build/csamctl" audit verify --key "$work/key.pem" --node idp1 "$work/forged" | grep -q '^BROKEN' && bad "nobody else could tell" || good "which nobody else could tell"
finds 1 "this is the trail of idp2" "the trail of another node" check "$work/audit" idp2
openssl ecparam -genkey -name prime256v1 -noout 2>/dev/null | openssl ec -pubout -out "$work/other.pem" 2>/dev/null
finds 1 "signed with a key that is not known" "heads of another key" "$build/csamctl" audit verify --key "$work/other.pem" --node idp1 "$work/audit"
forged "sed -i '/trail.head/d' *.log";		finds 1 "BROKEN" "heads taken out" check "$work/forged"
forged "printf '{\"seq\":99,\"ti' >> $last";	finds 0 "torn" "torn bytes are no tampering" check "$work/forged"
finds 2 "No such file" "no trail is trouble, not a fault" check "$work/nowhere"

# --- a key that has ended ---
start_idpd
mv "$work/audit/keys/$(date -u +%Y-%m).security" "$work/"
finds 0 "their time is over and their key is gone" "when its key has gone a line cannot be opened" ctl audit search --event login.no --reason 'case 10'
mv "$work/$(date -u +%Y-%m).security" "$work/audit/keys/"
finds 0 "proven up to line" "and the trail is whole all the same" ctl audit verify
exit $failed
