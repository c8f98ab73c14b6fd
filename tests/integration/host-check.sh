#!/bin/bash
# csamctl check --host finds what is wrong with a host: each thing is put wrong once, and right again. Files stand in a folder of their own.
set -u
cd "$(dirname "$0")/../.." || exit 2
# A reader and its card are where they are installed: in a private view of the file system, which only root may make.
if [ "${1:-}" != inside ] && [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	make -s SAN= BUILD=build build/csam-card build/card-module.so || { echo "not ok - csam-card is built"; exit 1; }
	exec unshare --mount --propagation private "$0" inside
fi
. tests/integration/common.sh check
also_end() { umount -l "$work/view" 2>/dev/null; }
port=$(free_port)
issuer=https://localhost:$port
root=$work/root

finds() { # WHAT GRADE TEXT [OPTIONS...]: one line of that grade with the text, and the exit code that goes with it
	local what=$1 grade=$2 text=$3 rc; shift 3
	"$build/csamctl" check --host -c "$work/csam.conf" "$@" > "$work/out" 2>&1; rc=$?
	if ! grep -E "^$grade " "$work/out" | grep -qF -- "$text"; then
		bad "$what: no $grade line with '$text' in:" "$work/out"
	elif [ "$grade" = FAIL ] && [ $rc != 1 ]; then
		bad "$what: exit $rc"
	else good "$what"; fi
}
say() { # ISSUER SKEW DOOR REPLY
	printf '{"issuer":"%s","skew":%s,"door":%s,"reply":%s}' "$@" > "$work/agent.sock.say.new"
	mv "$work/agent.sock.say.new" "$work/agent.sock.say"
}
well() { say "$issuer" 0 true '{"result":"allow","name":"daemon","uid":"1"}'; }
serve() { # CERTIFICATE
	[ ! -s "$work/idp.pid" ] || { kill "$(cat "$work/idp.pid")"; wait "$(cat "$work/idp.pid")" 2>/dev/null; }
	rm -f "$work/agent.sock"
	python3 tests/integration/host-idp.py "$port" "$work/$1.pem" "$work/$1.key" "$work/agent.sock" 2> "$work/idp.log" &
	echo $! > "$work/idp.pid"
	local i; for i in $(seq 100); do [ -S "$work/agent.sock" ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return; sleep 0.05; done
}
conf() { # CA-FILE MODE
	printf 'idp {\n\tissuer = "%s"\n\tclient_id = "web1"\n\tca_file = "%s"\n}\nagent {\n\tsockets = {"%s/agent.sock %s"}\n}\n' \
	    "$issuer" "$1" "$work" "$2" > "$work/csam.conf"
	chmod 644 "$work/csam.conf"
}
service() { mkdir -p "$root/etc/pam.d"; cat > "$root/etc/pam.d/$1"; }
sshd() { mkdir -p "$root/etc/ssh/sshd_config.d"; cat > "$root/etc/ssh/$1"; }

certificate good 365 localhost; certificate soon 5 localhost; certificate other 365 elsewhere.example
"$build/csamctl" host new -b dc=example,dc=org --issuer "$issuer" --id web1 --name W --allow '(a=b)' --out "$work/new" > /dev/null 2>&1
mv "$work/new/host.key" "$work/"
well; serve good; conf good.pem 0666
chmod 755 "$work"

# What runs
finds "a configuration that is in order" ok "csam.conf is in order"
finds "a key for its owner alone" ok "host.key is for its owner alone"
finds "idpd answers" ok "by that name, and has a door for hosts"
finds "its certificate" ok "valid for 36"
finds "one clock" ok "this clock is idpd's"
finds "the agent answers" ok "csam-agent answers at $work/agent.sock, and idpd behind it"
finds "the rights of its socket" ok "agent.sock has mode 0666"
finds "a person, known by one number" ok "daemon is 1 here as in the directory" --user daemon
chmod 644 "$work/host.key"; finds "a key that others read" FAIL "chmod 0600"; chmod 600 "$work/host.key"
if [ "$(id -u)" = 0 ]; then chown daemon "$work/host.key"; finds "a key of somebody else" warn "who is not the agent's"; chown root "$work/host.key"; fi
mv "$work/host.key" "$work/away"; finds "no key" FAIL "csamctl host new makes it"; mv "$work/away" "$work/host.key"
printf 'idp {\n\tissuer = "%s"\n\tclient_di = "web1"\n}\n' "$issuer" > "$work/csam.conf"; finds "a typing error" FAIL "csam.conf:3"
conf good.pem 0660; finds "a socket with other rights" FAIL "csam.conf says 0660"; conf good.pem 0666
chmod 777 "$work"; finds "a folder where others could listen" FAIL "can be written by others"; chmod 755 "$work"
say "$issuer" 60 true '{"result":"unknown"}'; finds "a clock that is a minute behind" FAIL "differs from idpd's by -60 s"
say "$issuer" -60 true '{"result":"unknown"}'; finds "a clock that is a minute ahead" FAIL "differs from idpd's by 60 s"
say "$issuer" 20 true '{"result":"unknown"}'; finds "20 s are borne" ok "this clock is idpd's"
say "$issuer/" 0 true '{"result":"unknown"}'; finds "an issuer of nearly that name" FAIL "make them equal"
say "$issuer" 0 false '{"result":"unknown"}'; finds "an idpd without a door for hosts" FAIL "authorization_challenge_endpoint"
say "$issuer" 0 true '{"result":"down"}'; finds "an agent that reaches nobody" FAIL "idpd behind it does not"
say "$issuer" 0 true '{"result":"not_allowed"}'; finds "a person who may not enter" warn "csamServiceAllow" --user daemon
say "$issuer" 0 true '{"result":"suspended"}'; finds "a person who is suspended" warn "suspended" --user daemon
say "$issuer" 0 true '{"result":"unknown"}'; finds "nobody of that name" warn "not known to the directory" --user daemon
say "$issuer" 0 true '{"result":"allow","name":"daemon","uid":"10001"}'; finds "another number here" FAIL "is 1 here and 10001 in the directory" --user daemon
say "$issuer" 0 true '{"result":"allow","name":"daemon"}'; finds "a local user of that name" FAIL "no uidNumber" --user daemon
say "$issuer" 0 true '{"result":"allow","name":"alice-is-not-here","uid":"10001"}'; finds "a person whom NSS does not know" FAIL "nsswitch.conf" --user alice-is-not-here
well; serve soon; sleep 1; conf soon.pem 0666; finds "a certificate that is about to end" warn "expires in 4 days"
conf good.pem 0666; finds "a certificate of another authority" FAIL "name, network, firewall"
serve other; conf other.pem 0666; finds "a certificate of another name" FAIL "name, network, firewall"
kill "$(cat "$work/idp.pid")"; wait "$(cat "$work/idp.pid")" 2>/dev/null; rm "$work/idp.pid"
finds "no idpd" FAIL "name, network, firewall"
finds "nobody behind the socket" FAIL "csam-agent does not answer"
rm "$work/agent.sock"; finds "no socket" FAIL "is not there → systemctl start"
serve good; conf good.pem 0666

# Files, in a folder
security=$root/usr/lib/x86_64-linux-gnu/security; mkdir -p "$security"
finds "no libpam" warn "where libpam looks is not known" --root "$root"
touch "$security/pam_unix.so"; finds "no module" FAIL "make install-host" --root "$root"
touch "$security/pam_csam.so"; chmod 666 "$security/pam_csam.so"; finds "a module that others can change" FAIL "chmod 0644" --root "$root"
if [ "$(id -u)" = 0 ]; then chmod 644 "$security/pam_csam.so"; finds "the module in its place" ok "is where libpam looks" --root "$root"; fi
finds "nobody uses it" warn "pam-auth-update --enable csam" --root "$root"
service common-auth <<< 'auth	[success=2 default=die]	pam_csam.so
auth	[success=1 default=ignore]	pam_unix.so'
service common-account <<< 'account	[success=2 default=die] pam_csam.so
account	[success=1 default=ignore]	pam_unix.so'
service sshd <<< '@include common-auth
@include common-account'
finds "pam_unix behind it, through @include" ok "for: sshd" --root "$root"
service sudo <<< 'auth required pam_unix.so
auth required pam_csam.so  # pam_unix.so
account substack common-account'
finds "pam_unix before it only" FAIL "/etc/pam.d/sudo: auth has no pam_unix.so" --root "$root"
service sudo <<< 'auth \
  [success=done \
  default=die] /usr/lib/security/pam_csam.so prompt=two
-auth include common-auth
account required pam_unix.so'
finds "a door where nobody asks who is suspended" warn "add pam_csam.so to account" --root "$root"
service loop <<< '@include loop'; finds "a file that includes itself" warn "/etc/pam.d/loop" --root "$root"; rm "$root/etc/pam.d/loop"
for f in conf/pam/examples/*; do service "$(basename "$f")" < "$f"; done
for t in auth account session password; do [ -e "$root/etc/pam.d/common-$t" ] || service common-$t <<< "$t required pam_unix.so"; done
service common-session-noninteractive <<< 'session required pam_unix.so'
rm "$root/etc/pam.d/sudo"; service sudo < conf/pam/examples/sudo
finds "the examples are in order" ok "PAM asks CSAM" --root "$root"
if grep -q '/etc/pam.d/' <(grep -E '^(FAIL|warn)' "$work/out"); then bad "none of them is warned of" "$work/out"; else good "none of them is warned of"; fi
finds "no sshd" ok "sshd is not installed" --root "$root"
sshd sshd_config <<< 'Include /etc/ssh/sshd_config.d/*.conf
KbdInteractiveAuthentication no
UsePAM yes'
finds "an sshd that cannot ask" FAIL "KbdInteractiveAuthentication is no" --root "$root"
sshd sshd_config.d/csam.conf < conf/sshd/csam-password-code.conf
finds "the first value counts: our snippet" ok "sshd asks by PAM" --root "$root"
sshd sshd_config.d/csam.conf < conf/sshd/csam-publickey-code.conf
finds "and the other one" ok "sshd asks by PAM" --root "$root"
sshd sshd_config <<< 'Match User bruno
UsePAM yes'
rm "$root/etc/ssh/sshd_config.d/csam.conf"
finds "what holds for one user alone does not count" FAIL "UsePAM is not yes" --root "$root"
mkdir -p "$root/etc/default"; printf 'START=yes\nOPTIONS="-c -m /var/run/saslauthd"\n' > "$root/etc/default/saslauthd"
finds "a cache of codes" warn "take -c out" --root "$root"
printf 'OPTIONS="-m /var/run/saslauthd-c"\n' > "$root/etc/default/saslauthd"
"$build/csamctl" check --host -c "$work/csam.conf" --root "$root" > "$work/out" 2>&1
if [ ! -s "$work/out" ] || grep -q "take -c out" "$work/out"; then bad "a path is no option"; else good "a path is no option"; fi
echo 'shadow: files ldap' > "$root/etc/nsswitch.conf"; finds "hashes from the directory" FAIL "shadow asks the directory" --root "$root"
cp conf/nss/nsswitch.conf "$root/etc/"; finds "the example's nsswitch.conf" ok "local files alone" --root "$root"

# A reader for cards
card() { # MODULE: csam.conf names it
	conf good.pem 0666
	printf 'card {\n\tmodule = "%s"\n\ttimeout = 5\n}\n' "$1" >> "$work/csam.conf"
}
card /usr/lib/card.so
finds "no csam-card" FAIL "/usr/local/libexec/csam-card is not there → make install-host" --root "$root"
finds "no module" FAIL "/usr/lib/card.so is not there → install the card's software, or correct card.module" --root "$root"
touch "$root/usr/lib/card.so"; chmod 666 "$root/usr/lib/card.so"
finds "a module that others can change" FAIL "chmod go-w /usr/lib/card.so" --root "$root"
if [ "${1:-}" != inside ]; then
	good "skipped: only root may make a private view of the file system (unshare)"
	exit $failed
fi
mkdir "$work/view"; mount -t tmpfs tmpfs "$work/view"
for d in usr/local etc; do
	mkdir -p "$work/view/$d" "$work/view/work/$d"
	mount -t overlay overlay -o "lowerdir=/$d,upperdir=$work/view/$d,workdir=$work/view/work/$d" "/$d"
done
sed -i /^csam-card:/d /etc/passwd
modules=$work/view/modules reader=$work/view/reader
mkdir "$modules" "$reader" /etc/softhsm 2>/dev/null
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$reader" > /etc/softhsm/softhsm2.conf
chmod 755 "$work/view" /etc/softhsm; chmod 644 /etc/softhsm/softhsm2.conf
install -D -m 755 build/csam-card /usr/local/libexec/csam-card
vendor() { install -m 644 build/card-module.so "$modules/card-$1.so"; card "$modules/card-$1.so"; }
insert() { rm -rf "${reader:?}"/*; [ $# = 0 ] || cp -r "$(grep -laE "BELPIC $1 *" "$work"/pki/tokens/store/*/token.object | xargs -n 1 dirname)" "$reader/"; chown -R 950:950 "$reader"; }
vendor fine
finds "nobody for csam-card to be" FAIL "there is no user csam-card, which csam-card becomes → systemd-sysusers"
printf 'csam-card:x:950:950::/nonexistent:/usr/sbin/nologin\n' >> /etc/passwd
insert
finds "a reader without a card" ok "the reader answers; no card is in it"
{ setup/eid-pki "$work/pki" && CARDS='^alice ' setup/eid-pki tokens "$work/pki"; } > "$work/pki.log" 2>&1 || { bad "cards are made" "$work/pki.log"; exit 1; }
insert alice; finds "a card" ok "1 card with an authentication certificate in the reader"
insert no-auth; finds "a card without the certificate" warn "no authentication certificate → another card"
insert alice
vendor no-reader; finds "no reader" warn "sees no reader → connected? pcscd running?"
for fault in crash hang many; do vendor $fault; finds "a module with fault $fault" FAIL "card-$fault.so fails, or takes longer than card.timeout"; done
vendor empty; finds "a module without its functions" FAIL "card-empty.so cannot be loaded"
echo text > "$modules/text.so"; card "$modules/text.so"; finds "a module that is none" FAIL "text.so cannot be loaded → a PKCS#11 module?"
vendor fine; chmod 777 "$modules"; finds "a folder where others could put a module" FAIL "card-fine.so cannot be loaded"; chmod 755 "$modules"
finds "and all is well again" ok "1 card with an authentication certificate in the reader"
exit $failed
