# tests/e2e/own.sh TEST: runs TEST.mjs with a folder, an authority and ports of its own, for tests that kill, fill and stop things.
# DEMO is that folder; it goes when all is well, and what still runs there is ended in any case.
set -eu
PATH=$PATH:/usr/sbin:/sbin
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
top=$(CDPATH= cd -- "$here/../.." && pwd)
export TOP="$top" BUILD="${BUILD:-$top/build}"
DEMO=$(mktemp -d "${OWN_UNDER:-/tmp}/csam-$1.XXXXXX")
export DEMO
ca=$DEMO/ca

end() {
	status=$?
	for f in "$DEMO"/*/idpd.pid; do [ ! -s "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null || true; done
	for d in "$DEMO"/*/slapd.d; do
		[ -d "$d" ] || continue
		kill -CONT "$(cat "${d%/slapd.d}/slapd.pid" 2>/dev/null)" 2>/dev/null || true
		"$top/setup/directory" stop "${d%/slapd.d}" >/dev/null 2>&1 || true
	done
	for m in "$DEMO"/*; do ! mountpoint -q "$m" || umount "$m"; done
	if [ $status = 0 ]; then rm -rf "$DEMO"; else echo "its files: $DEMO"; fi
	exit $status
}
trap end EXIT
trap 'exit 143' TERM INT

# certificate NAME AUTHORITY SUBJECT-ALT-NAME [DAYS]
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -keyout "$DEMO/$1.key" -out "$DEMO/$1.csr" 2>/dev/null
	printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$3" > "$DEMO/$1.ext"
	openssl x509 -req -in "$DEMO/$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days "${4:-30}" -extfile "$DEMO/$1.ext" -out "$DEMO/$1.pem" 2>/dev/null
}
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$2" -keyout "$1.key" -out "$1.pem" \
	    -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}
authority "$ca" 'Authority of a test'
authority "$ca-other" 'Another authority'
here_is=DNS:localhost,IP:127.0.0.1
certificate server "$ca" $here_is
certificate renewed "$ca" $here_is
certificate wrong-name "$ca" DNS:elsewhere.example
certificate wrong-authority "$ca-other" $here_is
certificate expired "$ca" $here_is -1

# Whoever runs it must not need to know what is free; below the ports that the system gives to outgoing connections.
PORTS=
while [ "$(echo $PORTS | wc -w)" -lt 6 ]; do
	p=$(shuf -i 20000-31999 -n 1)
	bash -c "exec 3<>/dev/tcp/127.0.0.1/$p" 2>/dev/null || PORTS="$PORTS $p"
done
export PORTS
NODE_EXTRA_CA_CERTS=$ca.pem node "$here/$1.mjs"
