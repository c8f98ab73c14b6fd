#!/bin/bash
# csamctl directory upgrade: directories that earlier versions made (tests/versions), with people, keys and what an administrator added, come to this version.
set -u
cd "$(dirname "$0")/../.." || exit 2
top=$PWD build=${BUILD:-$PWD/build} base=dc=example,dc=org newest=6
work=$(mktemp -d /tmp/csam-upgrade.XXXXXX)
failed=0
stop_idpd() { [ ! -s "$work/idpd.pid" ] || { kill "$(cat "$work/idpd.pid")" 2>/dev/null; wait "$(cat "$work/idpd.pid")" 2>/dev/null; rm -f "$work/idpd.pid"; }; }
trap 'stop_idpd; setup/directory stop "$work/dir" > /dev/null; rm -rf "$work"' EXIT

ok() { echo "ok - $1"; }
no() { echo "not ok - $1"; failed=1; }
yes() { local what=$1; shift; if "$@" > "$work/out" 2>&1; then ok "$what"; else no "$what (exit $?)"; sed 's/^/    /' "$work/out" | head -n 20; fi; }
says() { # WHAT TEXT FILE
	if grep -qF -- "$2" "$3"; then ok "$1"; else no "$1: no '$2' in:"; sed 's/^/    /' "$3" | head -n 20; fi
}
same() { if [ -s "$2" ] && diff "$2" "$3" > "$work/diff"; then ok "$1"; else no "$1"; sed 's/^/    /' "$work/diff" | cut -c1-200 | head -n 20; fi; }
refused() { # WHAT TEXT COMMAND...: nothing on standard output, the text on standard error
	local what=$1 text=$2; shift 2
	if "$@" > "$work/no.out" 2> "$work/no.err"; then no "$what: not refused"
	elif [ -s "$work/no.out" ]; then no "$what: it printed"; head -n 3 "$work/no.out"
	else says "$what" "$text" "$work/no.err"; fi
}
until_ok() { local i; for i in $(seq 300); do "$@" > /dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ldap=$(free_port) port=$(free_port)

over() { (cd "$work/dir" && "$@" -Q -Y EXTERNAL -H ldapi://.%2Fldapi); }	# as who administers the machine
ctl() { (cd "$work/dir" && "$build/csamctl" "$@" -c "$work/idpd.conf" -H ldapi://.%2Fldapi); }
upgrade() { ctl directory upgrade "$@"; }
apply() { over ldapmodify "$@"; }
config() { over ldapsearch -LLL -o ldif-wrap=no -b cn=config "$@"; }

# The files of version N where its setup/directory looks for them.
version() { # N
	local v=$work/v$1 n
	mkdir -p "$v"/{schema,conf/directory,setup}
	cp tests/versions/1/*.ldif "$v/"
	for n in $(seq 2 "$1"); do (cd "$v" && git apply -p0 "$top/tests/versions/$n.patch") || return 1; done
	mv "$v/csam.ldif" "$v/schema/" && mv "$v"/*.ldif "$v/conf/directory/" && cp setup/directory "$v/setup/"
}
fresh() { # FOLDER-WITH-SETUP: a directory with example people
	setup/directory stop "$work/dir" > /dev/null
	rm -rf "$work/dir"
	SUFFIX=$base "$1/setup/directory" start "$work/dir" "$ldap" || return 1
	sed -e "s/@SUFFIX@/$base/; s,@ORIGIN@/library/callback,https://library.example/cb,; s,@ORIGIN@,https://services.example.org,; s/@PASSWORD@/correct horse battery/" \
	    -e 's/@[A-Z_]*@/GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ/' tests/versions/1/demo.ldif > "$work/people.ldif"
	"$1/setup/directory" load "$work/dir" "$work/people.ldif"
}

# What an administrator may have added: the reader of NSS as it is shipped, rules before and behind all, indexes, constraints, schema, an overlay.
theirs() { # VERSION: the first had a rule less before those that the reader comes before
	sed "$([ "$1" != 1 ] || echo 's/{4}/{3}/; s/{5}/{4}/;') s|dc=example,dc=org|$base|; s|@NSS_PASSWORD_HASH@|$(/usr/sbin/slappasswd -s reader)|" conf/nss/reader.ldif | apply &&
	apply <<-END
		dn: cn=own,cn=schema,cn=config
		changetype: add
		objectClass: olcSchemaConfig
		cn: own
		olcAttributeTypes: ( 2.25.1.1 NAME 'ownBadge' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
		olcObjectClasses: ( 2.25.1.2 NAME 'ownPerson' SUP top AUXILIARY MAY ownBadge )

		dn: olcDatabase={1}mdb,cn=config
		changetype: modify
		add: olcAccess
		olcAccess: {0}to dn.subtree="ou=groups,$base" attrs=description by   dn.exact="cn=hr,$base" write by * break
		-
		add: olcAccess
		olcAccess: to dn.subtree="ou=hr,$base" by * none
		-
		add: olcDbIndex
		olcDbIndex: ownBadge,sn eq,sub
		-
		replace: olcDbMaxSize
		olcDbMaxSize: 34359738368

		dn: olcOverlay={1}constraint,olcDatabase={1}mdb,cn=config
		changetype: modify
		add: olcConstraintAttribute
		olcConstraintAttribute: ownBadge regex ^[0-9]+\$

		dn: uid=alice,ou=people,$base
		changetype: modify
		add: objectClass
		objectClass: ownPerson
		objectClass: posixAccount
		-
		add: ownBadge
		ownBadge: 7
		-
		add: uidNumber
		uidNumber: 10001
		-
		add: gidNumber
		gidNumber: 10001
		-
		add: homeDirectory
		homeDirectory: /home/alice
	END
}
mine() { config '(objectClass=*)' | grep -E 'cn=(hr|nss),|ou=hr,|ownBadge|ownPerson|34359738368' | sed -E 's/: \{[0-9]+\}/: /'; }
# What is ours, in order: of access rules and overlays all, of schema and indexes as a set.
ours() {
	config '(olcSuffix=*)' olcAccess olcLimits | grep ^olc | grep -vE 'cn=(hr|nss),|ou=hr,' | sed -E 's/: \{[0-9]+\}/: /'
	config '(|(olcOverlay=*)(olcSuffix=*)(objectClass=olcModuleList))' olcOverlay olcModuleLoad olcConstraintAttribute olcUniqueURI olcDbIndex olcPPolicyDisableWrite \
	    olcPPolicyUseLockout olcAccessLogOps | grep ^olc | grep -v ownBadge | sed -E 's/: \{[0-9]+\}/: /; s/^(olcDbIndex: .*) eq$/\1/' |
	    awk '/^olcDbIndex/ { n = split($2, a, ","); for (i = 1; i <= n; i++) print "index", a[i]; next } { print }' | sort
	config '(cn=*csam)' olcAttributeTypes olcObjectClasses | grep ^olc | sed -E 's/: \{[0-9]+\}/: /' | sort
	over ldapsearch -LLL -b "$base" '(objectClass=organizationalUnit)' dn | grep ^dn | sort
}
people() { # all that idpd's people and services consist of, but for what the administrator's tool writes besides
	over ldapsearch -LLL -o ldif-wrap=no -S '' -b "$base" '(|(objectClass=csamPerson)(objectClass=csamKey)(objectClass=csamService))'
}

mkdir -m 700 "$work"/{state,keyring,audit,run}
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
state {
	map_size = 64
}
directory {
	uri = "ldap://127.0.0.1:$ldap"
	base = "$base"
	bind_dn = "cn=idpd,ou=system,$base"
	password_file = "dir/idpd.password"
	changes_base = "cn=accesslog"
}
END
start_idpd() {
	rm -rf "$work"/{state,audit,run}/*
	"$build/idpd" -c "$work/idpd.conf" > "$work/idpd.log" 2>&1 &
	echo $! > "$work/idpd.pid"
	until_ok curl -sf "http://127.0.0.1:$port/readyz"
}
sign_in() { [ "$(python3 tests/integration/sign-in.py "$port" alice "correct horse battery" "$(oathtool --totp -b GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ)")" = in ]; }
content() { # check, but for what has nothing to do with the directory
	ctl check > "$work/check" 2> /dev/null; grep -E '^FAIL|^warn' "$work/check" | grep -vE 'issuer|reading as a person|testing = true|the clock is not synchronised|^warn  (mail|sms|outbox)' > "$work/check.bad"
	[ ! -s "$work/check.bad" ] && grep -q "schema and containers, access rules, overlays and indexes are of this version" "$work/check"
}
nothing() { upgrade > "$work/again" 2> "$work/again.err" && [ ! -s "$work/again" ] && [ ! -s "$work/again.err" ] || { cat "$work/again" "$work/again.err"; return 1; }; }

# --- what a new directory has ---
fresh "$top" > "$work/out" 2>&1 || { cat "$work/out"; no "a new directory is made"; exit 1; }
for v in $(seq $newest); do version "$v" || { no "the files of version $v are made"; exit 1; }; done
yes "a new directory lacks nothing" nothing
ours > "$work/new"

# --- every version ---
for v in $([ "${VERSIONS:-}" = all ] && seq $newest || echo "${VERSIONS:-1 $newest}"); do		# the oldest and the newest; make soak takes all
	fresh "$work/v$v" > "$work/out" 2>&1 && theirs "$v" >> "$work/out" 2>&1 || { cat "$work/out"; no "version $v can be made"; exit 1; }
	# The first ends by itself after a change of the tree (olcPPolicyDisableWrite with slapd 2.5.13): it begins anew.
	{ setup/directory stop "$work/dir" && setup/directory start "$work/dir" "$ldap"; } > "$work/out" 2>&1 || { cat "$work/out"; no "version $v starts again"; exit 1; }
	people > "$work/people.before"; mine > "$work/mine.before"
	ctl check > "$work/check" 2> /dev/null
	grep '^FAIL' "$work/check" > "$work/fail"
	says "version $v: check says that it is old" "csamctl directory upgrade" "$work/fail"
	yes "version $v: upgrade prints its LDIF" upgrade
	cp "$work/out" "$work/upgrade.ldif"
	if grep -q '^olcDbDirectory' "$work/upgrade.ldif"; then
		rmdir "$work/dir/accesslog"
		apply -f "$work/upgrade.ldif" > "$work/out" 2>&1 && no "version $v: a database without its folder is taken" || ok "version $v: without the folder that it says to make it stops there"
		mkdir "$work/dir/accesslog"
		upgrade > "$work/upgrade.ldif"
		says "version $v: and the next run goes on there" "olcDbDirectory" "$work/upgrade.ldif"
	fi
	yes "version $v: ldapmodify takes it" apply -f "$work/upgrade.ldif"
	yes "version $v: a second run prints nothing" nothing
	ours > "$work/ours"; mine > "$work/mine.after"; people > "$work/people.after"
	same "version $v: it is as a new one" "$work/new" "$work/ours"
	same "version $v: what the administrator added is untouched" "$work/mine.before" "$work/mine.after"
	same "version $v: so are people, keys and services" "$work/people.before" "$work/people.after"
	ldapsearch -x -H "ldap://127.0.0.1:$ldap" -D "cn=nss,ou=system,$base" -w reader -LLL -b "ou=people,$base" '(uid=alice)' uidNumber csamPersonState > "$work/nss"
	says "version $v: hosts still look up people" "uidNumber: 10001" "$work/nss"
	says "version $v: and whether they may enter" "csamPersonState: active" "$work/nss"
	yes "version $v: idpd starts" start_idpd
	yes "version $v: alice signs in with password and code" sign_in
	yes "version $v: check is content" content
	cat "$work/check.bad"
	stop_idpd
done

old_again() { # a directory of the first version, as it begins
	fresh "$work/v1" && setup/directory stop "$work/dir" && setup/directory start "$work/dir" "$ldap"
} > /dev/null 2>&1

# --- cut off: after every change of every record the next run goes on from there ---
old_again
rounds=0 stuck=
while upgrade > "$work/upgrade.ldif" 2> "$work/err" && [ -s "$work/upgrade.ldif" ]; do
	# up to the first change of the first record; now and then a whole record
	awk -v record=$((rounds % 25 == 24)) '{ print } /^changetype: add/ { whole = 1 } (/^-$/ && !record) || (/^$/ && (whole || record) && seen) { exit } /^dn:/ { seen = 1 }' \
	    "$work/upgrade.ldif" > "$work/cut.ldif"
	apply -f "$work/cut.ldif" > "$work/out" 2>&1 || { stuck=yes; break; }
	rounds=$((rounds + 1))
	[ $rounds -lt 200 ] || { stuck=yes; break; }
done
[ -z "$stuck" ] && [ ! -s "$work/err" ] && [ $rounds -gt 20 ] && ok "cut off $rounds times it goes on" || { no "cut off it goes on ($rounds times)"; cat "$work/err" "$work/out"; }
ours > "$work/ours"
same "and ends as a new one" "$work/new" "$work/ours"

old_again
upgrade > "$work/upgrade.ldif"
apply -f "$work/upgrade.ldif" > /dev/null 2>&1 & applying=$!
sleep 0.0$((RANDOM % 10)); slapd=$(cat "$work/dir/slapd.pid"); kill -9 "$slapd"; wait $applying
while kill -0 "$slapd" 2> /dev/null; do sleep 0.05; done
yes "slapd that is killed meanwhile starts again" setup/directory start "$work/dir" "$ldap"
yes "the next run goes on from there" upgrade; cp "$work/out" "$work/upgrade.ldif"; [ ! -s "$work/upgrade.ldif" ] || yes "what then lacks is taken" apply -f "$work/upgrade.ldif"
ours > "$work/ours"
same "and it ends as a new one, too" "$work/new" "$work/ours"

# --- what is not to be compared is said, and nothing printed ---
fresh "$top" > /dev/null 2>&1
elsewhere() { "$build/csamctl" directory upgrade -b "$base" "$@"; }
refused "a directory that is away" "does not answer" elsewhere -H ldap://127.0.0.1:1
refused "who may not read cn=config" "you may not read cn=config" elsewhere -H "ldap://127.0.0.1:$ldap" -D "cn=admin,ou=system,$base" -y "$work/dir/admin.password"
refused "a name or password that is wrong" "refuses cn=nobody" elsewhere -H "ldap://127.0.0.1:$ldap" -D cn=nobody -w wrong
refused "a base that no database holds" "holds dc=other" upgrade -b dc=other
printf 'dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcReadOnly\nolcReadOnly: TRUE\n' | apply > /dev/null
refused "a database that is read-only" "is read-only (olcReadOnly)" upgrade
printf 'dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\ndelete: olcReadOnly\n' | apply > /dev/null
printf 'dn: olcDatabase={-1}frontend,cn=config\nchangetype: modify\nreplace: olcReadOnly\nolcReadOnly: TRUE\n' | apply > /dev/null
refused "all databases" "frontend,cn=config is read-only" upgrade
setup/directory stop "$work/dir" > /dev/null	# which cannot be changed back but by hand
sed -i '/^olcReadOnly/d' "$work/dir/slapd.d/cn=config/olcDatabase={-1}frontend.ldif"
setup/directory start "$work/dir" "$ldap" > /dev/null
yes "nothing was changed by all that" nothing

# --- what is the administrator's, in the place of something of ours, is named and stays ---
named() { # WHAT TEXT: nothing on standard output, the text on standard error
	upgrade > "$work/again" 2> "$work/named" || { no "$1: exit"; return; }
	if [ -s "$work/again" ]; then no "$1: it printed"; sed 's/^/    /' "$work/again" | head -n 20; else says "$1" "$2" "$work/named"; fi
}
db=olcDatabase={1}mdb,cn=config
value() { config -b "$1" -s base "$2" | grep -F -- "$3" | sed "s/^$2: //"; } # DN ATTRIBUTE TEXT
exchange() { # DN ATTRIBUTE OLD NEW
	printf '%s\n' "dn: $1" "changetype: modify" "delete: $2" "$2: $3" "-" ${4:+"add: $2" "$2: $4"} | apply > "$work/out" 2>&1 || cat "$work/out"
}
printf 'dn: ou=notices,%s\nchangetype: delete\n\ndn: %s\nchangetype: modify\nadd: olcSyncrepl\nolcSyncrepl: rid=001 provider=ldap://127.0.0.1:1 searchbase="%s" bindmethod=simple retry="60 +"\n' "$base" $db "$base" | apply > "$work/out" 2>&1 || cat "$work/out"
named "what a replica has from its provider" "ou=notices,$base is not there, and this server is a replica"
printf 'dn: %s\nchangetype: modify\ndelete: olcSyncrepl\n\ndn: ou=notices,%s\nchangetype: add\nobjectClass: organizationalUnit\nou: notices\n' $db "$base" | apply > "$work/out" 2>&1 || cat "$work/out"
rule=$(value $db olcAccess attrs=mail,mobile)
exchange $db olcAccess "$rule" "${rule/by \*/by dn.exact=\"cn=hr,$base\" read by *}"
named "a rule of ours that somebody changed" "attrs=mail,mobile,csamMailVerified,csamMobileVerified,preferredLanguage ...' is yours"
ctl check > "$work/check" 2> /dev/null
grep '^warn' "$work/check" > "$work/warn"
says "check names it, too" "is yours" "$work/warn"
exchange $db olcAccess "${rule/by \*/by dn.exact=\"cn=hr,$base\" read by *}" "$rule"
constraint='olcOverlay={1}constraint,olcDatabase={1}mdb,cn=config' kinds=$(value "$constraint" olcConstraintAttribute csamKeyKind)
exchange "$constraint" olcConstraintAttribute "$kinds" 'csamKeyKind regex ^(app|mine)$'
named "a constraint of ours" "'csamKeyKind,csamServiceKeyKind ...' is yours"
exchange "$constraint" olcConstraintAttribute 'csamKeyKind regex ^(app|mine)$' "$kinds"
exchange $db olcDbIndex 'csamClientId,csamEntityId eq' 'csamClientId,csamEntityId pres'
named "an index of another kind" "the index of csamClientId is yours, without eq"
exchange $db olcDbIndex 'csamClientId,csamEntityId pres' 'csamClientId pres,eq'
upgrade > "$work/again"; says "an index that is missing is added" "olcDbIndex: csamEntityId eq" "$work/again"
exchange $db olcDbIndex 'csamClientId pres,eq' 'csamClientId,csamEntityId pres,eq'
yes "an index of more kinds is enough" nothing
schema=$(config '(cn=*csam)' dn | sed -n 's/^dn: //p') person=$(value "$schema" olcObjectClasses "'csamPerson'")
exchange "$schema" olcObjectClasses "$person" "${person/csamNotice/title}"
named "a class with an attribute besides" "csamPerson differs from this version's, but has title besides"
exchange "$schema" olcObjectClasses "${person/csamNotice/title}" "${person/csamNotice/seeAlso}"
later="( csamAttribute:900 NAME 'csamLater' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
exchange "$schema" olcObjectClasses "${person/csamNotice/seeAlso}" "${person/csamNotice $/}"
upgrade > "$work/again"; says "a class with less is replaced" "csamPerson has changed" "$work/again"
printf '%s\n' "dn: $schema" "changetype: modify" "add: olcAttributeTypes" "olcAttributeTypes: $later" | apply > "$work/out" 2>&1 || cat "$work/out"
named "a directory of a later version is not set back" "csamPerson differs from this version's, but the directory has what this version does not know"
says "and what is later is named" "this version does not know csamLater" "$work/named"
exchange "$schema" olcAttributeTypes "$later"
yes "of an earlier one it is brought here" sh -c "cd '$work/dir' && '$build/csamctl' directory upgrade -c '$work/idpd.conf' -H ldapi://.%2Fldapi | ldapmodify -Q -Y EXTERNAL -H ldapi://.%2Fldapi"
last=$(value $db olcAccess 'to * by')
printf '%s\n' "dn: $db" "changetype: modify" "delete: olcAccess" "olcAccess: $last" "-" "add: olcAccess" "olcAccess: {0}${last#*\}}" | apply > "$work/out" 2>&1 || cat "$work/out"
named "rules of ours in another order" "comes later than in slapd.ldif"
printf '%s\n' "dn: $db" "changetype: modify" "replace: olcAccess" "olcAccess: to * by * read" | apply > "$work/out" 2>&1 || cat "$work/out"
named "rules that are all somebody else's" "all rules are yours"

exit $failed
