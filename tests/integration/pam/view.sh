# The private view of tests/integration/pam.sh: /usr, /etc and /var with the unpacked servers laid over them, /run and /dev of its own. Sourced inside
# "unshare --mount --pid". Gives $fake (the folder of fake_agent), $module, $ssh, start_sshd and start_cron.
# shellcheck shell=bash disable=SC2154,SC2034
set -e
unpacked=$top/build/unpacked rw=$work/rw fake=$work/fake
module=/usr/lib/x86_64-linux-gnu/security/pam_csam.so
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
chmod 755 "$work"
mkdir -p "$rw" "$fake" "$work/home"
mount -t proc proc /proc
mount -t tmpfs tmpfs "$rw"
for d in usr etc var; do
	mkdir -p "$rw/$d" "$rw/work-$d"
	mount -t overlay overlay -o "lowerdir=$unpacked/$d:/$d,upperdir=$rw/$d,workdir=$rw/work-$d" "/$d"
done
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd /run/csam /run/sudo /run/lock
mount -t tmpfs -o mode=755 tmpfs /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/random c 1 8; mknod -m 666 /dev/urandom c 1 9; mknod -m 666 /dev/tty c 5 0
mkdir /dev/pts /dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /dev/pts
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd

# People: carol is local; ${people} are the network's, which NSS finds elsewhere (here libnss-extrausers)
: "${people:=alice:10001 bruno:10002}"
rm -f /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/nsswitch.conf
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/usr/sbin/nologin\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\ncarol:x:1001:1001::/tmp:/bin/sh\n' > /etc/passwd
printf 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nshadow:x:42:\nutmp:x:43:\ncrontab:x:101:\ncarol:x:1001:\nnogroup:x:65534:\n' > /etc/group
mkdir -p /var/lib/extrausers
printf 'root:%s:19000:0:99999:7:::\ncarol:%s:19000:0:99999:7:::\n' "$(openssl passwd -6 'root secret')" "$(openssl passwd -6 'local secret')" > /etc/shadow
chmod 640 /etc/shadow; chgrp shadow /etc/shadow
printf 'passwd: files extrausers\ngroup: files extrausers\nshadow: files extrausers\nhosts: files\n' > /etc/nsswitch.conf
for p in $people; do
	name=${p%:*}
	printf '%s:x:%s:%s::%s:/bin/sh\n' "$name" "${p#*:}" "${p#*:}" "$work/home/$name" >> /var/lib/extrausers/passwd
	printf '%s:x:%s:\n' "$name" "${p#*:}" >> /etc/group
	mkdir -p "$work/home/$name/.ssh"
	chown "${p#*:}:${p#*:}" "$work/home/$name" "$work/home/$name/.ssh"
done
ssh-keygen -q -t ed25519 -N '' -f "$work/person.key"
ssh-keygen -q -t ed25519 -N '' -f "$work/host.key"
chmod 700 "$work"/home/*
for p in $people; do install -m 600 -o "${p#*:}" "$work/person.key.pub" "$work/home/${p%:*}/.ssh/authorized_keys"; done

# What an administrator installs: the module, and its files for PAM
install -m 644 "$top/build/pam_csam.so" "$module"
cp "$top"/conf/pam/csam "$top"/conf/pam/csam-password /usr/share/pam-configs/
printf 'Config: c\nTemplates: t\n\nName: c\nDriver: File\nFilename: %s/c.dat\n\nName: t\nDriver: File\nFilename: %s/t.dat\n' "$work" "$work" > "$work/debconf.conf"
rm -f /usr/share/pam-configs/{systemd,capability,mkhomedir}
DEBCONF_SYSTEMRC=$work/debconf.conf DEBIAN_FRONTEND=noninteractive pam-auth-update --force --enable unix csam csam-password
# the audit's login id belongs to the kernel, not to this view
sed -i '/pam_loginuid/d; /pam_selinux/d; /pam_keyinit/d; /pam_motd/d; /pam_mail/d' /etc/pam.d/*
printf '@include common-auth\n@include common-account\n' | tee /etc/pam.d/xlock > /etc/pam.d/login
for p in $people root; do echo "${p%:*} ALL=(ALL) ALL"; done > /etc/sudoers
chmod 440 /etc/sudoers

set +e

fake_agent() { # tests of the module alone; others start a real one
	/usr/bin/python3 "$top/tests/integration/pam/agent.py" /run/csam/agent.sock "$fake" > "$work/agent.log" 2>&1 &
	agent=$!
	for _ in $(seq 100); do [ ! -S /run/csam/agent.sock ] || break; sleep 0.05; done
}

port=$(while p=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do :; done; echo $p)
ssh="ssh -F none -p $port -o HostName=127.0.0.1 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o IdentityAgent=none -o IdentitiesOnly=yes"
sshd=
start_sshd() { # FILE [LINE]: sshd with this file of conf/sshd, and a line of our own
	[ -z "$sshd" ] || { kill "$sshd"; wait "$sshd" 2>/dev/null; }
	printf 'ListenAddress 127.0.0.1:%s\nHostKey %s\nUseDNS no\nMaxStartups 100\nUsePAM yes\nPrintMotd no\n%s\n' "$port" "$work/host.key" "${2:-}" > "$work/sshd_config"
	cat "$1" >> "$work/sshd_config"
	/usr/sbin/sshd -D -e -f "$work/sshd_config" >> "$work/sshd.log" 2>&1 &
	sshd=$!
	for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
}

start_cron() { # alice's job may run; bruno has no account to enter by
	for who in alice bruno; do
		printf '@reboot touch %s/ran\n' "$work/home/$who" > "/var/spool/cron/crontabs/$who"
		chown "$who:crontab" "/var/spool/cron/crontabs/$who"; chmod 600 "/var/spool/cron/crontabs/$who"
	done
	/usr/sbin/cron -f >> "$work/cron.log" 2>&1 &
}
