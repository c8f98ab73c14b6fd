# What the scripts beside it share: how they say what they found, a folder of their own, and in it an idpd with its directory. Sourced from the top of
# the project:  . tests/integration/common.sh NAME [FOLDER]     FOLDER: that of who started this one, who also ends it
# shellcheck shell=bash disable=SC2034,SC2154
top=$PWD build=${BUILD:-$PWD/build} base=${base:-dc=example,dc=org} failed=0
work=${2:-$(mktemp -d "/tmp/csam-$1.XXXXXX")}

# --- what was found ---
good() { echo "ok - $1"; }
bad() { # WHAT [FILE...]: with the last lines of these files
	echo "not ok - $1"; failed=1; shift
	[ $# = 0 ] || sed 's/^/    /' "$@" | tail -n 20
}
ok() { # WHAT COMMAND...: it succeeds
	local what=$1 rc; shift
	"$@" > "$work/ok.out" 2> "$work/ok.err"; rc=$?
	if [ $rc = 0 ]; then good "$what"; else bad "$what: exit $rc" "$work/ok.out" "$work/ok.err"; fi
}
refused() { # WHAT CODE TEXT COMMAND...: that exit code, nothing on standard output, the text on standard error
	local what=$1 code=$2 text=$3 rc; shift 3
	"$@" > "$work/no.out" 2> "$work/no.err"; rc=$?
	if [ $rc = "$code" ] && [ ! -s "$work/no.out" ] && grep -qF -- "$text" "$work/no.err"; then good "$what"
	else bad "$what: exit $rc, not $code with '$text'" "$work/no.out" "$work/no.err"; fi
}
says() { if grep -qF -- "$2" "$3"; then good "$1"; else bad "$1: no '$2' in:" "$3"; fi; }					# WHAT TEXT FILE
silent() { if [ -e "$3" ] && ! grep -qE -- "$2" "$3"; then good "$1"; else bad "$1: '$2' in:" "$3"; fi; }			# WHAT PATTERN FILE
is() { [ "$1" = "$2" ] || { echo "'$2' is not '$1'"; return 1; }; }								# WANTED GOT
until_ok() { local i; for i in $(seq 600); do "$@" > "$work/until.out" 2>&1 && return 0; sleep 0.1; done; "$@"; }		# within a minute

# --- idpd and its directory ---
free_port() { # that nobody listens on, below those that the system gives to outgoing connections
	local p
	while p=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do :; done
	echo $p
}
certificate() { # NAME DAYS [HOST]: NAME.pem and NAME.key
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$2" -subj "/CN=${3:-localhost}" -addext "subjectAltName=DNS:${3:-localhost}" \
	    -keyout "$work/$1.key" -out "$work/$1.pem" 2>/dev/null
}
conf_server() { # ISSUER LISTEN [FOLDER/] < MORE: the section; what it keeps lies in that folder, and the certificate is "server"
	printf '%s\n' "server {" "issuer = \"$1\"" "listen = {$2}" "share_dir = \"$top/share\"" \
	    "state_dir = \"${3:-}state\"" "keyring_dir = \"${3:-}keyring\"" "audit_dir = \"${3:-}audit\"" "runtime_dir = \"${3:-}run\""
	case $2 in *' tls"'*) printf '%s\n' 'certificate = "server.pem"' 'private_key = "server.key"' ;; esac
	cat
	echo "}"
}
conf_directory() { # [LINE...]
	printf '%s\n' "directory {" "uri = \"ldap://127.0.0.1:$ldap\"" "base = \"$base\"" "bind_dn = \"cn=idpd,ou=system,$base\"" 'password_file = "dir/idpd.password"' "$@" "}"
}
directory_start() { # on $ldap; somebody else may take that port between the look and the start
	SUFFIX=$base setup/directory start "$work/dir" "$ldap" > "$work/dir.log" 2>&1 && return
	ldap=$(free_port)
	SUFFIX=$base setup/directory start "$work/dir" "$ldap" >> "$work/dir.log" 2>&1 || { cat "$work/dir.log"; return 1; }
}
answers() { curl -sf --cacert "$work/server.pem" -o /dev/null "$1" || curl -sf -o /dev/null "$1"; }
keyring_answers() { "$build/csamctl" keyring status -c "$work/$1.conf"; }			# it makes its keys first
idpd_start() { # URL [NAME]: with NAME.conf, ready when it answers there
	local name=${2:-idpd}
	"${ticking[@]}" "$build/idpd" -c "$work/$name.conf" >> "$work/$name.log" 2>&1 &
	echo $! > "$work/$name.pid"
	until_ok answers "$1" && until_ok keyring_answers "$name" || { tail -n 20 "$work/$name.log"; return 1; }
}
ticking=()			# what idpd and csamctl are started with
idpd_stop() { # [NAME]
	local pid="$work/${1:-idpd}.pid"
	[ -s "$pid" ] || return 0
	kill "$(cat "$pid")" 2>/dev/null; wait "$(cat "$pid")" 2>/dev/null
	rm -f "$pid"
}
ctl() { "${ticking[@]}" "$build/csamctl" "$@" -c "$work/idpd.conf" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"; }
as() { "$2" -x -H "ldap://127.0.0.1:$ldap" -D "cn=$1,ou=system,$base" -y "$work/dir/$1.password" "${@:3}"; }			# WHO TOOL ARGUMENTS...
modify() { as admin ldapmodify "$@"; }
sign_in() { python3 "$top/tests/integration/sign-in.py" "$port" alice "$1"; }		# PASSWORD: says in or out
alice_and_library() { # a person with the password "correct horse battery", and a service that takes it
	printf 'correct horse battery' > "$work/password"
	ctl person new --uid alice --given-name Alice --family-name Peeters --mail alice@example.org --national-number 85061501702 --password-file "$work/password" | modify &&
	printf '{"client_id":"library","client_secret":"at-least-32-random-characters-please","redirect_uris":["https://library.example/cb"],"default_acr_values":["urn:be:fedict:iam:fas:citizen:Level200"],"client_name":"Library"}' > "$work/library.json" &&
	ctl service import "$work/library.json" | modify
	sleep 1			# idpd follows the directory
}

# --- the end ---
also_end() { :; }		# what a script has besides
end() {
	local f
	also_end
	for f in "$work"/*.pid; do [ ! -e "$f" ] || idpd_stop "$(basename "$f" .pid)"; done
	[ ! -d "$work/dir" ] || setup/directory stop "$work/dir" > "$work/dir.log" 2>&1
	[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
	rm -rf "$work"
}
[ -n "${2:-}" ] || trap end EXIT
