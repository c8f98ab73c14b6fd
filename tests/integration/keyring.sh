#!/bin/bash
# The keyring's life by the documented commands: two nodes on one directory, keys that follow keys, secrets that move, and kill -9 in between.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh keyring
ldap=$(free_port) https=$(free_port) https2=$(free_port)

ctl() { local n=$1; shift; "$build/csamctl" "$@" -c "$work/$n.conf" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"; }
search() { as admin ldapsearch -LLL -o ldif-wrap=no "$@"; }
secrets() { local n=$1; shift; "$build/csamctl" "$@" -c "$work/$n.conf" -D "cn=idpd,ou=system,$base" -y "$work/dir/idpd.password"; }
retire() { "$build/csamctl" keyring retire -c "$work/a.conf" -D "cn=$1,ou=system,$base" -y "$work/dir/$1.password" -- "$2"; }	# AS KID: it may begin with a hyphen
change() { as idpd ldapmodify "$@"; }
kids() { ctl "$1" keyring status | awk -v use="$2" -v state="${3:-.}" '$2 == use && $4 ~ state { print $1 }'; }
published() { ctl "$1" keyring public | grep -c '"kid"'; }
child() { awk -v n="$2" '{ print $n }' "/proc/$(cat "$work/$1.pid")/task/$(cat "$work/$1.pid")/children"; }

configure() { # NODE PORT
	mkdir -m 700 "$work/$1"
	{
		conf_server "https://localhost:$https" "\"127.0.0.1:$2 tls\"" "$1/" < /dev/null
		conf_directory
		cat <<-END
			state {
				map_size = 64
			}
			keyring {
				publish_before = 3
				wrong_codes = 5
			}
		END
	} > "$work/$1.conf"
}
run() { idpd_start "https://localhost:$2/readyz" "$1"; }		# NODE PORT
again() { idpd_stop "$1"; run "$1" "$2"; }

certificate server 90
directory_start || exit 1
configure a "$https"; configure b "$https2"
ok "node a runs" run a "$https"
ok "node b runs" run b "$https2"

# What each process may do
for n in 1 2; do
	status=/proc/$(child a $n)/status
	if grep -q 'Seccomp:.2' "$status" && grep -q 'NoNewPrivs:.1' "$status" && grep -q 'CapEff:.0000000000000000' "$status"; then good "$(sed -n 's/Name:.//p' "$status") is confined"
	else bad "process $n is confined" "$status"; fi
done

# One directory, one person, sealed by a
printf 'correct horse battery\n' > "$work/password"
ctl a person new --uid alice --given-name Alice --family-name Peeters --mail alice@example.be --lang en --password-file "$work/password" \
	--totp JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP 2> "$work/err" | modify > "$work/out" 2>&1 || bad "a person" "$work/err" "$work/out"
for i in 1 2 3; do ctl a key new app --person alice 2>/dev/null | modify >/dev/null; done
# a plain one, as an administrator may set it
printf 'dn: csamKeyId=app-2,uid=alice,ou=people,%s\nchangetype: modify\nreplace: csamKeySecret\ncsamKeySecret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n' "$base" | modify >/dev/null
sealed() { ldapsearch -LLL -o ldif-wrap=no -x -H "ldap://127.0.0.1:$ldap" -D "cn=idpd,ou=system,$base" -y "$work/dir/idpd.password" -b "ou=people,$base" '(csamKeySecret=*)' csamKeySecret | sed -n 's/^csamKeySecret: //p' | cut -c1-18 | sort; }
refused "who may not see secrets does not take them for absent" 1 "you may not read the secrets" retire admin "$(kids a seal)"
secrets b keyring reseal > "$work/ldif" 2> "$work/err"; says "b cannot open what a sealed" "cannot be opened" "$work/err"

# Keys to another node
ctl b keyring address > "$work/b.jwk"; ctl a keyring address > "$work/a.jwk"
ok "a exports to b" ctl a keyring export --to "$work/b.jwk" --out "$work/keys.jwe"
refused "an export is not overwritten" 1 "cannot be made" ctl a keyring export --to "$work/b.jwk" --out "$work/keys.jwe"
is "$(stat -c %a "$work/keys.jwe")" 600 && good "and only its owner reads it" || bad "mode of the export"
if grep -qE 'PRIVATE|secret|keys' "$work/keys.jwe"; then bad "nothing is in plain"; else good "nothing is in plain"; fi
refused "keys never leave in plain" 2 "never leave in plain" ctl a keyring export
refused "subjects of people are guarded" 1 "another subject" ctl b keyring import "$work/keys.jwe"
refused "a itself cannot open it" 1 "another node" ctl a keyring import "$work/keys.jwe"
sed 's/A/B/3' "$work/keys.jwe" > "$work/damaged.jwe"; cut -c1-2000 "$work/keys.jwe" > "$work/short.jwe"
refused "a damaged export" 1 "refused" ctl b keyring import "$work/damaged.jwe" --replace
refused "half an export" 1 "damaged" ctl b keyring import "$work/short.jwe" --replace
before=$(kids b subject)
for i in $(seq 12); do	# in the middle of the import: either keyring is usable
	ctl b keyring import "$work/keys.jwe" --replace >/dev/null 2>&1 & job=$!
	sleep "0.0$((i * 3 % 10))"; kill -9 "$(child b 1)" 2>/dev/null; wait $job
	for j in $(seq 100); do now=$(kids b subject 2>/dev/null); [ -n "$now" ] && break; sleep 0.05; done
	[ "$now" = "$before" ] || [ "$now" = "$(kids a subject)" ] || { bad "kill -9 in an import leaves $now"; break; }
	sleep 0.3
done
[ "$i" = 12 ] && good "kill -9 in an import leaves the old keys or the new"
for j in $(seq 20); do ctl b keyring import "$work/keys.jwe" --replace > "$work/out" 2> "$work/err" && break; sleep 3.2; done
is "$(ctl a keyring public)" "$(ctl b keyring public)" && good "b has the keys of a" || bad "b has the keys of a" "$work/err"
ok "and says whom it follows" sh -c "'$build/csamctl' keyring status -c '$work/b.conf' | grep -q 'another node'"
ok "b starts again" again b "$https2"
secrets b keyring reseal > "$work/ldif" 2> "$work/err"; is "$(grep -c ^dn: "$work/ldif")" 1 && good "b opens what a sealed" || bad "b opens what a sealed" "$work/err"

# By passphrase
printf 'a passphrase for the safe\n' > "$work/pass"; printf 'another passphrase, longer\n' > "$work/wrong"; printf 'short\n' > "$work/short"
ok "an export by passphrase" ctl a keyring export --passphrase-file "$work/pass" --out "$work/safe.jwe"
refused "a short one is refused" 1 "16 bytes" ctl a keyring export --passphrase-file "$work/short"
refused "a wrong passphrase" 1 "passphrase is wrong" ctl b keyring import "$work/safe.jwe" --passphrase-file "$work/wrong"
refused "none at all" 1 "none was given" ctl b keyring import "$work/safe.jwe"
ok "the right one" ctl b keyring import "$work/safe.jwe" --passphrase-file "$work/pass"

# Keys follow keys
old=$(kids a sign | sort) seal=$(kids a seal)
ok "rotate" ctl a keyring rotate
refused "once at a time" 1 "wait for their time" ctl a keyring rotate
is "$(published a)" 8 && good "new public keys are published before they sign" || bad "8 public keys"
is "$(kids a sign signing | sort)" "$old" && good "and the old ones sign" || bad "the old ones sign"
ctl a keyring export --to "$work/b.jwk" > "$work/newer.jwe"
ok "b gets them before" ctl b keyring import "$work/newer.jwe"
refused "and nothing older afterwards" 1 "older" ctl b keyring import "$work/keys.jwe"
sleep 3.5
[ "$(kids a sign signing | sort)" != "$old" ] && good "then they sign" || bad "then they sign"
is "$(kids a sign signing | sort)" "$(kids b sign signing | sort)" && good "at both nodes" || bad "at both nodes"
is "$(published a)" 8 && good "the old ones stay published for the tokens they signed" || bad "still 8 public keys"
is "$(kids a subject)" "$(kids b subject)" && good "the key of subjects stays" || bad "the key of subjects stays"

# Secrets move
refused "a key in use is not retired" 1 "secrets need this key" retire idpd "$seal"
secrets a keyring reseal > "$work/ldif" 2> "$work/err"
is "$(grep -c ^dn: "$work/ldif")" 4 && grep -q '1 stood there in plain' "$work/err" && good "reseal writes each, and says which stood there in plain" || bad "reseal" "$work/ldif" "$work/err"
sed '/^$/q' "$work/ldif" | change >/dev/null		# stopped after the first
printf 'dn: csamKeyId=app-3,uid=alice,ou=people,%s\nchangetype: modify\nreplace: csamKeySecret\ncsamKeySecret: MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK\n' "$base" | modify >/dev/null
change -c < "$work/ldif" > "$work/out" 2>&1
ldapsearch -LLL -x -H "ldap://127.0.0.1:$ldap" -D "cn=idpd,ou=system,$base" -y "$work/dir/idpd.password" -b "csamKeyId=app-3,uid=alice,ou=people,$base" -s base csamKeySecret | grep -q MFRGGZDFMZTWQ2LK && good "who changes a secret meanwhile wins" || bad "compare and swap" "$work/out"
secrets a keyring reseal > "$work/ldif" 2>/dev/null
is "$(grep -c ^dn: "$work/ldif")" 1 && good "begun again, only the rest moves" || bad "resumed" "$work/ldif"
change < "$work/ldif" >/dev/null
is "$(sealed | uniq | wc -l)" 1 && good "then all rest on one key" || bad "all rest on one key"
ok "and the old one ends" retire idpd "$seal"
refused "it is gone" 1 "no such key" retire idpd "$seal"
refused "a name that begins with a hyphen is one" 1 "no such key" retire idpd -AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
refused "and among options it is told where it goes" 2 "comes after --" secrets a keyring retire -AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
ok "its secrets still open" sh -c "'$build/csamctl' keyring reseal -c '$work/a.conf' -D 'cn=idpd,ou=system,$base' -y '$work/dir/idpd.password' 2>&1 | grep -q '0 of 4 secrets move'"

# kill -9 in a rotation, at any moment
lost=
for i in $(seq 9); do
	ctl a keyring rotate --use seal --now >/dev/null 2>&1 & job=$!
	sleep "0.0$((i * 7 % 10))"; kill -9 "$(child a 1)" 2>/dev/null; wait $job
	for j in $(seq 200); do n=$(kids a seal 2>/dev/null | wc -l); [ "$n" -ge 1 ] && break; sleep 0.05; done
	[ "$n" -ge 1 ] || lost=yes
	sleep 0.2
done
[ -z "$lost" ] && good "kill -9 in a rotation leaves a usable keyring" || bad "kill -9 in a rotation"
secrets a keyring reseal 2>&1 >/dev/null | grep -q ' 0 cannot be opened' && good "that opens every secret" || bad "every secret opens"

# The trail
ok "the trail is whole" ctl a keyring trail "$work/a/keyring/trail.log"
for e in start rotate export refused retire; do grep -q "\"event\":\"$e\"" "$work/a/keyring/trail.log" || bad "the trail tells of $e"; done
grep -q '"event":"import"' "$work/b/keyring/trail.log" && good "and tells what was done" || bad "the trail of b"
sed -i '2d' "$work/a/keyring/trail.log"
refused "a line taken out shows" 1 "taken out" ctl a keyring trail "$work/a/keyring/trail.log"
exit $failed
