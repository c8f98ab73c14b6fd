#!/bin/bash
# Mail and SMS of a running idpd: real servers that are away, refuse and come back; csamctl; thousands of messages while the front is killed.
# MESSAGES=100000: as many (make soak).
set -u
cd "$(dirname "$0")/../.." || exit 2
. tests/integration/common.sh outbox
messages=${MESSAGES:-3000} smtp= gateway=
also_end() { [ -z "$smtp" ] || kill "$smtp"; [ -z "$gateway" ] || kill "$gateway"; }

no() { bad "$1"; [ -z "${2:-}" ] || printf '    %s\n' "$2"; }
equal() { if [ "$2" = "$3" ]; then good "$1"; else no "$1" "$2, not $3"; fi; }
has() { if [[ $2 == *"$3"* ]]; then good "$1"; else no "$1" "$2"; fi; }
ctl() { "$build/csamctl" "$@" -c "$work/idpd.conf" 2>&1; }
one() { "$build/csamctl" outbox "$1" -c "$work/idpd.conf" -- "$2" 2>&1; }	# VERB ID: it may begin with a hyphen
fill() { "$build/tools/outbox-fill" "$work/idpd.conf" "$@" >> "$work/fill.log" 2>&1; }
until_true() { local i; for ((i = 0; i < $1 * 10; i++)); do "${@:2}" && return 0; sleep 0.1; done; return 1; }	# what is asked is asked anew each time: no $(…) in it
working() { [ "$(metric "working{kind=\"$1\"}")" = "$2" ]; }
# Ten pages; where each waited for a server that does not answer, they would take ten times as long as that is waited for.
pages() { # WHAT MOST-MS
	local t; t=$(date +%s%N)
	for _ in 1 2 3 4 5 6 7 8 9 10; do curl -sf -o /dev/null "http://127.0.0.1:$plain/help" || no "a page"; done
	t=$((($(date +%s%N) - t) / 1000000))
	if [ $t -lt "$2" ]; then good "$1 (10 in $t ms)"; else no "$1" "10 in $t ms"; fi
}
waiting() { ctl outbox list | grep -cE ' (waiting|out) '; }
drained() { [ "$(waiting)" = 0 ]; }
taken() { grep -c . "$work/mails"; }
metric() { curl -s "http://127.0.0.1:$plain/metrics" | sed -n "s/^csam_outbox_$1 //p"; }

# Both tell their port, and live as long as what they read from.
smtp_start() { local fifo=$work/smtp.$RANDOM; mkfifo "$fifo"; /usr/bin/python3 tests/integration/smtpd.py "$work/mails" "$@" 3<>"$fifo" < "$fifo" > "$work/smtp.port" 2>> "$work/smtp.log" & smtp=$!
	until_true 30 test -s "$work/smtp.port"; }
smtp_stop() { kill -9 "$smtp"; wait "$smtp" 2>/dev/null; smtp=; : > "$work/smtp.port"; }
smtp_port=$(free_port) gateway_port=
mkfifo "$work/gateway.in"
/usr/bin/python3 tests/integration/sms-gateway.py "$work/sms" 3<>"$work/gateway.in" < "$work/gateway.in" > "$work/gateway.port" 2> "$work/gateway.log" & gateway=$!
until_true 30 test -s "$work/gateway.port"
gateway_port=$(cat "$work/gateway.port")
: > "$work/mails"; : > "$work/sms"

https=$(free_port) plain=$(free_port)
certificate server 2
{
	conf_server "https://localhost:$https" "\"127.0.0.1:$https tls\", \"127.0.0.1:$plain\"" <<< 'testing = true'
	cat <<-END
		directory {
			uri = "ldap://127.0.0.1:9"
			base = "$base"
		}
		mail {
			server = "smtp://127.0.0.1:$smtp_port"
			starttls = false
			from = "noreply@csam.example"
			timeout = 2000
		}
		sms {
			url = "http://127.0.0.1:$gateway_port/v1"
			accepted = "messages.0.status=queued"
			timeout = 1000
		}
		outbox {
			max = 200000
			workers = ${WORKERS:-8}
			pause = 1
			pause_max = 2
		}
	END
} > "$work/idpd.conf"
chmod 644 "$work/idpd.conf"
if idpd_start "http://127.0.0.1:$plain/healthz"; then good "idpd runs"; else bad "idpd runs"; exit 1; fi
idpd=$(cat "$work/idpd.pid")

# Nobody answers: messages wait, pages do not.
fill 20 4 'alice%u@example.org' mail.test || { cat "$work/fill.log"; no "messages are put"; exit 1; }
equal "mail waits while the server is away" "$(waiting)" 20
pages "pages come at once meanwhile" 10000
until_true 30 working mail 0
equal "the metrics say that mail does not work" "$(metric 'working{kind="mail"}')" 0
equal "and that SMS does" "$(metric 'working{kind="sms"}')" 1
has "csamctl check finds it" "$(ctl check)" "FAIL  mail server smtp://127.0.0.1:$smtp_port"
has "csamctl mail test says why" "$(ctl mail test alice@example.org)" "not sent: "
fill 1 1 '+32470123400' sms.test
until_true 30 test -s "$work/sms"
equal "an SMS is not held up by mail" "$(grep -c 470123400 "$work/sms")" 1

list=$(ctl outbox list) id=$(ctl outbox list | grep ' waiting ' | tail -n 1 | cut -d' ' -f1)
has "the list shows addresses in part" "$list" "al…@example.org"
if [[ $list == *alice* ]]; then no "and never in full" "$list"; else good "and never in full"; fi
has "one of them can be looked at" "$(one show "$id")" "state         waiting"
has "and dropped" "$(one drop "$id")" "1 dropped"
has "but once" "$(one drop "$id")" "there is no such message"
equal "then one less waits" "$(waiting)" 19

smtp_start --port "$smtp_port"
until_true 120 drained
equal "when the server comes back, the others arrive" "$(taken)" 19
has "csamctl check is content with mail" "$(ctl check)" "ok    mail server smtp://127.0.0.1:$smtp_port"
has "and with SMS" "$(ctl check)" "ok    SMS gateway"
has "csamctl mail test" "$(ctl mail test bruno@example.org)" "the mail server took it"
equal "it arrived" "$(grep -c bruno@example.org "$work/mails")" 1
has "csamctl sms test" "$(ctl sms test +32470123411)" "the gateway took it"
has "no address is none" "$(ctl mail test 'a b@example.org')" "is no mail address"

# Refused, postponed, torn.
: > "$work/mails"
fill 1 1 'no@example.org' mail.test; fill 1 1 'greylist@example.org' mail.test; fill 1 1 'torn@example.org' mail.test
until_true 60 drained
equal "greylisted mail arrives" "$(grep -c greylist@ "$work/mails")" 1
equal "whose answer was lost is sent again" "$(grep -c torn@ "$work/mails")" 2
equal "as the same mail" "$(grep torn@ "$work/mails" | grep -o '"<[^ ]*@csam.example>"' | sort -u | wc -l)" 1
dead=$(ctl outbox list --dead)
has "what is refused is a dead letter that says why" "$dead" "550"
has "csamctl check points at it" "$(ctl check)" "1 messages could not be sent this week"
dead_counted() { [ "$(metric 'messages{kind="mail",state="dead"}')" = 1 ]; }
if until_true 60 dead_counted; then good "the metrics count it"; else no "the metrics count it" "$(metric 'messages{kind="mail",state="dead"}')"; fi
has "it can be tried again" "$(ctl outbox retry dead)" "1 will be tried now"
until_true 60 drained
has "and dropped at last" "$(ctl outbox drop dead)" "1 dropped"

# A gateway that says it took what it did not, and one that never answers: neither counts as sent, no page waits, and nothing else is lost.
: > "$work/sms"
asked() { [ "$(grep -c "$1" "$work/sms")" -ge "$2" ]; }
drop_sms() { local id; for id in $(ctl outbox list | grep ' sms ' | cut -d' ' -f1); do one drop "$id" > "$work/drop.log"; done; ! ctl outbox list | grep -q ' sms '; }
fill 1 1 '+32470123404' sms.test
if until_true 60 asked 470123404 2; then good "what a gateway took and rejected is tried again"; else no "what a gateway took and rejected is tried again" "$(cat "$work/sms")"; fi
id=$(ctl outbox list | grep ' sms ' | cut -d' ' -f1)
has "the list says why" "$(one show "$id")" "does not say what sms.accepted asks for"
until_true 60 drop_sms || no "it is dropped"
fill 5 5 '+32470123406' sms.test
until_true 60 asked 470123406 1
pages "pages come at once while a gateway never answers" 5000
until_true 30 working sms 0
equal "the metrics say that SMS does not work" "$(metric 'working{kind="sms"}')" 0
fill 1 1 'slow@example.org' mail.test
if until_true 60 grep -q slow@ "$work/mails"; then good "mail goes on, also to a server that thinks for a second"; else no "mail goes on" "$(ctl outbox list)"; fi
until_true 60 drop_sms || no "they are dropped" "$(ctl outbox list)"
fill 1 1 '+32470123400' sms.test
if until_true 60 asked 470123400 1; then good "when it answers again, SMS arrive"; else no "when it answers again, SMS arrive" "$(ctl outbox list)"; fi

# Many, while the front is killed again and again, and the mail server too. A worker holds one message: no more than that may come twice.
: > "$work/mails"
SECONDS=0
fill "$messages" 8 'p%u@example.org' mail.test && good "$messages messages are put ($(tail -n 1 "$work/fill.log"))" || no "$messages messages are put" "$(tail -n 1 "$work/fill.log")"
kills=0 restarts=0
more() { [ "$(taken)" -gt "$before" ] || drained; }
while ! drained && [ $SECONDS -lt $((120 + messages / 20)) ]; do
	before=$(taken)
	until_true 30 more		# whoever is killed before it has done anything never comes to an end
	sleep "0.$((RANDOM % 9))"
	front=$(pgrep -P "$idpd" idpd-front) && kill -9 "$front" && kills=$((kills + 1))
	if [ $((kills % 5)) = 0 ]; then smtp_stop; smtp_start --port "$smtp_port"; restarts=$((restarts + 1)); fi
	sleep $((messages / 20000))
done
grep -o '^\[\["p[0-9]*@' "$work/mails" | sort > "$work/got"
distinct=$(sort -u "$work/got" | wc -l) doubled=$(($(wc -l < "$work/got") - $(sort -u "$work/got" | wc -l)))
equal "all of them arrive through $kills kills of the front and $restarts of the mail server, in $SECONDS s" "$distinct" "$messages"
if [ $kills -gt 0 ] && [ $doubled -le $((8 * (kills + restarts))) ]; then good "twice only what was in a worker's hands: $doubled"; else no "twice only what was in a worker's hands" "$doubled, with $kills kills"; fi
equal "a mail that came twice is the same mail" "$(grep -o '"<[^ ]*@csam.example>"' "$work/mails" | sort -u | wc -l)" "$messages"
has "nothing is left" "$(ctl outbox list)" "nothing lies in the outbox"

# As fast as the server takes it: beside what it takes, right after, from a client with as many connections that does nothing else. It thinks at each greeting and each mail
# for longer than anybody here computes, or a full machine would be measured.
bare() { # CONNECTIONS MAILS-OF-EACH
	/usr/bin/python3 - "$smtp_port" "$@" <<-'END'
		import smtplib, sys, threading, time
		port, connections, mails = map(int, sys.argv[1:])
		mail = "Subject: x\r\n\r\n" + ("x" * 70 + "\r\n") * 30
		def send():
		    s = smtplib.SMTP("127.0.0.1", port)
		    for _ in range(mails): s.sendmail("noreply@csam.example", ["bare@example.org"], mail)
		t = time.time(); c = [threading.Thread(target=send) for _ in range(connections)]
		[x.start() for x in c]; [x.join() for x in c]
		print(int(connections * mails / (time.time() - t)))
	END
}
arrived() { [ "$(taken)" -ge 1000 ]; }
if [ "$messages" -le 20000 ]; then
	smtp_stop; smtp_start --port "$smtp_port" --pace 60
	until_true 120 working mail 1
	for round in 1 2 3 4 5; do
		: > "$work/mails"
		start=$(date +%s%N)
		fill 1000 8 'q%u@example.org' mail.test
		until_true 120 arrived
		ours=$((1000 * 1000 / (($(date +%s%N) - start) / 1000000)))
		until_true 60 drained
		got=$(taken) bare=$(bare "${WORKERS:-8}" 50)
		echo "    $ours mails/s through the outbox, from put to gone; $bare/s from a bare client"
		[ "$got" = 1000 ] && [ "$ours" -le $((bare / 2)) ] || break
	done
	equal "1000 more arrive" "$got" 1000
	if [ "$ours" -gt $((bare / 2)) ]; then good "the queue drains at the speed of the server"
	else no "the queue drains at the speed of the server" "$ours/s, bare $bare/s, in the last of $round rounds"; fi
fi

kill -TERM "$idpd"
SECONDS=0; wait "$idpd"; status=$?; rm "$work/idpd.pid"
if [ $status = 0 ] && [ $SECONDS -lt 30 ]; then good "idpd ends in order"; else no "idpd ends in order" "status $status after $SECONDS s"; fi
if grep -E 'runtime error|Sanitizer' "$work/idpd.log" "$work/fill.log"; then no "the sanitizers find nothing"; else good "the sanitizers find nothing"; fi
exit $failed
