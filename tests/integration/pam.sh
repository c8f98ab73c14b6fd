#!/bin/bash
# sshd, sudo, su, passwd, cron and an unprivileged program let people in by pam_csam.so, with the files of PAM that an administrator gets.
# All of it in a private view of the file system, with processes of its own: nothing of this machine is read by them or changed.
set -u
cd "$(dirname "$0")/../.." || exit 2
needs="build/libidpd.a build/unit/test_libcsam build/unit/test_pam_csam build/tools/pam_memory build/unit/test_agent_daemon"
. tests/integration/pam/inside.sh
. tests/integration/pam/view.sh
. tests/integration/pam/checks.sh
fake_agent

P='assword: =correct+horse' C='Code: =123456'

# The module itself
ok "the module needs libpam and libc, nothing else" test "$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')" = "libc.so.6 libpam.so.0 "
ok "sshd gets no further library by it" sh -c "! ldd $module | grep -vE 'linux-vdso|ld-linux|libpam\.|libc\.|libaudit|libcap-ng'"
ok "it shows the six entry points alone" test "$(nm -D --defined-only "$module" | sed 's/.* //' | sort | tr '\n' ' ')" = \
    "pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok pam_sm_close_session pam_sm_open_session pam_sm_setcred "
for t in test_libcsam test_pam_csam; do
	ok "valgrind finds nothing in $t" valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes "$top/build/unit/$t"
done

# What only a build without AddressSanitizer can show
ok "the agent keeps nothing of a password or code" "$top/build/unit/test_agent_daemon" 'keeps*'
shows "and that was looked at" "[       OK ]"
ok "nor more than 4 MiB of its own after a thousand sign-ins, sixteen at once" "$top/build/unit/test_agent_daemon" 'stays*'
shows "and that was measured" "[       OK ]"

# cron looks at a minute's beginning, but @reboot at its own
touch "$fake/closed-cron-bruno"
start_cron

# sshd: password and code
start_sshd "$top/conf/sshd/csam-password-code.conf"
fresh
ok "sshd lets alice in with password and code" person "$P" "$C" -- $ssh alice@localhost 'echo I am $(id -un)'
shows "as herself" "I am alice"
asked "the agent heard where she sits" 'authenticate user=alice service=sshd rhost=127.0.0.1'
asked "may she enter was asked as well" 'account user=alice service=sshd'
no "a wrong code does not" person "$P" 'Code: =654321' 'assword: =^C' -- $ssh alice@localhost true
timed() { # NAME WHO: wrong all the way; what is shown is in NAME.out, how long it took in NAME.ms
	local from=$(date +%s%3N) rc
	person 'assword: =wrong horse' 'Code: =654321' 'assword: =wrong horse' 'Code: =654321' -- $ssh -o NumberOfPasswordPrompts=2 "$2@localhost" true > "$work/$1.out" 2>&1; rc=$?
	echo $(($(date +%s%3N) - from)) > "$work/$1.ms"
	cat "$work/$1.out"
	return $rc
}
no "a wrong password does not, and is asked the code all the same" person 'assword: =wrong' "$C" 'assword: =^C' -- $ssh alice@localhost true
fresh
no "an empty password does not" person 'assword: =' 'assword: =^C' -- $ssh alice@localhost true
unasked "and is not sent" 'answer secret'
fresh
no "nor does an endless one" person 'assword: =^BIG' 'assword: =^C' -- $ssh alice@localhost true
unasked "which is not sent either" 'answer secret'
fresh
no "a wrong password does not, twice" timed wrong alice
no "nor what somebody types whom the system does not know" timed unknown mallory
asked "who is asked like everybody" 'authenticate user=mallory'
asked "to the end" 'answer code'
unasked "but sshd's placeholder is not sent" placeholder
ok "the terminal shows the same for both" sh -c "sed s/mallory/alice/g '$work/unknown.out' | diff '$work/wrong.out' -"
ok "for as long" awk -v a="$(cat "$work/wrong.ms")" -v b="$(cat "$work/unknown.ms")" 'BEGIN { print a, b; exit !(a > 2000 && b > 2000 && a / b < 1.7 && b / a < 1.7) }'
no "somebody who hangs up" person 'assword: =^KILL' -- $ssh alice@localhost true
no "or interrupts" person "$P" 'Code: =^C' -- $ssh alice@localhost true
touch "$fake/closed-sshd"
no "who may not enter does not, with everything right" person "$P" "$C" -- $ssh alice@localhost true
rm "$fake/closed-sshd"
touch "$fake/down"
no "nobody enters while the agent has no answer" person 'assword: =correct+horse' 'assword: =^C' -- $ssh alice@localhost true
rm "$fake/down"

# sshd: a key alone, and a key with a code
start_sshd /dev/null 'AuthenticationMethods publickey'
fresh
ok "a key alone lets in" $ssh -i "$work/person.key" alice@localhost true
unasked "nothing is asked of the person" authenticate
asked "but whether she may enter" 'account user=alice service=sshd rhost=127.0.0.1'
touch "$fake/closed-sshd"; no "if not, the key is no help" $ssh -i "$work/person.key" alice@localhost true; rm "$fake/closed-sshd"
touch "$fake/down"; no "nor while that is not known" $ssh -i "$work/person.key" alice@localhost true; rm "$fake/down"
sed -i 's/^@include common-auth/auth [success=done ignore=ignore default=die] pam_csam.so after_publickey=code\nauth required pam_unix.so/' /etc/pam.d/sshd
start_sshd "$top/conf/sshd/csam-publickey-code.conf"
fresh
ok "a key and a code let in" person "$C" -- $ssh -i "$work/person.key" alice@localhost 'echo I am $(id -un)'
shows "as herself again" "I am alice"
asked "the agent was told of the key" 'authenticate user=alice service=sshd rhost=127.0.0.1 proven=publickey'
unasked "no password was asked" 'answer secret'
no "a key and a wrong code do not" person 'Code: =000000' 'Code: =^C' -- $ssh -i "$work/person.key" alice@localhost true
no "a code without the key is not even asked" person -- $ssh alice@localhost true

# sudo, su, passwd
fresh
ok "sudo asks alice for both" person "${P/: / for alice: }" "$C" -- setpriv --reuid alice --regid alice --clear-groups sudo id -u
shows "and makes her root" 0
asked "as sudo" 'authenticate user=alice service=sudo'
no "sudo refuses a wrong code" person "${P/: / for alice: }" 'Code: =1' 'for alice: =^C'  -- setpriv --reuid alice --regid alice --clear-groups sudo -k id -u
fresh
ok "root's su to alice asks nothing of the person" su alice -c true
asked "only whether alice may enter" 'account user=alice service=su'
unasked "no password" authenticate
touch "$fake/closed-su"; no "if not, not even root becomes alice by su" su alice -c true; rm "$fake/closed-su"
ok "bruno becomes alice with her password and code" person "$P" "$C" -- setpriv --reuid bruno --regid bruno --clear-groups su alice -c 'id -un'
shows "alice" alice
fresh
ok "passwd asks the present password, and the new one twice" person 'Present password: =correct+horse' 'New password: =another good one' 'Again: =another good one' -- setpriv --reuid alice --regid alice --clear-groups passwd
asked "of the directory" 'password user=alice service=passwd'
no "passwd refuses a wrong one" person 'Present password: =wrong' 'New password: =another good one' 'Again: =another good one' -- setpriv --reuid alice --regid alice --clear-groups passwd

# Somebody who is not root asks about herself: a screen locker
fresh
ok "an unprivileged program asks for its own user" person "$P" "$C" -- setpriv --reuid alice --regid alice --clear-groups pamtester xlock alice authenticate acct_mgmt
asked "the agent knows who asks" 'authenticate user=alice service=xlock rhost=- proven=- uid=10001'
fresh
no "its environment proves no key" person 'assword: =^C' -- setpriv --reuid alice --regid alice --clear-groups env 'SSH_AUTH_INFO_0=publickey ssh-rsa AAAA' pamtester -E 'SSH_AUTH_INFO_0=publickey ssh-rsa AAAA' sshd alice authenticate
unasked "nothing was proven" proven=publickey
parallel() { for i in 1 2 3 4 5 6 7 8; do person "$P" "$C" -- pamtester login alice authenticate & done > "$work/parallel"; wait $(jobs -p | tail -n 8); test "$(grep -c 'successfully authenticated' "$work/parallel")" = 8; }
ok "eight at once" parallel

# In several threads, each with handles of its own; and nothing that was typed stays in memory, where a core would have it
typed() { printf 'correct+horse %0300d-the tail of the password\n123456 %0300d-the tail of the code\n' 0 0; }
echo 'void free(void *p); void free(void *p) { (void)p; }' | cc -shared -fPIC -o "$work/keep.so" -x c -	# what is free is not used again, and shows what was in it
in_threads() { typed | LD_PRELOAD=$work/keep.so "$top/build/tools/pam_memory" "$@"; }
under_valgrind() { typed | valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$top/build/tools/pam_memory" "$@"; }
ok "eight threads sign in twenty times each, and leave no password or code in memory" in_threads login alice 8 20
shows "all of them" "all signed in; password found 0 times, code 0 times"
ok "valgrind finds nothing in four of them" under_valgrind login alice 4 2 unseen

# Local users, with the agent dead
fresh
ok "carol, who is local, signs in by pam_unix" person 'assword: =local secret' -- pamtester login carol authenticate acct_mgmt
unasked "the agent hears nothing of her" carol
ok "cron runs the job of who may enter" test -e "$work/home/alice/ran"
ok "and not of who may not" test ! -e "$work/home/bruno/ran"
grep -q 'account user=alice service=cron' "$fake/all" && echo "ok - cron asked whether they may" || { echo "not ok - cron asked whether they may"; failed=1; }
kill "$agent"; wait "$agent" 2>/dev/null
ok "root signs in on the console with the agent dead" person 'assword: =root secret' -- pamtester login root authenticate acct_mgmt
ok "su to root works" person 'assword: =root secret' -- setpriv --reuid carol --regid carol --clear-groups su -c 'id -u'
shows "with the local password" 0
no "alice is not let in" person 'assword: =correct+horse' -- pamtester login alice authenticate
no "nor by account alone" pamtester login alice acct_mgmt
no "nor becomes root's su her" su alice -c true

# Nobody is known not to be local while the list of those who are cannot be read
mv /etc/passwd /etc/passwd.kept; mkdir /etc/passwd
no "while /etc/passwd cannot be read nobody enters" pamtester login alice acct_mgmt
shows "and that is no answer about them" "System error"
rmdir /etc/passwd; mv /etc/passwd.kept /etc/passwd

# What was written down
grep -q 'csam: denied user=alice rhost=127.0.0.1 service=sshd reason=too_long' "$fake/syslog" && echo "ok - the log has its line" || { echo "not ok - the log has its line"; failed=1; }
ok "no password and no code in any log" sh -c "! grep -rlaE 'correct.horse|another good one|123456|local secret|root secret' $fake $work/*.log"
[ $failed = 0 ] || tail -n 30 "$work/sshd.log" "$fake/syslog"
exit $failed
