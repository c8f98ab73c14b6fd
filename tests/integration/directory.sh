#!/bin/bash
# Schema, rules and access of the directory, tried with OpenLDAP's own tools against a slapd that setup/directory makes.
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh directory
d=$work/dir

result() { # CODE WHAT COMMAND...: it ends with that LDAP result
	local code=$1 what=$2 rc; shift 2
	"$@" > "$work/out" 2>&1; rc=$?
	if [ $rc = "$code" ]; then good "$what"; else bad "$what: result $rc, not $code" "$work/out"; fi
}

schema=$(setup/schema-ldif csam < schema/csam.schema)
[ -n "$schema" ] && [ "$schema" = "$(cat schema/csam.ldif)" ] && good "csam.ldif is csam.schema" || bad "csam.ldif is not what setup/schema-ldif makes of csam.schema"
duplicates=$(sed -n 's/^\(attributetype\|objectclass\) ( \([^ ]*\) .*/\2/p' schema/csam.schema | sort | uniq -d)
[ -z "$duplicates" ] && good "no number is used twice" || bad "numbers used twice: $duplicates"

port=$(free_port)
ok "starts" setup/directory start "$d" "$port"
ok "starts again: harmless" setup/directory start "$d" "$port"
[ "$(pgrep -fc "slapd -h.*$d/slapd.d|slapd -n slapd.*$d/slapd.d")" = 1 ] && good "one slapd runs" || bad "not one slapd runs"
[ "$(stat -c %a "$d/idpd.password" "$d/admin.password" "$d" | sort -u | tr '\n' ' ')" = "600 700 " ] && good "passwords and data are for the owner only" || bad "others may read $d"

suffix=dc=example,dc=org people=ou=people,dc=example,dc=org
uri=ldap://127.0.0.1:$port
sed -e "s/@SUFFIX@/$suffix/; s,@ORIGIN@,https://services.example.org,; s/@PASSWORD@/correct horse/; s/@[A-Z_]*@/JBSWY3DPEHPK3PXP/" conf/directory/demo.ldif > "$work/demo.ldif"
ok "takes the example people and services" setup/directory load "$d" "$work/demo.ldif"

idpd=(-x -H "$uri" -D "cn=idpd,ou=system,$suffix" -y "$d/idpd.password")
admin=(-x -H "$uri" -D "cn=admin,ou=system,$suffix" -y "$d/admin.password")
alice=(-x -H "$uri" -D "uid=alice,$people" -w "correct horse")
owner=(-Q -Y EXTERNAL -H ldapi://.%2Fldapi)
as() { local who=$1[@]; shift; (cd "$d" && "$1" "${!who}" "${@:2}"); }
modify() { local who=$1 dn=$2; shift 2; printf '%s\n' "dn: $dn" "changetype: modify" "$@" | as "$who" ldapmodify; }
add() { local who=$1 dn=$2; shift 2; printf '%s\n' "dn: $dn" "$@" | as "$who" ldapadd; }
shows() { # WHO BASE ATTRIBUTE: what is shown of it
	as "$1" ldapsearch -LLL -o ldif-wrap=no -b "$2" -s base "$3" 2>/dev/null | grep -i "^$3:"
}
key=csamKeyId=app-1,uid=alice,$people

# Typos fail when they are made.
result 19 "a key state that is none"		modify admin "$key" "replace: csamKeyState" "csamKeyState: aktive"
result 19 "a key state in capitals"		modify admin "$key" "replace: csamKeyState" "csamKeyState: Active"
result 19 "a person state that is none"	modify admin "uid=alice,$people" "replace: csamPersonState" "csamPersonState: deleted"
result 19 "a kind that is none"		modify admin "$key" "replace: csamKeyKind" "csamKeyKind: pasword"
result 19 "a level that is none"		modify admin "cn=library,ou=services,$suffix" "replace: csamServiceLevel" "csamServiceLevel: 40"
result 19 "an algorithm that signs nothing"	modify admin "cn=library,ou=services,$suffix" "replace: csamIdTokenAlg" "csamIdTokenAlg: none"
result 19 "verified is an address, not a truth" modify admin "uid=alice,$people" "replace: csamMailVerified" "csamMailVerified: TRUE"
result 21 "a subject that is no UUID"		modify admin "uid=alice,$people" "replace: csamSubject" "csamSubject: alice"
result 65 "a key without state"		add admin "csamKeyId=x,uid=alice,$people" "objectClass: csamKey" "csamKeyId: x" "csamKeyKind: app"
result 19 "a second person with one number"	modify admin "uid=bruno,$people" "replace: csamNationalNumber" "csamNationalNumber: 85061501801"
result 19 "a second person with one subject"	modify admin "uid=bruno,$people" "replace: csamSubject" "csamSubject: 5F0C3A52-6c6e-4c1b-9d5b-0d1f3a1e7a01"
result 19 "a second person with one name"	add admin "cn=again,$people" "objectClass: inetOrgPerson" "cn: again" "sn: again" "uid: ALICE"
result 19 "a second client with one client_id"	modify admin "cn=library,ou=services,$suffix" "replace: csamClientId" "csamClientId: tax-on-web"
ok "a state that is one"			modify admin "$key" "replace: csamKeyState" "csamKeyState: active"
for state in pending active locked revoked; do modify admin "$key" "replace: csamKeyState" "csamKeyState: $state" > /dev/null || bad "state $state"; done
for kind in eid itsme eidas passkey app token sms mail password apppass; do modify admin "$key" "replace: csamKeyKind" "csamKeyKind: $kind" > /dev/null || bad "kind $kind"; done
modify admin "$key" "replace: csamKeyKind" "csamKeyKind: app" "-" "replace: csamKeyState" "csamKeyState: active" > /dev/null
ok "a changed key state is compared before it is swapped" modify idpd "$key" "delete: csamKeyState" "csamKeyState: active" "-" "add: csamKeyState" "csamKeyState: locked"
result 16 "and not swapped a second time"	modify idpd "$key" "delete: csamKeyState" "csamKeyState: active" "-" "add: csamKeyState" "csamKeyState: locked"

# Who reads what.
[ -n "$(shows idpd "$key" csamKeySecret)" ] && good "idpd reads secrets of keys" || bad "idpd does not read secrets of keys"
for who in admin owner alice; do
	for x in "$key csamKeySecret" "uid=alice,$people userPassword" "cn=library,ou=services,$suffix csamClientSecret" "cn=decoy,ou=system,$suffix userPassword"; do
		[ -z "$(shows $who $x)" ] && good "$who does not read ${x##* } of ${x%%,*}" || bad "$who reads ${x##* } of ${x%%,*}"
	done
done
for x in "uid=alice,$people" "cn=idpd,ou=system,$suffix" "cn=decoy,ou=system,$suffix"; do
	[ -z "$(shows idpd "$x" userPassword)" ] && good "idpd does not read the password of ${x%%,*}" || bad "idpd reads the password of ${x%%,*}"
done
[ -n "$(as idpd ldapsearch -LLL -b "uid=alice,$people" -s base "(userPassword=*)" 1.1)" ] && good "idpd sees that there is a password" || bad "idpd does not see that there is a password"
result 32 "a person does not see keys"	as alice ldapsearch -b "$key" -s base
result 32 "nor people"			as alice ldapsearch -b "$people"
result 48 "nobody reads without name"	ldapsearch -x -H "$uri" -b "$suffix"
result 53 "a name without password is nobody" ldapwhoami -x -H "$uri" -D "uid=alice,$people" -w ""
result 49 "a wrong password"		ldapwhoami -x -H "$uri" -D "uid=alice,$people" -w "wrong"
ok "the right password"		as alice ldapwhoami

# Who writes what.
for x in "csamKeyState: active" "csamKeyLevel: 300" "csamKeyCounter: 7" "csamKeyFailures: 1" "csamKeyLastUsed: 20260101000000Z" "csamKeySecret: sealed"; do
	ok "idpd writes ${x%%:*}" modify idpd "$key" "replace: ${x%%:*}" "$x"
done
for x in "csamKeyFailures: 1" "csamConsent: library openid 20260101000000Z" "csamNotice: security"; do ok "idpd writes ${x%%:*} of a person" modify idpd "uid=alice,$people" "replace: ${x%%:*}" "$x"; done
for x in "csamKeyKind: password" "csamKeyData: x" "csamKeyNotAfter: 20300101000000Z"; do
	result 50 "idpd does not write ${x%%:*}" modify idpd "$key" "replace: ${x%%:*}" "$x"
done
for x in "csamPersonState: active" "csamSubject: 6fa1e3b0-6a4b-4a6e-9f55-3d1f6f0e0c11" "description: x" "csamNationalNumber: 01050399864" "csamIdentityLevel: 500"; do
	result 50 "idpd does not write ${x%%:*}" modify idpd "uid=emma,$people" "replace: ${x%%:*}" "$x"
done
ok "idpd sets a person's password, which it cannot read"	modify idpd "uid=emma,$people" "replace: userPassword" "userPassword: battery staple"
result 50 "but not the decoy's"		modify idpd "cn=decoy,ou=system,$suffix" "replace: userPassword" "userPassword: battery staple"
result 50 "nor an administrator's"		modify idpd "cn=admin,ou=system,$suffix" "replace: userPassword" "userPassword: battery staple"
ok "an administrator has set a password that must be changed" modify admin "uid=emma,$people" "replace: pwdReset" "pwdReset: TRUE"
ok "idpd takes note that it was"		modify idpd "uid=emma,$people" "delete: pwdReset" ""
result 50 "idpd does not write services"	modify idpd "cn=library,ou=services,$suffix" "replace: csamServiceLevel" "csamServiceLevel: 100"
result 50 "idpd does not join the administrators" modify idpd "cn=administrators,ou=system,$suffix" "add: member" "member: cn=idpd,ou=system,$suffix"
for x in "mail: x@example.org" "csamMailVerified: x@example.org" "preferredLanguage: nl"; do
	ok "idpd writes ${x%%:*} of a person" modify idpd "uid=alice,$people" "replace: ${x%%:*}" "$x"
done
ok "idpd adds a key below a person"		add idpd "csamKeyId=x,uid=alice,$people" "objectClass: csamKey" "csamKeyId: x" "csamKeyKind: app" "csamKeyState: active"
ok "and names it"				modify idpd "csamKeyId=x,uid=alice,$people" "replace: description" "description: x"
result 50 "idpd adds nothing else there"	add idpd "cn=x,uid=alice,$people" "objectClass: organizationalRole" "cn: x"
result 50 "idpd adds nobody without digital keys" add idpd "uid=x,$people" "objectClass: inetOrgPerson" "cn: x" "sn: x" "uid: x"
result 50 "idpd deletes no key"		as idpd ldapdelete "csamKeyId=x,uid=alice,$people"
new=uid=new,$people subject=7d7e4f0a-1111-4222-8333-000000000001 suspend=("delete: csamPersonState" "csamPersonState: active" "-" "add: csamPersonState" "csamPersonState: suspended")
ok "idpd adds a person who registers"		add idpd "$new" "objectClass: inetOrgPerson" "objectClass: csamPerson" "uid: new" "cn: New" "sn: New" "csamSubject: $subject" "csamPersonState: active" \
    "csamNationalNumber: 85061501999" "csamTermsAccepted: 4.2 20261121101500Z" "userPassword: {ARGON2}x"
result 19 "and no second one with that number"	add idpd "uid=new2,$people" "objectClass: inetOrgPerson" "objectClass: csamPerson" "uid: new2" "cn: New" "sn: New" "csamSubject: ${subject%1}2" "csamNationalNumber: 85061501999"
ok "with a key"				add idpd "csamKeyId=x,$new" "objectClass: csamKey" "csamKeyId: x" "csamKeyKind: app" "csamKeyState: active"
result 50 "and deletes no person who is active" as idpd ldapdelete "$new"
ok "it suspends"				modify idpd "$new" "${suspend[@]}"
result 50 "and gives nobody back"		modify idpd "$new" "delete: csamPersonState" "csamPersonState: suspended" "-" "add: csamPersonState" "csamPersonState: active"
result 50 "nor by another word"		modify idpd "$new" "replace: csamPersonState" "csamPersonState: active"
ok "of who is suspended the keys go"		as idpd ldapdelete "csamKeyId=x,$new"
ok "and the person"				as idpd ldapdelete "$new"
ok "a tombstone stays"				add idpd "csamSubject=$subject,ou=tombstones,$people" "objectClass: csamTombstone" "csamSubject: $subject" "uid: new"
result 50 "which idpd does not take away"	as idpd ldapdelete "csamSubject=$subject,ou=tombstones,$people"
result 19 "nobody gets that name again"	add idpd "uid=NEW,$people" "objectClass: inetOrgPerson" "objectClass: csamPerson" "uid: NEW" "cn: New" "sn: New" "csamSubject: ${subject%1}3"
result 50 "idpd writes no terms"		add idpd "csamTermsVersion=9,ou=terms,$suffix" "objectClass: csamTerms" "csamTermsVersion: 9" "csamTermsFrom: 20200101000000Z" "csamTermsText: x"
ok "an administrator does"			add admin "csamTermsVersion=9,ou=terms,$suffix" "objectClass: csamTerms" "csamTermsVersion: 9" "csamTermsFrom: 20200101000000Z" "csamTermsText;lang-fr: x" "csamTermsText: y"
result 19 "a version with a space"		add admin "csamTermsVersion=9 1,ou=terms,$suffix" "objectClass: csamTerms" "csamTermsVersion: 9 1" "csamTermsFrom: 20200101000000Z" "csamTermsText: x"
result 50 "a person adds no key"		add alice "csamKeyId=y,uid=alice,$people" "objectClass: csamKey" "csamKeyId: y" "csamKeyKind: app" "csamKeyState: active"
result 50 "a person does not change a name"	modify alice "uid=alice,$people" "replace: uidNumber" "uidNumber: 0"
ok "an administrator sets a secret unseen"	modify admin "$key" "replace: csamKeySecret" "csamKeySecret: JBSWY3DPEHPK3PXP"
ok "an administrator sets a password"		modify admin "uid=bruno,$people" "replace: userPassword" "userPassword: battery staple"
ok "which works"				ldapwhoami -x -H "$uri" -D "uid=bruno,$people" -w "battery staple"
result 49 "and the old one does not"		ldapwhoami -x -H "$uri" -D "uid=bruno,$people" -w "correct horse"
result 19 "a password that is too short"	modify admin "uid=bruno,$people" "replace: userPassword" "userPassword: short"
hash=$(/usr/sbin/slapcat -F "$d/slapd.d" -b "$suffix" -o ldif-wrap=no -a '(uid=bruno)' 2>/dev/null | sed -n 's/^userPassword:: //p' | base64 -d | tr -d '\0')
[[ $hash == '{ARGON2}$argon2'*'$m=19456,t=2,p=1$'* ]] && good "and is hashed at the cost of the decoy" || bad "the hash is ${hash%%\$*}"
decoy=$(/usr/sbin/slapcat -F "$d/slapd.d" -b "$suffix" -o ldif-wrap=no -a '(cn=decoy)' 2>/dev/null | sed -n 's/^userPassword:: //p' | base64 -d | tr -d '\0')
[[ $decoy == '{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$'* ]] && good "which is argon2id, 19 MiB, twice" || bad "the decoy's hash is ${decoy%%\$*}"

# Nobody can be locked out by wrong passwords, and they write nothing.
before=$(shows owner "$suffix" contextCSN)
for _ in $(seq 12); do ldapwhoami -x -H "$uri" -D "uid=bruno,$people" -w "wrong" > /dev/null 2>&1; done
[ "$before" = "$(shows owner "$suffix" contextCSN)" ] && good "wrong passwords write nothing" || bad "wrong passwords write"
ok "and lock nobody" ldapwhoami -x -H "$uri" -D "uid=bruno,$people" -w "battery staple"

# Content sync from the present state transfers nothing (RFC 4533).
csn=$(shows idpd "$suffix" contextCSN | sed 's/.*: //')
all=$(timeout 20 ldapsearch "${idpd[@]}" -LLL -b "$suffix" -E sync=ro 1.1 2>/dev/null | grep -c ^dn:)
none=$(timeout 20 ldapsearch "${idpd[@]}" -LLL -b "$suffix" -E "sync=ro/rid=000,csn=$csn" 1.1 2>/dev/null | grep -c ^dn:)
[ "$all" -gt 30 ] && [ "$none" = 0 ] && good "sync from now on transfers none of $all entries" || bad "sync transfers $none of $all entries"

# What was acknowledged stays.
ok "a change before the crash" modify admin "uid=alice,$people" "replace: displayName" "displayName: Acknowledged"
kill -9 "$(cat "$d/slapd.pid")"; sleep 0.2
ok "starts after kill -9" setup/directory start "$d" "$port"
[ -n "$(shows idpd "uid=alice,$people" displayName | grep Acknowledged)" ] && good "and has the change" || bad "and lost the change"
ok "stops" setup/directory stop "$d"
ok "stops again: harmless" setup/directory stop "$d"
ok "stops what never was" setup/directory stop "$work/never"

# Somebody else's slapd is not ended, whatever a stale file says.
sleep 100 & other=$!
echo $other > "$d/slapd.pid"
setup/directory stop "$d" > /dev/null
kill -0 $other 2>/dev/null && good "ends no process that is not its own" || bad "ended another process"
kill $other 2>/dev/null
rm -f "$d/slapd.pid"

if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	n=$work/nobody
	mkdir -p "$n" "$work/copy/conf" && cp -r schema setup "$work/copy" && cp -r conf/directory "$work/copy/conf" && chmod -R a+rX "$work/copy" && chmod 755 "$work" && chown 65534:65534 "$n"
	(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$work/copy/setup/directory" start "$n/with-a-long-name-$(printf 'x%.0s' $(seq 120))" "$(free_port)") > "$work/out" 2>&1 &&
		ok "nobody runs one, in a folder with a long name" || { bad "nobody cannot run one"; sed 's/^/    /' "$work/out"; }
	setpriv --reuid=65534 --regid=65534 --clear-groups "$work/copy/setup/directory" stop "$n"/with* > "$work/out" 2>&1
fi
exit $failed
