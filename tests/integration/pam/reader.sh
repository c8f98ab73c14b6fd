# A server with a card reader: in the private view (view.sh) csam-card with a vendor's module that has every fault one can have, cards of setup/eid-pki in SoftHSM2 behind
# it, and csam-agent, which asks the running idpd and its responder. Sourced as the first thing that a test does. Gives insert, vendor, tries, restart.
# shellcheck shell=bash disable=SC2154,SC2034
demo=${DEMO:?the running system} needs="build/csam-card build/card-module.so"
first() {
	CARDS='^(alice|bruno|expired|revoked|other-ca|signature) ' setup/eid-pki tokens "$demo/eid" > "$work/tokens.log" 2>&1 || { cat "$work/tokens.log"; echo "not ok - cards are made"; return 1; }
}
. tests/integration/pam/inside.sh
. tests/integration/pam/view.sh
. tests/integration/pam/checks.sh
[ -z "${KEEP:-}" ] || ln -f -s "$KEEP" "$work/agent.log"
export LANG=en_US.UTF-8

printf 'csam-card:x:950:950::/nonexistent:/usr/sbin/nologin\n' >> /etc/passwd
printf 'csam-card:x:950:\n' >> /etc/group
install -D -m 755 build/csam-card /usr/local/libexec/csam-card
store=$demo/eid/tokens/store reader=$work/reader
mkdir -p "$reader" /etc/softhsm /usr/lib/csam-test
rm -f /etc/softhsm/softhsm2.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$reader" > /etc/softhsm/softhsm2.conf
chmod 755 /etc/softhsm; chmod 644 /etc/softhsm/softhsm2.conf
: > /run/card-logins; chmod 666 /run/card-logins
insert() { # CARD...: they, and no others, are in the reader
	local name t
	rm -rf "${reader:?}"/*
	for name in "$@"; do
		for t in "$store"/*; do
			! grep -qaE "BELPIC $name *\$|BELPIC $name  " "$t/token.object" || cp -r "$t" "$reader/"
		done
	done
	chown -R csam-card: "$reader"; chmod -R a+rwX "$reader"		# alice's own programs read it as herself
}
vendor() { # FAULT [SECONDS]: whose module csam.conf names
	install -m 644 build/card-module.so "/usr/lib/csam-test/card-$1.so"
	: > /run/card-logins
	sed -i "s|module = .*|module = \"/usr/lib/csam-test/card-$1.so\"|; s|timeout = .*|timeout = ${2:-30}|" "$work/csam/csam.conf"
	restart
}
tries() { test "$(wc -l < /run/card-logins)" = "$1"; }

read -r issuer uri base bind pw <<< "$(/usr/bin/python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); l=t["ldap"]; print(t["issuer"], l["uri"], l["base"], l["bind_dn"], l["bind_pw"])' "$demo/target.json")"
"$demo/csamctl" host new -b "$base" --issuer "$issuer" --name 'Server with a reader' --id "card-$run" --allow "(uid=alice)" --out "$work/csam" --ca "$demo/ca.pem" 2> "$work/host.log" |
	ldapmodify -x -H "$uri" -D "$bind" -w "$pw" >> "$work/host.log" 2>&1
sed -i 's/user = "csam-agent"/user = ""\n\tgroup = ""/; s/level = 400/level = 500/' "$work/csam/csam.conf"
printf 'card {\n\tmodule = ""\n\ttimeout = 5\n}\n' >> "$work/csam/csam.conf"
agent=
restart() {
	[ -z "$agent" ] || { kill "$agent"; wait "$agent" 2>/dev/null; }
	rm -f /run/csam/agent.sock
	"$build/csam-agent" -c "$work/csam/csam.conf" >> "$work/agent.log" 2>&1 &
	agent=$!
	for _ in $(seq 200); do [ ! -S /run/csam/agent.sock ] || break; sleep 0.05; done
}
