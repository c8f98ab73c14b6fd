#!/bin/bash
# What administrators of hosts touch: csamctl host and check --host, the files of PAM, sshd, NSS, fail2ban and systemd. Nothing of this machine
# is changed: pam-auth-update works in a folder.
set -u
cd "$(dirname "$0")/../.." || exit 2
base=dc=csam,dc=example
. tests/integration/common.sh host
ldap=$(free_port)
host_new() { "$build/csamctl" host new -b "$base" --issuer https://login.example.org --name 'Web server 1' "$@"; }

# Registering a host
host_new --id web1 --allow "cn=admins,ou=groups,$base" --allow '(departmentNumber=it)' --out "$work/web1" > "$work/web1.ldif" 2> "$work/err"
ok "the key is for its owner alone" test "$(stat -c %a "$work/web1/host.key")" = 600
ok "so is the folder" test "$(stat -c %a "$work/web1")" = 700
ok "it is a P-256 key" sh -c "openssl pkey -in '$work/web1/host.key' -noout -text | grep -q prime256v1"
tail -n +2 "$work/web1/host.key" | head -n 1 | cut -c 25-60 | sed 's/[+]/[+]/g' > "$work/secret"
silent "nothing of it is printed" "$(cat "$work/secret")" "$work/web1.ldif"
silent "with --allow nothing is amiss" WARNING "$work/err"
cp "$work/web1/host.key" "$work/before"; cp "$work/web1/csam.conf" "$work/web1.conf"
refused "a key is never overwritten" 1 "not overwritten" host_new --id web1 --out "$work/web1"
rm "$work/web1/csam.conf"
refused "also when it stands alone" 1 "not overwritten" host_new --id web1 --out "$work/web1"
ln -s "$work/elsewhere" "$work/link"; mkdir "$work/trap"; ln -s "$work/elsewhere" "$work/trap/host.key"
refused "nor is a link followed" 1 "not overwritten" host_new --id web1 --out "$work/trap"
ok "what was there is as it was" cmp -s "$work/before" "$work/web1/host.key"
refused "a rule that is neither group nor filter" 1 "neither" host_new --id w --allow admins --out "$work/never"
refused "a filter whose parentheses do not pair" 1 "do not pair" host_new --id w --allow '(a=b' --out "$work/never"
refused "two filters in one" 1 "do not pair" host_new --id w --allow '(a=b)(c=d)' --out "$work/never"
refused "a level that is none" 1 "level" host_new --id w --level 250 --out "$work/never"
refused "an issuer without https" 1 "http://login" "$build/csamctl" host new -b "$base" --issuer http://login.example.org --name W --id w --out "$work/never"
refused "a host without a folder for its key" 2 "--out" host_new --id w
ok "nothing was made for those" test ! -e "$work/never"
host_new --id web2 --out "$work/web2" > "$work/web2.ldif" 2> "$work/err"
says "without --allow the warning is loud" "NOBODY" "$work/err"

says "the agent learns its level" "level = 400" "$work/web1.conf"
ok "a directory runs" directory_start
ok "the directory takes both hosts" sh -c "cat '$work/web1.ldif' '$work/web2.ldif' | ldapmodify -x -H ldap://127.0.0.1:$ldap -D cn=admin,ou=system,$base -y '$work/dir/admin.password'"
as admin ldapsearch -LLL -o ldif-wrap=no -b "cn=web1,ou=services,$base" > "$work/entry" 2>&1
says "a host proves itself with its key" "csamTokenAuthMethod: private_key_jwt" "$work/entry"
says "level 400 unless said otherwise" "csamServiceLevel: 400" "$work/entry"
says "who may enter is written as it was given" "csamServiceAllow: (departmentNumber=it)" "$work/entry"
x=$(openssl pkey -in "$work/before" -pubout -outform DER | tail -c 64 | head -c 32 | base64 -w0 | tr '+/' '-_' | tr -d =)
says "the directory has the public half of that very key" "\"x\":\"$x\"" "$work/entry"
"$build/csamctl" host list -H "ldap://127.0.0.1:$ldap" -b "$base" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password" > "$work/list" 2>&1
says "the list names who may enter" "cn=admins,ou=groups,$base" "$work/list"
says "and says where nobody may" "nobody" "$work/list"

# NSS: what SSSD or nslcd may read, and no more
sed -e "s|dc=example,dc=org|$base|g" -e "s|@NSS_PASSWORD_HASH@|$(slappasswd -s nss-password)|" conf/nss/reader.ldif > "$work/reader.ldif"
ok "the directory takes a reader for hosts" setup/directory load "$work/dir" "$work/reader.ldif"
printf 'correct horse battery\n' > "$work/password"
"$build/csamctl" person new -b "$base" --uid alice --given-name Alice --mail alice@example.org --posix 10001:10001 --national-number 85061501702 \
    --password-file "$work/password" > "$work/alice.ldif" 2> "$work/err"
ok "and a person with an account" sh -c "ldapmodify -x -H ldap://127.0.0.1:$ldap -D cn=admin,ou=system,$base -y '$work/dir/admin.password' < '$work/alice.ldif'"
reader() { ldapsearch -LLL -x -H "ldap://127.0.0.1:$ldap" -D "cn=nss,ou=system,$base" -w nss-password "$@"; }
reader -b "ou=people,$base" '(&(objectClass=posixAccount)(csamPersonState=active)(uid=alice))' > "$work/nss" 2>&1
says "the reader finds an account, by the filter of the examples" "uidNumber: 10001" "$work/nss"
for secret in mail userPassword csamNationalNumber csamSubject csamKeyId; do silent "and not its $secret" "$secret" "$work/nss"; done
reader -b "ou=services,$base" > "$work/none" 2>&1; echo end >> "$work/none"
silent "nor any service" csam "$work/none"
for f in conf/nss/sssd.conf conf/nss/nslcd.conf; do says "$f looks for active accounts alone" "(&(objectClass=posixAccount)(csamPersonState=active))" "$f"; done

# fail2ban: the same lines through fail2ban itself where it is installed, and always through the expression alone
cat > "$work/denied.log" <<'END'
Nov 21 10:15:02 web1 csam-agent[400]: csam: denied user=alice rhost=192.0.2.7 service=sshd reason=refused op=authenticate
Nov 21 10:15:03 web1 sshd[732]: csam: denied user=bruno rhost=2001:db8::7 service=sshd reason=wrong
END
cat > "$work/harmless.log" <<'END'
Nov 21 10:15:04 web1 sudo: csam: denied user=alice rhost=- service=sudo reason=wrong
Nov 21 10:15:05 web1 sshd[733]: csam: allowed user=alice rhost=192.0.2.7 service=sshd level=400
Nov 21 10:15:06 web1 sshd[734]: csam: down user=alice rhost=192.0.2.7 service=sshd reason=unreachable
Nov 21 10:15:07 web1 sshd[735]: Invalid user csam: denied user=x rhost=198.51.100.1 service=sshd reason=wrong from 192.0.2.9 port 4242
Nov 21 10:15:08 web1 sshd[736]: csam: denied user=x y rhost=198.51.100.1 service=sshd reason=wrong rhost=192.0.2.9 service=sshd reason=wrong
END
filter=conf/fail2ban/filter.d/csam.conf
expression=$(sed -n 's/^failregex = //p' $filter | sed -e 's|%(__prefix_line)s|[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} \\S+ \\S+: |' -e 's|<F-USER>||; s|</F-USER>||' \
    -e 's|<ADDR>|([0-9]{1,3}(\\.[0-9]{1,3}){3}\|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)|' -e 's|(?:|(|g; s|\\S|[^ ]|g; s|\\s|[ ]|g; s|\\w|[a-z]|g')
ok "each refusal from afar fits the filter" test "$(grep -cE "$expression" "$work/denied.log")" = 2
ok "and nothing else does" test "$(grep -cE "$expression" "$work/harmless.log")" = 0
if command -v fail2ban-regex >/dev/null; then
	cp -rL "${FAIL2BAN_CONF:-/etc/fail2ban}" "$work/fail2ban"; cp $filter "$work/fail2ban/filter.d/"
	matched() { fail2ban-regex -c "$work/fail2ban" "$1" csam 2>&1 | sed -n 's/^Lines: .*ignored, \([0-9]*\) matched.*/\1/p'; }
	ok "fail2ban itself finds them" test "$(matched "$work/denied.log")" = 2
	ok "and bans nobody else" test "$(matched "$work/harmless.log")" = 0
fi

# pam-auth-update, in a folder with a memory of its own
root=$work/root
mkdir -p "$root"/usr/share/pam-configs "$root"/etc/pam.d "$root"/var/lib/pam
cp /usr/share/pam-configs/unix conf/pam/csam conf/pam/csam-password "$root/usr/share/pam-configs/"
printf 'Config: c\nTemplates: t\n\nName: c\nDriver: File\nFilename: %s/c.dat\n\nName: t\nDriver: File\nFilename: %s/t.dat\n' "$root" "$root" > "$root/debconf.conf"
auth_update() { DEBCONF_SYSTEMRC=$root/debconf.conf DEBIAN_FRONTEND=noninteractive PATH=$PATH:/usr/sbin pam-auth-update --root "$root" "$@"; }
stack() { grep -v '^#' "$root/etc/pam.d/common-$1" | sed -n 's/.*\(pam_[a-z]*\)\.so.*/\1/p' | tr '\n' ' '; }
ok "pam-auth-update takes nothing of CSAM by itself" auth_update --force
ok "and knows only pam_unix then" test "$(stack auth)" = "pam_unix pam_deny pam_permit "
ok "it takes CSAM when told so" auth_update --force --enable csam csam-password
ok "sign-in: CSAM, then always pam_unix" test "$(stack auth)" = "pam_csam pam_unix pam_deny pam_permit "
ok "entry: CSAM, then always pam_unix" test "$(stack account)" = "pam_csam pam_unix pam_deny pam_permit "
ok "passwords: pam_unix for local users, then CSAM" test "$(stack password)" = "pam_unix pam_csam pam_deny pam_permit "
says "a yes ends the question" "auth	[success=2 " "$root/etc/pam.d/common-auth"
says "local users go on, as all do when CSAM is away" "ignore=ignore authinfo_unavail=ignore default=die]	pam_csam.so" "$root/etc/pam.d/common-auth"
silent "who may enter is never left to pam_unix when CSAM is away" "authinfo_unavail" "$root/etc/pam.d/common-account"
ok "and gives it back" auth_update --force --disable csam csam-password
ok "as it was" test "$(stack auth)$(stack account)$(stack password)" = "pam_unix pam_deny pam_permit pam_unix pam_deny pam_permit pam_unix pam_deny pam_permit "

# systemd
if command -v systemd-analyze >/dev/null; then
	mkdir "$work/units"
	for unit in conf/systemd/*.service conf/systemd/*.socket; do
		[ -e "$unit" ] || continue
		sed -e "s|@PREFIX@/sbin|$build|g" -e "s|@PREFIX@|$work|g" "$unit" > "$work/units/$(basename "$unit")"
	done
	for unit in "$work"/units/*; do
		systemd-analyze verify --man=no "$unit" > "$work/verify" 2>&1; echo "end" >> "$work/verify"
		silent "systemd understands $(basename "$unit")" "$(basename "$unit"):" "$work/verify"
	done
	for unit in "$work"/units/*.service; do
		score=$(systemd-analyze security --offline=true --no-pager "$unit" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9]*\)\.\([0-9]\).*/\1\2/p')
		case $unit in */idpd.service) most=30 ;; *) most=20 ;; esac	# its supervisor stays root, to give rights away
		ok "$(basename "$unit") exposes little (${score:-?} of 100)" test "${score:-100}" -le $most
	done
fi
if command -v systemd-sysusers >/dev/null && [ "$(id -u)" = 0 ]; then
	mkdir -p "$work/sys/etc" "$work/sys/usr/lib/sysusers.d"; cp conf/systemd/csam.sysusers "$work/sys/usr/lib/sysusers.d/csam.conf"
	systemd-sysusers --root="$work/sys" > "$work/sysusers" 2>&1
	for user in csam-front csam-keyring csam-agent; do says "systemd makes the user $user" "$user:x:" "$work/sys/etc/passwd"; done
fi

# make install-host puts everything where it is looked for, and nothing into /etc
ok "make install-host" make -s install-host $(case $build in *-san) echo SAN=1 ;; esac) BUILD="$build" DESTDIR="$work/dest"
for f in usr/local/sbin/csam-agent usr/local/bin/csamctl usr/share/pam-configs/csam usr/share/pam-configs/csam-password usr/local/lib/sysusers.d/csam.conf \
    usr/local/lib/systemd/system/csam-agent.socket usr/local/share/man/man1/csamctl.1 usr/local/share/csam/examples/pam/sshd-publickey-code \
    usr/local/share/csam/examples/sshd/csam-password-code.conf usr/local/share/csam/examples/fail2ban/filter.d/csam.conf; do ok "there is $f" test -s "$work/dest/$f"; done
ok "the module is where pam_unix is" test -s "$work/dest$(dirname "$(find /usr/lib /lib -name pam_unix.so 2>/dev/null | head -n 1)" | sed 's|^/lib/|/usr/lib/|')/pam_csam.so"
says "units know where programs are" "ExecStart=/usr/local/sbin/csam-agent" "$work/dest/usr/local/lib/systemd/system/csam-agent.service"
ok "nothing in /etc" test ! -e "$work/dest/etc"
exit $failed
