/* Whose call is it, and what is the agent's word worth? The same for every entry point. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "call.h"

/* The line that begins with "name:". The file itself is asked, not the system's name service: root on the console must not wait for a network.
 * True also when the file cannot be read to its end (*broken): then nobody is known not to be local. */
static bool is_local(const char *name, bool *broken)
{
	char part[4096];
	size_t len = strlen(name), at = 0;	/* how much of the name this line has matched */
	bool matching = true;
	ssize_t n;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
		for (ssize_t i = 0; i < n; i++) {
			if (part[i] == '\n') {
				at = 0;
				matching = true;
			} else if (matching && at == len && part[i] == ':') {
				close(fd);
				return true;
			} else
				matching = matching && at < len && part[i] == name[at++];
		}
	*broken = fd < 0 || n < 0;
	if (fd >= 0)
		close(fd);
	return *broken;
}

static bool plain_name(const char *name)
{
	if (name == NULL || *name == '\0' || strnlen(name, MAX_USER + 1) > MAX_USER)
		return false;
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < ' ' || *name == 0x7f || *name == ':')
			return false;
	return true;
}

/* A name that the system does not know has no uid: then the name alone must fit (sshd asks about such names too). */
static int find_uid(struct call *c)
{
	char room[16 * 1024];
	struct passwd pw, *found = NULL;
	int rc = getpwnam_r(c->user, &pw, room, sizeof room, &found);

	if (rc == ERANGE || rc == ENOMEM)
		return log_down(c, "nss", PAM_SYSTEM_ERR);
	c->has_uid = found != NULL;
	if (found != NULL)
		c->uid = pw.pw_uid;
	return c->has_uid && c->uid < c->opt.min_uid ? PAM_IGNORE : PAM_SUCCESS;
}

int call_begin(struct call *c, pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const char *user = NULL, *wrong;
	bool broken = false;

	*c = (struct call){ .pamh = pamh, .flags = flags };
	wrong = options_read(&c->opt, argc, argv);
	int rc = pam_get_user(pamh, &user, NULL);
	if (rc != PAM_SUCCESS || user == NULL)
		return log_denied(c, "no_user", rc == PAM_SUCCESS ? PAM_USER_UNKNOWN : rc == PAM_CONV_AGAIN ? PAM_CONV_ERR : rc);
	if (!plain_name(user))
		return log_denied(c, "odd_user", PAM_USER_UNKNOWN);
	memcpy(c->user, user, strlen(user) + 1);
	if (is_local(c->user, &broken))
		return broken ? log_down(c, "etc_passwd", PAM_SYSTEM_ERR) : PAM_IGNORE;
	if (wrong != NULL) {
		log_options(pamh, wrong);
		return PAM_SERVICE_ERR;
	}
	return find_uid(c);
}

struct csam *call_agent(const struct call *c)
{
	return csam_open(c->opt.socket, c->opt.timeout_s * 1000);
}

static const char *text_item(const struct call *c, int which)
{
	const void *value = NULL;

	return pam_get_item(c->pamh, which, &value) == PAM_SUCCESS && value != NULL && *(const char *)value != '\0' ? value : NULL;
}

/* The language of "nl_BE.UTF-8". The caller of sudo or su may set it to what he likes: two or three letters pass. */
static const char *language(const struct call *c, char out[4])
{
	const char *all = pam_getenv(c->pamh, "LANG");
	size_t n;

	if (all == NULL)
		all = getenv("LANG");
	if (all == NULL || (n = strspn(all, "abcdefghijklmnopqrstuvwxyz")) < 2 || n > 3 || strchr("_.@", all[n]) == NULL)
		return NULL;
	memcpy(out, all, n);
	out[n] = '\0';
	return out;
}

/* sshd tells in PAM's environment, which nobody else writes before the person is in, what it has verified: one line for each method. Only
 * the sshd of the system is believed: a root process, also by its real uid, so no set-uid program that somebody started. */
static bool publickey(const struct call *c)
{
	const char *service = text_item(c, PAM_SERVICE), *info = pam_getenv(c->pamh, "SSH_AUTH_INFO_0");
	static const char word[] = "publickey ";

	if (!c->opt.after_publickey || service == NULL || strcmp(service, "sshd") != 0 || getuid() != 0 || geteuid() != 0)
		return false;
	while (info != NULL && *info != '\0') {
		if (strncmp(info, word, sizeof word - 1) == 0)
			return true;
		info = strchr(info, '\n');
		info += info != NULL;
	}
	return false;
}

struct csam_who call_who(const struct call *c, char lang[4])
{
	return (struct csam_who){ .user = c->user, .service = text_item(c, PAM_SERVICE), .rhost = text_item(c, PAM_RHOST), .tty = text_item(c, PAM_TTY),
	    .lang = language(c, lang), .publickey = publickey(c) };
}

/* sudo names this host. */
bool call_is_remote(const struct call *c)
{
	const char *rhost = text_item(c, PAM_RHOST);
	char here[HOST_NAME_MAX + 1];

	if (rhost == NULL || strcmp(rhost, "localhost") == 0)
		return false;
	return gethostname(here, sizeof here) != 0 || strcmp(rhost, here) != 0;
}

int call_same_person(const struct call *c, const struct csam_turn *t)
{
	const char *user = text_item(c, PAM_USER);

	if (user == NULL || strcmp(user, c->user) != 0)
		return log_denied(c, "user_changed", PAM_AUTH_ERR);
	if (t->name == NULL || strcmp(t->name, c->user) != 0)
		return log_denied(c, "other_name", PAM_AUTH_ERR);
	if (c->has_uid && t->has_uid && t->uid != c->uid)
		return log_denied(c, "other_uid", PAM_AUTH_ERR);
	if (t->has_uid && t->uid < c->opt.min_uid)
		return log_denied(c, "low_uid", PAM_AUTH_ERR);
	return PAM_SUCCESS;
}

/* A result that is not in the table, or that has no meaning in a phase, denies. */
int call_result(const struct call *c, enum phase phase, enum csam_result result)
{
	static const struct { enum csam_result result; int rc[3]; } table[] = {
		{ CSAM_ALLOW, { PAM_SUCCESS, PAM_SUCCESS, PAM_AUTHTOK_ERR } },
		{ CSAM_CHANGED, { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SUCCESS } },
		{ CSAM_DENY, { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_AUTHTOK_ERR } },
		{ CSAM_SUSPENDED, { PAM_ACCT_EXPIRED, PAM_ACCT_EXPIRED, PAM_AUTHTOK_ERR } },
		{ CSAM_NOT_ALLOWED, { PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_PERM_DENIED } },
		{ CSAM_UNKNOWN, { PAM_USER_UNKNOWN, PAM_USER_UNKNOWN, PAM_USER_UNKNOWN } },
		{ CSAM_MUST_CHANGE, { PAM_AUTH_ERR, PAM_NEW_AUTHTOK_REQD, PAM_AUTHTOK_ERR } },
		{ CSAM_DOWN, { PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL } },
	};

	if (result == CSAM_DOWN)
		return log_down(c, "agent", PAM_AUTHINFO_UNAVAIL);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].result == result)
			return table[i].rc[phase];
	return log_down(c, "protocol", PAM_SYSTEM_ERR);
}
