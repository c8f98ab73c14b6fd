/* Names that no person may have on a host. */
#include "core/names.h"

enum { NAME_MOST = 32 };

/* Debian's base-passwd, and what packages and administrators commonly add with rights of its own. */
static const char *const reserved[] = {
	"root", "toor", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data", "backup", "list", "irc",
	"gnats", "nobody", "messagebus", "sshd", "polkitd", "postfix", "dovecot", "dovenull", "openldap", "postgres", "mysql", "redis", "ntp",
	"chrony", "tss", "uuidd", "tcpdump", "avahi", "colord", "saned", "usbmux", "dnsmasq", "bind", "nslcd", "sssd", "munin", "nagios", "zabbix",
	"libvirt-qemu", "lxd", "docker", "admin", "administrator", "sudo", "wheel", "adm", "shadow", "staff", "operator", "halt", "shutdown",
	"csam", "csam-agent", "csam-keyring", "idpd",
};

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool fits_a_name(char c)
{
	return is_letter(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool name_is_reserved(struct slice name)
{
	if (name.n == 0 || name.n > NAME_MOST || !is_letter(name.p[0]))
		return true;		/* "_apt" and its kin too */
	for (size_t i = 0; i < name.n; i++)
		if (!fits_a_name(name.p[i]))
			return true;
	if (slice_starts(name, S("systemd-")) || slice_starts(name, S("debian-")))
		return true;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (slice_is(name, reserved[i]))
			return true;
	return false;
}
