#!/bin/bash
# The units of systemd: what systemd itself says of them, and that idpd takes a port below 1024 with the rights that its unit leaves, and keeps none.
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh units "${2:-}"
if [ "${1:-}" != inside ]; then
	chmod 755 "$work"
	mkdir "$work/sbin"
	ln -s "$build/idpd" "$build/csam-agent" "$work/sbin/"
	for u in conf/systemd/*.service conf/systemd/*.socket; do sed "s,@PREFIX@,$work,g" "$u" > "$work/${u##*/}"; done
	cd "$work" || exit 2
	quiet() { "$@" > "$work/said" 2>&1 && ! [ -s "$work/said" ] || { cat "$work/said"; return 1; }; }
	for u in idpd.service csam-agent.service csam-agent.socket; do
		ok "systemd finds nothing wrong in $u" quiet systemd-analyze verify --man=no "./$u"
	done
	# tenths of the exposure level, of 100: what these daemons need, and nothing more
	ok "idpd.service is exposed by 3.0 at most" systemd-analyze security --offline=true --no-pager --threshold=30 ./idpd.service
	ok "csam-agent.service by 1.6 at most" systemd-analyze security --offline=true --no-pager --threshold=16 ./csam-agent.service
	cd "$top" || exit 2
	if [ "$(id -u)" != 0 ] || ! unshare --net --pid --fork --kill-child true 2>/dev/null; then
		good "skipped: only root may make a network of its own (unshare)"
	else
		unshare --net --mount --pid --fork --kill-child --mount-proc "$0" inside "$work" || failed=1
	fi
	exit $failed
fi

# A network of our own, where nobody else has port 443, and users that every system has
ip link set lo up 2>/dev/null || python3 -c 'import fcntl,socket,struct; s=socket.socket(); fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))'
certificate server 2
chown www-data "$work/server.key"
printf 'none' > "$work/password"; chown www-data "$work/password"; chmod 600 "$work/password"
{
	conf_server https://localhost "\"127.0.0.1:443 tls\", \"unix:$work/run/front.sock\"" <<< 'front_user = "www-data"
		keyring_user = "daemon"'
	cat <<-END
		directory {
			uri = "ldap://127.0.0.1:1"
			base = "$base"
			bind_dn = "cn=idpd,$base"
			password_file = "password"
		}
	END
} > "$work/idpd.conf"
caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$top/conf/systemd/idpd.service" | tr 'A-Z ' 'a-z\n' | sed 's/^cap_/+/' | paste -sd,)
setpriv --bounding-set "-all,$caps" --inh-caps -all --no-new-privs "$build/idpd" -c "$work/idpd.conf" 2> "$work/idpd.log" & idpd=$!
child() { pgrep -P $idpd -x "$1"; }
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$(child "$1")/status"; }
ok "it answers on port 443, with the capabilities of its unit" until_ok answers https://localhost/healthz
for p in idpd-front idpd-keyring; do
	ok "$p has no capability any more" test "$(field $p CapEff)$(field $p CapPrm)$(field $p CapAmb)" = "$(printf '%048d' 0)"
	ok "$p is not root" test "$(field $p Uid)" != 0
done
ok "a proxy's local socket is the front's" test "$(stat -c %U:%a "$work/run/front.sock")" = www-data:660
listens() { ls -l "/proc/$1/fd" | grep -o 'socket:\[[0-9]*\]' | tr -dc '0-9\n' | grep -cFf - <(awk '$4 == "0A" { print $10 }' /proc/net/tcp); }
ok "the front holds the port" test "$(listens "$(child idpd-front)")" = 1
ok "and the keyring does not" test "$(listens "$(child idpd-keyring)")" = 0
before=$(child idpd-front)
kill -9 "$before"
ok "after a crash the next one serves there" until_ok answers https://localhost/healthz
ok "and it is another" test "$(child idpd-front)" != "$before"
kill $idpd; wait $idpd
ok "asked to end it ends, and takes its socket away" test $? = 0 -a ! -e "$work/run/front.sock"
[ $failed = 0 ] || tail -n 20 "$work/idpd.log"
exit $failed
