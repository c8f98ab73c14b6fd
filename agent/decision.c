/* One line for each decision. */
#include <stdio.h>
#include <syslog.h>
#include "agent/decision.h"
#include "base/log.h"

enum { VALUE_MAX = 128 };

static bool syslogging;

void decision_open(bool to_syslog)
{
	if (to_syslog && !syslogging)
		openlog("csam-agent", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	syslogging = to_syslog;
}

/* Whoever logs in chooses these: no space, no quote, no equals sign may pass for another field. */
static void clean(struct slice v, char out[VALUE_MAX])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:%+-";
	size_t n = 0;
	for (; n < v.n && n < VALUE_MAX - 1; n++)
		out[n] = v.p[n] != '\0' && strchr(plain, v.p[n]) != NULL ? v.p[n] : '?';
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
}

void decision_format(const struct decision *d, char *out, size_t n)
{
	char user[VALUE_MAX], rhost[VALUE_MAX], service[VALUE_MAX];
	clean(d->user, user);
	clean(d->rhost, rhost);
	clean(d->service, service);
	snprintf(out, n, "csam: %s user=%s rhost=%s service=%s reason=%s", d->what, user, rhost, service, d->reason);
}

void decision_write(const struct decision *d)
{
	char line[4 * VALUE_MAX + 128];
	decision_format(d, line, sizeof line);
	if (syslogging)
		syslog(LOG_NOTICE, "%s", line);
	else if (strcmp(d->what, "denied") == 0)
		log_warn("%s", line);
	else
		log_info("%s", line);
}
