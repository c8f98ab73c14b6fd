#!/bin/bash
# The audit trail with a real idpd and slapd: written, signed, witnessed, tampered with, exported, checked with openssl alone, and ended.
cd "$(dirname "$0")/../.." || exit 2
top=$PWD build=${BUILD:-$PWD/build-san} base=dc=example,dc=org
work=$(mktemp -d /tmp/csam-audit-XXXXXX)
failed=0
stop_idpd() { [ ! -s "$work/idpd.pid" ] || { kill "$(cat "$work/idpd.pid")" 2>/dev/null; wait "$(cat "$work/idpd.pid")" 2>/dev/null; rm -f "$work/idpd.pid"; }; }
trap 'stop_idpd; setup/directory stop "$work/dir" > /dev/null; [ -z "${listener:-}" ] || kill "$listener" 2>/dev/null; [ -z "${notary:-}" ] || kill "$notary" 2>/dev/null; mountpoint -q "$work/audit" && umount "$work/audit"; rm -rf "$work"' EXIT

ok() { echo "ok - $1"; }
no() { echo "not ok - $1"; failed=1; }
yes() { local what=$1; shift; if "$@" > "$work/out" 2>&1; then ok "$what"; else no "$what (exit $?)"; sed 's/^/    /' "$work/out" | head -n 20; fi; }
finds() { # CODE TEXT WHAT COMMAND...: ends with that code, and says so
	local code=$1 text=$2 what=$3; shift 3
	"$@" > "$work/out" 2>&1
	local rc=$?
	if [ $rc = "$code" ] && grep -qF -- "$text" "$work/out"; then ok "$what"; else no "$what: exit $rc, not $code with '$text'"; sed 's/^/    /' "$work/out" | head -n 20; fi
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ctl() { "$build/csamctl" "$@" -c "$work/idpd.conf" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"; }
modify() { ldapmodify -x -H "ldap://127.0.0.1:$ldap" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"; }
until_ok() { local i; for i in $(seq 300); do "$@" > /dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
start_idpd() {
	"$build/idpd" -c "$work/idpd.conf" >> "$work/idpd.log" 2>&1 &
	echo $! > "$work/idpd.pid"
	until_ok curl -sf "http://127.0.0.1:$port/readyz"
}
sign_in() { python3 "$top/tests/integration/sign-in.py" "$port" alice "$1"; } # PASSWORD: says in or out
is() { [ "$("${@:2}")" = "$1" ]; }

# --- start ---
mkdir -m 700 "$work"/{state,keyring,audit,run,witness}
ldap=$(free_port) port=$(free_port)
setup/directory start "$work/dir" "$ldap" > "$work/out" 2>&1 || { cat "$work/out"; no "the directory starts"; exit 1; }
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
cat > "$work/idpd.conf" <<END
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
	witness = {"$work/witness", "$work/syslog", "http://127.0.0.1:$posted/heads"}
	segment_size = 16
}
state {
	map_size = 64
}
keyring {
	publish_before = 1
}
directory {
	uri = "ldap://127.0.0.1:$ldap"
	base = "$base"
	bind_dn = "cn=idpd,ou=system,$base"
	password_file = "dir/idpd.password"
	changes_base = "cn=accesslog"
}
END
yes "idpd starts" start_idpd
printf 'correct horse battery' > "$work/password"
ctl person new --uid alice --given-name Alice --family-name Peeters --mail alice@example.org --national-number 85061501702 --password-file "$work/password" 2>/dev/null | modify > /dev/null
printf '{"client_id":"library","client_secret":"at-least-32-random-characters-please","redirect_uris":["https://library.example/cb"],"default_acr_values":["urn:be:fedict:iam:fas:citizen:Level200"],"client_name":"Library"}' > "$work/library.json"
ctl service import "$work/library.json" 2>/dev/null | modify > /dev/null
sleep 1
yes "a wrong password is refused" is out sign_in "wrong horse"
yes "the right one lets in" is in sign_in "correct horse battery"

# --- what is in it ---
signed() { ctl audit verify | grep -q '^proven up to line' && ! ctl audit verify | grep -q '^unproven'; }
yes "within seconds everything is signed" until_ok signed
finds 0 "proven up to line" "the trail is proven" ctl audit verify
plain() { ! zcat -f "$work"/audit/*.log* | grep -qE 'alice|wrong horse|127\.0\.0\.1'; }
yes "no name and no address stands in it for everybody" plain
finds 2 "--person needs --reason" "without a reason nothing is opened" ctl audit search --person alice
finds 0 '"event":"login.ok"' "an auditor finds a person's lines" ctl audit search --person alice --reason 'case 7'
finds 0 '"peer":"127.0.0.1"' "with what is personal in them" ctl audit search --event login.no --reason 'case 7'
finds 0 '"reason":"case 7"' "and stands in the trail with the reason" ctl audit search --event keyring.asked --reason 'case 8'
by_admin() { ctl audit search --event directory.changed --reason 'case 7' | grep '"entry":"uid=alice' | grep -q "\"by\":\"cn=admin,ou=system,$base\""; }
yes "what an administrator changed in the directory stands in it, with who it was" until_ok by_admin
no_value() { ! ctl audit search --reason 'case 7' | grep -qE 'Peeters|ARGON2'; }
yes "and no value of it" no_value
ctl keyring rotate --use sign > /dev/null 2>&1
rotated() { ctl audit search --event keyring.asked --reason 'case 8' | grep -q '"what":"rotate"'; }
yes "a rotation of keys stands in it" until_ok rotated
grep -q 'csam-audit-head node=idp1 ' "$work/heard" && grep -q 'csam-audit-head node=idp1 ' "$work/witness/idp1.heads" && ok "syslog and the other folder have heard the heads" || no "a witness has not heard"
finds 0 "proven up to line" "the trail says what they were told" ctl audit verify --witness "$work/witness/idp1.heads"
finds 0 "proven up to line" "and what syslog was told" ctl audit verify --witness "$work/heard"
kept() { grep -qF "$(tail -n 1 "$work/witness/idp1.heads" | sed 's/.* sig=//')" "$work/posted"; }
yes "a witness with an address has the newest head" until_ok kept
touch "$work/trouble"
sign_in "correct horse battery" > /dev/null
refuses() { grep -qF "$(tail -n 1 "$work/witness/idp1.heads" | sed 's/.* sig=//')" "$work/refused" && ! kept; }
until_ok signed && yes "when it has trouble it has it not" until_ok refuses
rm "$work/trouble"		# and nothing is written from here on that would bring another head
yes "it gets it once its trouble is over" until_ok kept
finds 0 "proven up to line" "and what it was told, too" ctl audit verify --witness "$work/posted"

# --- another key for the trail: the one before vouches for it ---
ctl audit key > "$work/first.pem"
yes "the trail's key is followed by another" ctl keyring rotate --use audit
finds 1 "wait for their time" "one at a time" ctl keyring rotate --use audit
told_of() { zgrep -h '"event":"trail.key"' "$work"/audit/*.log* | grep -q "\"kid\":\"$(ctl audit key | sed -n 's/^# //p' | tail -n 1)\""; }
yes "the trail tells of it" until_ok told_of
newest() { sign_in "correct horse battery" > /dev/null; sleep 2; tail -n 1 "$work/witness/idp1.heads" | grep -q "kid=$(ctl audit key | sed -n 's/^# //p' | tail -n 1) "; }
yes "and its heads are signed with it" until_ok newest
yes "all of it" until_ok signed
finds 0 "for which the one before vouches" "with the first key alone the trail is proven to its end" "$build/csamctl" audit verify --key "$work/first.pem" --node idp1 "$work/audit"
yes "two keys are in one file" is 2 grep -c '^# ' <(ctl audit key)
ctl audit key > "$work/both.pem"
"$build/csamctl" audit verify --key "$work/both.pem" --node idp1 "$work/audit" > "$work/out" 2>&1 && ! grep -q vouches "$work/out" && ok "who has both keys needs nobody to vouch" || no "both keys in one file are not taken"
finds 0 '"event":"login.ok"' "lines from before can be opened" ctl audit search --event login.ok --reason 'case 7'
yes "who signs in now is written under it" is in sign_in "correct horse battery"
yes "and signed" until_ok signed

# --- a case, for somebody without any of our programs ---
yes "a case is exported" ctl audit export --event login. --reason 'case 9' -o "$work/case"
sed -n '/^```sh$/,/^```$/p' doc/audit-proof.md | grep -v '^```' > "$work/proof.sh"
proof() { (cd "$1" && sh "$work/proof.sh" > "$work/proof.out" 2>&1); cat "$work/proof.out"; ! grep -qE 'NOT PROVEN|rror|ailure' "$work/proof.out"; }
finds 0 "the chain leads to the signed head" "openssl and a shell prove it" proof "$work/case"
for text in 'Verified OK' "$(ctl audit key | sed -n 's/^# //p' | tail -n 1)" 'stands in the trail' 'the personal fields are those of line'; do
	grep -qF "$text" "$work/proof.out" && ok "it says: $text" || no "it does not say: $text"
done
for change in "lines:s/login.no/login.ok/" "personal-*.json:s/alice@/alixe@/;s/\"peer\":\"127/\"peer\":\"128/" "digests:2s/ ./ x/" "start:s/[0-9]/a/" "head.txt:s/^seq .*/seq 3/"; do
	rm -rf "$work/forged"; cp -r "$work/case" "$work/forged"
	# shellcheck disable=SC2086
	sed -i "${change#*:}" $work/forged/${change%%:*}
	if proof "$work/forged" > /dev/null; then no "a forged ${change%%:*} is not seen"; else ok "a forged ${change%%:*} is seen"; fi
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
[ "$told" -ge 1 ] && [ "$has" -gt "$told" ] && ok "every yes of $told while the front was killed has its line ($has)" || no "$told were let in, and $has lines say so"
yes "and all of it is signed again" until_ok signed

stop_idpd
finds 2 "does not answer" "without a keyring and a key nothing can be checked" ctl audit verify
start_idpd
ctl audit key > "$work/key.pem"
yes "after a stop it goes on" until_ok signed

# --- tampering ---
stop_idpd
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
"$build/csamctl" audit verify --key "$work/key.pem" --node idp1 "$work/forged" | grep -q '^BROKEN' && no "nobody else could tell" || ok "which nobody else could tell"
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
