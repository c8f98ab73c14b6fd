/* What the module says to the system's log: one line for a denial that was decided here, never a secret. */
#include <string.h>
#include <syslog.h>
#include "call.h"

enum { SHOWN = 64 };

/* Others choose these values: nothing in them may look like another field, another line or a control sequence. */
static const char *shown(const char *value, char out[SHOWN + 1])
{
	size_t n = 0;

	for (; value != NULL && value[n] != '\0' && n < SHOWN; n++) {
		unsigned char c = (unsigned char)value[n];
		out[n] = c > ' ' && c < 0x7f && c != '=' && c != '"' && c != '\\' ? (char)c : '?';
	}
	out[n] = '\0';
	return n > 0 ? out : "-";
}

static const char *item(pam_handle_t *pamh, int which)
{
	const void *value = NULL;

	return pam_get_item(pamh, which, &value) == PAM_SUCCESS ? value : NULL;
}

static int line(const struct call *c, const char *decision, const char *reason, int rc)
{
	char user[SHOWN + 1], rhost[SHOWN + 1], service[SHOWN + 1];

	syslog(LOG_AUTHPRIV | LOG_NOTICE, "csam: %s user=%s rhost=%s service=%s reason=%s", decision, shown(c->user, user),
	    shown(item(c->pamh, PAM_RHOST), rhost), shown(item(c->pamh, PAM_SERVICE), service), reason);
	return rc;
}

int log_denied(const struct call *c, const char *reason, int rc)
{
	return line(c, "denied", reason, rc);
}

int log_down(const struct call *c, const char *reason, int rc)
{
	return line(c, "down", reason, rc);
}

void log_debug(const struct call *c, const char *what)
{
	char user[SHOWN + 1], service[SHOWN + 1];

	if (c->opt.debug)
		syslog(LOG_AUTHPRIV | LOG_DEBUG, "csam: debug user=%s service=%s %s", shown(c->user, user),
		    shown(item(c->pamh, PAM_SERVICE), service), what);
}

void log_options(pam_handle_t *pamh, const char *argument)
{
	char word[SHOWN + 1], service[SHOWN + 1];

	syslog(LOG_AUTHPRIV | LOG_ERR, "csam: pam_csam.so for service %s: unknown or wrong argument %s; nobody enters by it",
	    shown(item(pamh, PAM_SERVICE), service), shown(argument, word));
}
