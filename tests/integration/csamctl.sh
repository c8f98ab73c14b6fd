#!/bin/bash
# csamctl against a real slapd and the daemon's keyring: what it prints is applied as it is, and then looked at.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh csamctl
ldap=$(free_port) https=$(free_port)

search() { as "$1" ldapsearch -LLL -o ldif-wrap=no "${@:2}" 2>/dev/null; }	# WHO ARGUMENTS...
applied() { # what the command prints is taken by ldapmodify
	ctl "$@" > "$work/ldif" 2> "$work/err" || { cat "$work/err" >&2; return 1; }
	[ -s "$work/ldif" ] && modify < "$work/ldif"
}
state_of() { search admin -b "csamKeyId=$2,uid=$1,ou=people,$base" -s base csamKeyState | sed -n 's/^csamKeyState: //p'; }
can_bind() { ldapwhoami -x -H "ldap://127.0.0.1:$ldap" -D "uid=$1,ou=people,$base" -w "$2"; }
config() { (cd "$work/dir" && ldapmodify -Q -Y EXTERNAL -H ldapi://.%2Fldapi); }

start() {
	certificate server 90
	directory_start || return 1
	{
		conf_server "https://localhost:$https" "\"127.0.0.1:$https tls\"" < /dev/null
		conf_directory
	} > "$work/idpd.conf"
	chmod 644 "$work/idpd.conf"
	idpd_start "https://localhost:$https/readyz"
}
printf 'correct horse battery\n' > "$work/password"

if start; then good "directory and daemon run"; else bad "directory and daemon run"; exit 1; fi

# The command line
ok "version" "$build/csamctl" --version
"$build/csamctl" --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\) .*/\1/p' | sed 's/  .*//' > "$work/commands"
[ "$(wc -l < "$work/commands")" -ge 20 ] || bad "the overview lists the commands"
while read -r words; do
	# shellcheck disable=SC2086
	"$build/csamctl" $words --help > "$work/help" 2>&1 && grep -q '^Examples:' "$work/help" || bad "$words --help"
	# the manual knows every command, and below it every option with its text
	sed -n "/^\.Ss $words\( [a-z].*\)*\$/,/^\.S[sh]/p; /^\.Ss Options of every/,/^\.Sh/p" man/csamctl.1 > "$work/manual"
	grep -q "^\.Ss $words" "$work/manual" || bad "man/csamctl.1 has no $words"
	sed -n 's/^  \(-[A-Za-z], \|    \)\(--[a-z-]*\).*/\2/p' "$work/help" | while read -r option; do
		grep -q "^\.It .*Fl ${option#-}\( \|\$\)" "$work/manual" || echo "    $words $option"
	done > "$work/missing"
	[ -s "$work/missing" ] && { cat "$work/missing"; bad "man/csamctl.1 has every option of $words"; }
done < "$work/commands"
[ "$failed" = 0 ] && good "$(wc -l < "$work/commands") commands explain themselves, as the manual does"
refused "a near miss is guessed" 2 "did you mean 'person new'" "$build/csamctl" persn new
refused "an unknown option is guessed" 2 "did you mean --uid" "$build/csamctl" person new --uidd x
refused "what is missing is named" 2 "--uid NAME is missing" "$build/csamctl" person new
printf 'server {\n\tnonsense = 1\n}\n' > "$work/bad.conf"
refused "an error in the configuration names the line" 1 "bad.conf:2" "$build/csamctl" person new --uid x -c "$work/bad.conf"

ok "options may stand before the command" "$build/csamctl" -c "$work/idpd.conf" -b "$base" --keyring=x person new --uid x
refused "but not alone" 2 "no command" "$build/csamctl" -c "$work/idpd.conf"

# One person
ok "person new is applied" applied person new --uid alice --given-name Alice --family-name 'Peeters, "the first"' --mail alice@example.be \
	--mobile '+32 470 00 00 01' --national-number 85.06.15-017.02 --lang fr --password-file "$work/password" --totp new
secret=$(sed -n 's/.*[?&]secret=\([A-Z2-7]*\).*/\1/p' "$work/err")
ok "the secret of the app is shown once" test ${#secret} = 32
silent "and printed nowhere in clear" "$secret" "$work/ldif"
search idpd -b "csamKeyId=app-1,uid=alice,ou=people,$base" -s base csamKeySecret > "$work/out"
says "it is sealed in the directory" "{CSAM}" "$work/out"
ok "the person can bind" can_bind alice 'correct horse battery'
refused "and not with another password" 49 "Invalid credentials" can_bind alice 'incorrect horse battery'
search admin -b "uid=alice,ou=people,$base" -s base > "$work/out"
says "the telephone number is stored in its one form" "mobile: +32470000001" "$work/out"
says "so is the national number" "csamNationalNumber: 85061501702" "$work/out"
refused "a national number with a wrong digit" 1 "national number" ctl person new --uid bruno --national-number 85061501703
refused "a name that the system has" 1 "belongs to the system" ctl person new --uid daemon --posix 10001:10001
refused "a name that is an LDAP filter" 1 "user name" ctl person new --uid '*)(uid=*'
refused "a name that begins a line of its own" 1 "control characters" ctl person new --uid bruno --given-name $'Bruno\ndn: uid=eve'
printf 'short\n' > "$work/short"
refused "a short password" 1 "at least 8" ctl person new --uid bruno --password-file "$work/short"
refused "an app without a password" 1 "used with a password" ctl person new --uid bruno --totp new
refused "a full disk is told" 1 "cannot be written" sh -c "'$build/csamctl' person new --uid bruno -c '$work/idpd.conf' > /dev/full"
refused "a keyring that is away" 1 "does not seal" ctl person new --uid bruno --password-file "$work/password" --totp new -k "$work/nothing"
refused "a directory that is away" 1 "does not answer" ctl key list alice -H ldap://127.0.0.1:1

# Keys
ok "key new app is applied" applied key new app --person alice --label 'Ma deuxième tablette'
ok "with the next name" is "$(state_of alice app-2)" active
ok "key new password is applied" applied key new password --person alice --pending
ok "a pending key" is "$(state_of alice password-2)" pending
ok "key activate is applied" applied key activate alice password-2
ok "and makes it active" is "$(state_of alice password-2)" active
ok "key lock is applied" applied key lock alice app-2
ok "and locks" is "$(state_of alice app-2)" locked
printf 'dn: csamKeyId=app-2,uid=alice,ou=people,%s\nchangetype: modify\nreplace: csamKeyFailures\ncsamKeyFailures: 10\n' "$base" | modify >/dev/null
ok "person unlock is applied" applied person unlock alice
ok "and unlocks" is "$(state_of alice app-2)" active
search admin -b "csamKeyId=app-2,uid=alice,ou=people,$base" -s base csamKeyFailures > "$work/out"
says "and the count of failures is 0" "csamKeyFailures: 0" "$work/out"
ok "person lost-phone is applied" applied person lost-phone alice
ok "and revokes the app" is "$(state_of alice app-1)-$(state_of alice app-2)" revoked-revoked
ok "but not the password" is "$(state_of alice password-1)" active
# Keys in the hand
of_key() { search admin -b "csamKeyId=$1,uid=alice,ou=people,$base" -s base "$2" | sed -n "s/^$2: //p"; }
secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
ok "key new token is applied" applied key new token --person alice --secret $secret --hotp --digits 8 --hash sha256 --counter 7
silent "its seed is printed nowhere" "$secret" "$work/ldif"
ok "with its counter" is "$(search admin -b "csamKeyId=token-1,uid=alice,ou=people,$base" -s base csamKeyCounter | sed -n 's/^csamKeyCounter: //p')" 7
ok "and what it is" grep -qx "csamKeyData: hotp 8 sha256" "$work/ldif"
ok "and one with a clock" applied key new token --person alice --secret $secret --period 60
ok "has no counter" grep -qx "csamKeyData: totp 6 sha1 60" "$work/ldif"
refused "a seed of 80 bits" 1 "16 to 64 bytes" ctl key new token --person alice --secret JBSWY3DPEHPK3PXP
refused "a token with a clock and a counter" 1 "has no counter" ctl key new token --person alice --secret $secret --counter 1
refused "a token of nine digits" 1 "6, 7 or 8" ctl key new token --person alice --secret $secret --digits 9
ok "key new card is applied" applied key new card --person alice
ok "and shown once, 24 codes with their numbers" is "$(grep -oE '\b[0-9]{1,2}  [0-9]{4} [0-9]{4}\b' "$work/err" | sort -un | wc -l)" 24
ok "it is a token of paper" is "$(of_key card-1 csamKeyKind)-$(grep '^csamKeyData' "$work/ldif")" "token-csamKeyData: card 24"
code=$(grep -oE '[0-9]{4} [0-9]{4}' "$work/err" | head -n 1)
silent "no code is in the directory" "${code% *}.?${code#* }" "$work/ldif"
ok "key new card writes a page" applied key new card --person alice --page "$work/card.html" --lang de
says "in the language asked for" "CSAM: Ihre Codekarte" "$work/card.html"
says "with the person's name, escaped" 'Alice Peeters, &quot;the first&quot;' "$work/card.html"
ok "all its codes" is "$(grep -oE '<td>[0-9]{4} [0-9]{4}</td>' "$work/card.html" | sort -u | wc -l)" 24
ok "that nobody else may read" is "$(stat -c %a "$work/card.html")" 600
silent "and the terminal does not show" '[0-9]{4} [0-9]{4}' "$work/err"
refused "a page that is there already is not written over" 1 "File exists" ctl key new card --person alice --page "$work/card.html"
refused "no page without its key" 1 "does not seal" ctl key new card --person alice --page "$work/card2.html" -k "$work/nothing"
ok "and none stays behind" test ! -e "$work/card2.html"
refused "no mail key without an address that was verified" 1 "no csamMailVerified" ctl key new mail --person alice
ok "key new mail is applied" applied key new mail --person alice --address alice@example.be
ok "key new sms is applied" applied key new sms --person alice --address '+32 470 00 00 01'
ok "and the number is stored in its one form" is "$(of_key sms-1 csamKeyAddress)" +32470000001
refused "a new number only when the old one has gone" 1 "key revoke alice sms-1" ctl key new sms --person alice --address '+32 470 00 00 02'
refused "an address with a line end" 1 "mail" ctl key new mail --person alice --address $'x@example.be\nBcc: y@example.be'
ctl key revoke alice mail-1 | modify > /dev/null
refused "an address that commands the mail server" 1 "mail" ctl key new mail --person alice --address $'x@example.be\r\nDATA'
# A box of tokens
printf 'person;serial;secret-hex;type;digits;counter\r\nalice;A-1;3132333435363738393031323334353637383930;hotp;8;3\r\nalice;A-2;3132333435363738393031323334353637383930;totp;;\r\n' > "$work/box.csv"
ok "key import is applied" applied key import "$work/box.csv"
silent "no seed is printed" '31323334|GEZDGNBV' "$work/ldif"
ok "with counter and serial number" is "$(of_key token-A-1 csamKeyCounter)-$(of_key token-A-1 description)" 3-A-1
says "the second has a clock" "csamKeyData: totp 6 sha1 30" "$work/ldif"
refused "the same box again" 1 "has this token already" ctl key import "$work/box.csv"
printf 'person,serial,secret,type,digits,hash,period,counter\nalice,B-1,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,,,,\nnobody,B-2,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,,,,\nalice,B-3,JBSWY3DPEHPK3PXP,,,,,\nalice,B-1,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,,,,\nalice,B-4,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,xotp,,,,\nalice,B-5,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,9,,,\nalice,B-6,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,,,,7\nalice,"B 7\ndn: x",GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,,,,,\nalice,B-8\n' > "$work/bad.csv"
refused "a line that is refused: nothing is printed" 1 "refused lines: 8; of the other 1" ctl key import "$work/bad.csv"
for line in 'line 3: who gets it' 'line 4: a secret has 16' 'line 5: the same serial' 'line 6: type is' 'line 7: a token has 6' 'line 8: a token with a clock' 'line 9: ' 'line 11: 2 fields'; do
	says "and told: $line" "$line" "$work/no.err"
done
printf 'person,serial,seed\n' > "$work/column.csv"
refused "a column that is none" 1 "no column 'seed'" ctl key import "$work/column.csv"
# The same in a PSKC container, encrypted (RFC 6030 6.1)
cat > "$work/box.xml" <<-'END'
	<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#">
	<MACMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"><MACKey><xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>
	<xenc:CipherData><xenc:CipherValue>ESIzRFVmd4iZABEiM0RVZgKn6WjLaTC1sbeBMSvIhRejN9vJa2BOlSaMrR7I5wSX</xenc:CipherValue></xenc:CipherData></MACKey></MACMethod>
	<KeyPackage><DeviceInfo><SerialNo>P-1</SerialNo></DeviceInfo><Key Id="1" Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:hotp">
	<AlgorithmParameters><ResponseFormat Length="8" Encoding="DECIMAL"/></AlgorithmParameters><Data><Secret><EncryptedValue>
	<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>
	<xenc:CipherData><xenc:CipherValue>AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv</xenc:CipherValue></xenc:CipherData></EncryptedValue>
	<ValueMAC>Su+NvtQfmvfJzF6bmQiJqoLRExc=</ValueMAC></Secret><Counter><PlainValue>5</PlainValue></Counter></Data></Key></KeyPackage></KeyContainer>
END
echo 12345678901234567890123456789012 > "$work/box.key"; echo 12345678901234567890123456789013 > "$work/other.key"
printf 'serial,person\nP-1,alice\n' > "$work/persons.csv"; printf 'serial,person\nP-1,alice\nP-9,alice\n' > "$work/more.csv"
refused "a container without its key" 1 "refused lines: 1" ctl key import "$work/box.xml" --persons "$work/persons.csv"
refused "with another key" 1 "another key" ctl key import "$work/box.xml" --persons "$work/persons.csv" --key-file "$work/other.key"
refused "a list with a token that is not there" 1 "no token P-9" ctl key import "$work/box.xml" --persons "$work/more.csv" --key-file "$work/box.key"
ok "a container is applied" applied key import "$work/box.xml" --persons "$work/persons.csv" --key-file "$work/box.key"
silent "no seed of it is printed" '31323334|GEZDGNBV' "$work/ldif"
ok "with its counter and digits" is "$(of_key token-P-1 csamKeyCounter)" 5
refused "revoked keys never come back" 1 "never come back" ctl key activate alice app-1
refused "a key that is not there" 1 "no key app-9" ctl key lock alice app-9
refused "a person who is not there" 1 "nobody is called" ctl key list '*'
ctl key list alice > "$work/out"
says "key list shows kinds and states" "app-2            app        revoked" "$work/out"
says "and labels" "Ma deuxième tablette" "$work/out"
printf 'dn: csamKeyId=app-1,uid=alice,ou=people,%s\nchangetype: modify\nreplace: description\ndescription:: %s\n' "$base" "$(printf 'x\033[2J\302\2331A' | base64)" | modify >/dev/null
ctl key list alice > "$work/out"
says "a label cannot command the terminal" "x?[2J??1A" "$work/out"
ctl key show-qr --account alice --secret JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP > "$work/out"
says "key show-qr draws" "█▀▀" "$work/out"
says "and writes the address with the issuer's host" "otpauth://totp/localhost:alice?secret=JBSW" "$work/out"

# Many people
printf '\xef\xbb\xbfuid;given-name;mail;national-number;password;posix\r\n' > "$work/people.csv"
{
	printf 'bruno;Bruno;bruno@example.be;90010102497;"long; password";10001:10001\r\n'
	printf 'chloe;Chloé;;;;\r\n'
	printf 'root;;;;;10002:10002\r\n'
	printf 'bruno;again;;;;\r\n'
	printf 'dirk;Dirk;dirk;;;\r\n'
	printf 'emma;Emma\r\n'
	printf 'emma;"Em"ma;;;;\r\n'
	printf 'frank;"Frank\r\nthe first";;;;\r\n'
	printf 'emma;Emma;;;;\r\n'
} >> "$work/people.csv"
ctl person import "$work/people.csv" > "$work/ldif" 2> "$work/err"
ok "an import with refused lines fails" is $? 1
for line in "line 4: this name belongs" "line 5: the same uid" "line 6: a mail address" "line 7: 2 fields" "line 8: text behind" "line 9: a name" "refused lines: 6; people printed: 3"; do
	says "import says: $line" "$line" "$work/err"
done
ok "import printed the others only" is "$(grep -c '^csamSubject:' "$work/ldif")" 3
ok "and that is applied" modify < "$work/ldif"
ok "an imported password works" can_bind bruno 'long; password'
refused "a column that is none" 1 "did you mean 'mail'" ctl person import <(echo uid,mial)

# People who were there before
for n in 1 2 3; do
	printf 'dn: uid=old%d,ou=people,%s\nchangetype: add\nobjectClass: account\nobjectClass: posixAccount\nuid: old%d\ncn: old\nuidNumber: 2000%d\ngidNumber: 20000\nhomeDirectory: /home/old%d\n\n' $n $base $n $n $n
done | modify >/dev/null
ok "person adopt is applied" applied person adopt objectClass=posixAccount
ok "it adopts those who were not adopted" is "$(grep -c '^add: csamSubject' "$work/ldif")" 3
printf 'dn: uid=old4,ou=people,%s\nchangetype: add\nobjectClass: account\nobjectClass: posixAccount\nuid: old4\ncn: old\nuidNumber: 20004\ngidNumber: 20000\nhomeDirectory: /home/old4\n' $base | modify >/dev/null
ok "again, with a password key each" applied person adopt --password-key objectClass=posixAccount
ok "only the new one" is "$(grep -c '^add: csamSubject' "$work/ldif")" 1
ok "who has a password key now" is "$(state_of old4 password-1)" active
ctl person adopt objectClass=posixAccount > "$work/out" 2>/dev/null
ok "and then nobody" test ! -s "$work/out"

# Suspending and removing
ok "person suspend is applied" applied person suspend bruno
search admin -b "uid=bruno,ou=people,$base" -s base csamPersonState > "$work/out"
says "and suspends" "csamPersonState: suspended" "$work/out"
ok "person resume is applied" applied person resume bruno
subject=$(search admin -b "uid=alice,ou=people,$base" -s base csamSubject | sed -n 's/^csamSubject: //p')
ok "person remove is applied" applied person remove alice
ok "the person and the keys are gone" is "$(search admin -b "ou=people,$base" '(uid=alice)' dn | grep -c 'uid=alice')" 0
search admin -b "ou=tombstones,ou=people,$base" "(csamSubject=$subject)" > "$work/out"
says "a tombstone stays" "uid: alice" "$work/out"
ok "a second removal finds the tombstones' place" applied person remove old1
ctl person new --uid alice > "$work/ldif"
refused "the name is never given again" 19 "non-unique" sh -c "ldapmodify -x -H 'ldap://127.0.0.1:$ldap' -D 'cn=admin,ou=system,$base' -y '$work/dir/admin.password' < '$work/ldif' >/dev/null"
ok "over ldapi the own user is enough" sh -c "cd '$work/dir' && '$build/csamctl' person suspend chloe -H ldapi://.%2Fldapi -b $base > '$work/ldif' && ldapmodify -Q -Y EXTERNAL -H ldapi://.%2Fldapi < '$work/ldif'"

# Services
ok "service new is applied" applied service new --id tax --name Tax --name fr=Impôts --level 400 --kind app --redirect-uri https://tax.example.be/cb
secret=$(sed -n 's/^client_secret: //p' "$work/err")
digest=$(search idpd -b "cn=tax,ou=services,$base" -s base csamClientSecret | sed -n 's/^csamClientSecret: {SHA256}//p')
same_digest() { # RFC-free arithmetic: salt 16 || SHA-256(salt || secret)
	printf %s "$digest" | base64 -d > "$work/stored"
	[ "$({ head -c 16 "$work/stored"; printf %s "$secret"; } | openssl dgst -sha256 -binary | od -An -tx1)" = "$(tail -c 32 "$work/stored" | od -An -tx1)" ]
}
ok "the secret's salted digest is stored" same_digest
search admin -b "cn=tax,ou=services,$base" -s base > "$work/out"
says "signatures are ES256" "csamIdTokenAlg: ES256" "$work/out"
refused "a redirect over http" 1 "begins with https" ctl service new --id x --name X --redirect-uri http://x.example.be/
refused "a level that is none" 1 "none of" ctl service new --id x --name X --redirect-uri https://x.example.be/ --level 350
ok "a public client has no secret" applied service new --id app --name App --public --native --redirect-uri http://127.0.0.1/cb
silent "really none" csamClientSecret "$work/ldif"
cat > "$work/client.json" <<'END'
[ { "client_id": "Shop 1", "client_secret": "a secret of the other system", "client_name": "Shop", "client_name#nl": "Winkel",
    "redirect_uris": ["https://shop.example.be/cb", "https://shop.example.be/cb2"], "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"], "scope": "openid  email", "token_endpoint_auth_method": "client_secret_post",
    "default_acr_values": ["urn:be:fedict:iam:fas:citizen:Level450"] },
  { "client_id": "bank", "redirect_uris": ["https://bank.example.be/cb"], "token_endpoint_auth_method": "private_key_jwt",
    "jwks": { "keys": [ { "kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM" } ] } } ]
END
ok "service import is applied" applied service import "$work/client.json"
search admin -b "ou=services,$base" '(csamClientId=Shop 1)' > "$work/out"
for line in "displayName;lang-nl: Winkel" "csamServiceLevel: 450" "csamScope: email" "csamGrant: refresh_token" "csamRedirectURI: https://shop.example.be/cb2"; do
	says "import keeps $line" "$line" "$work/out"
done
one() { echo "{\"client_id\":\"x\",\"client_secret\":\"0123456789abcdef\",\"redirect_uris\":[\"https://x.be/\"],$1}" > "$work/one.json"; }
printf '{"client_id":"signer","redirect_uris":["https://x.be/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://localhost:%s/oidc/jwks"}' "$https" > "$work/one.json"
ok "keys are fetched from jwks_uri" applied service import --ca "$work/server.pem" "$work/one.json"
search admin -b "ou=services,$base" '(csamClientId=signer)' -o ldif-wrap=no csamClientJWKS | sed -n 's/^csamClientJWKS:* //p' > "$work/out"
kid=$(curl -s --cacert "$work/server.pem" "https://localhost:$https/oidc/jwks" | grep -o '"kid": *"[^"]*"' | head -n 1 | cut -d '"' -f 4)
says "and kept" "${kid:-no kid}" "$work/out"
refused "not from a server that nobody vouches for" 1 "jwks_uri: https://localhost:$https/oidc/jwks: " ctl service import "$work/one.json"
sed -i 's|/oidc/jwks|/|' "$work/one.json"; refused "nor where there are none" 1 "jwks_uri: https://localhost:$https/ answers" ctl service import --ca "$work/server.pem" "$work/one.json"
one '"jwks_uri":"http://x.be/jwks"'; refused "nor over http" 1 "jwks_uri: must be a string that begins with https://" ctl service import "$work/one.json"
one '"jwks":{"keys":[]},"jwks_uri":"https://x.be/jwks"'; refused "nor beside jwks" 1 "jwks_uri: excludes jwks" ctl service import "$work/one.json"
one '"logo_uri":"https://x.be/l"'; refused "so is what is unknown" 1 "logo_uri: cannot be honoured" ctl service import "$work/one.json"
ok "unless it may be ignored" applied service import --ignore logo_uri "$work/one.json"
one '"response_types":["token"]'; refused "the implicit flow" 1 'only ["code"]' ctl service import "$work/one.json"
one '"grant_types":["password"]'; refused "the password grant" 1 "grant 'password'" ctl service import "$work/one.json"
echo '<?xml version="1.0"?><EntityDescriptor/>' > "$work/saml.xml"
refused "SAML metadata is recognised" 1 "not yet supported" ctl service import "$work/saml.xml"
ctl service list > "$work/out"
says "service list" "bank                 active    -     oidc      private_key_jwt" "$work/out"

# The keyring
ctl keyring public > "$work/out"
says "keyring public prints keys" '"kty"' "$work/out"
silent "and no private part" '"d"' "$work/out"
ctl keyring status > "$work/out"
says "keyring status" "ES256" "$work/out"

# The doctor
applied key new app --person bruno >/dev/null
ca=$work/server.pem
checks() { ctl check --issuer-ca "$ca" "$@" > "$work/out" 2>> "$work/err"; }
ok "check finds nothing to mend" checks --as bruno --as-password-file <(echo 'long; password')
grep '^ok' "$work/out" > "$work/oks"
for line in "schema and containers are of this version" "content sync answers" "takes its time" "nobody in particular cannot read secrets" "bruno cannot read secrets" \
    "answers by that name" "is valid for" "keyring.json has mode 0600"; do
	says "check: $line" "$line" "$work/oks"
done
finds() { # WHAT TEXT: the check fails loudly and says so
	if checks "${@:3}"; then bad "$1: the check passed:"; else grep '^FAIL' "$work/out" > "$work/fail"; says "$1" "$2" "$work/fail"; fi
}
chmod 640 "$work/server.key"; finds "a private key that others can read" "server.key has mode 0640"; chmod 600 "$work/server.key"
if [ "$(id -u)" = 0 ]; then	# who starts idpd as root has it read its files as somebody else
	sed '0,/^server {/s//server {\n\tfront_user = "nobody"/' "$work/idpd.conf" > "$work/nobody.conf"
	other() { "$build/csamctl" check --issuer-ca "$ca" -c "$work/nobody.conf" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password" > "$work/out" 2>> "$work/err"; }
	other && bad "files of another user: the check passed"
	says "a private key that idpd's own user cannot read" "server.key belongs to user 0, and idpd reads it as nobody → chown nobody" "$work/out"
fi
finds "a keyring that does not answer" "keyring $work/nothing does not answer" -k "$work/nothing"
ca=/etc/ssl/certs/ca-certificates.crt; finds "an issuer whose certificate nobody knows" "issuer https://localhost"; ca=$work/server.pem
db=$(cd "$work/dir" && ldapsearch -LLL -Q -Y EXTERNAL -H ldapi://.%2Fldapi -b cn=config "(olcSuffix=$base)" dn | sed -n 's/^dn: //p')
printf 'dn: %s\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to attrs=csamKeySecret,entry,objectClass by * read\n-\ndelete: olcRequires\n' "$db" | config > "$work/config.log" 2>&1 || cat "$work/config.log"
finds "secrets that everybody can read" "nobody in particular can read csamKeySecret"
finds "also as a person" "bruno can read csamKeySecret" --as bruno --as-password-file <(echo 'long; password')
printf 'dn: %s\nchangetype: modify\ndelete: olcAccess\nolcAccess: {0}\n-\nadd: olcRequires\nolcRequires: authc\n' "$db" | config > "$work/config.log" 2>&1 || cat "$work/config.log"
printf 'dn: cn=policy-people,ou=system,%s\nchangetype: modify\nreplace: pwdLockout\npwdLockout: TRUE\n' $base | modify >/dev/null
finds "a policy that locks people" "pwdLockout is TRUE in cn=policy-people"
printf 'dn: cn=policy-people,ou=system,%s\nchangetype: modify\nreplace: pwdLockout\npwdLockout: FALSE\n' $base | modify >/dev/null
printf 'dn: cn=decoy,ou=system,%s\nchangetype: modify\nreplace: userPassword\nuserPassword: {SSHA}e5b3JUBQ8C0cXhBhJmdBgGmLbA7sjTBp\n' $base | modify >/dev/null
finds "a decoy that answers too quickly" "says no within"
printf 'dn: cn=decoy,ou=system,%s\nchangetype: delete\n' $base | modify >/dev/null
finds "a decoy that is not there" "No such object"
setup/directory stop "$work/dir" >/dev/null
finds "a directory that is away" "Can't contact LDAP server"

exit $failed
