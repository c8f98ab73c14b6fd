/* One mail to one mailbox by SMTP (RFC 5321). TLS is verified; connections are kept. */
#ifndef CSAM_PARTNER_SMTP_H
#define CSAM_PARTNER_SMTP_H

#include "base/arena.h"
#include "base/err.h"

struct smtp_server {
	const char *url;		/* smtp://host[:port] or smtps://host[:port] */
	const char *name;		/* ours, for EHLO */
	bool plain;			/* no TLS on smtp://; else STARTTLS must work (RFC 3207) */
	const char *ca_file;		/* NULL or "": the system's */
	const char *user, *password;	/* NULL or "": no AUTH. Never without TLS */
	unsigned timeout_ms;
};

struct smtp_answer {
	long code;			/* the server's last reply; 0: none */
	bool handed_over;		/* every byte of the mail went: without a reply it cannot be known whether the server has it */
	bool sender_refused;		/* MAIL FROM: every mail will be */
	bool at_rcpt;			/* it spoke about this recipient, or this mail */
	const char *why;
};

/* from, to: addresses that outbox_mail_address() accepts, else E_INPUT. mail: the whole message, lines ending in CR LF.
 * OK: the server took it. E_DOWN: it did not, see *out (not logged). E_WAIT. */
int partner_smtp(struct arena *a, const struct smtp_server *s, const char *from, const char *to, struct slice mail, struct smtp_answer *out);

/* Connects, begins TLS, authenticates, and says NOOP. */
int partner_smtp_check(struct arena *a, const struct smtp_server *s, struct smtp_answer *out);

#endif
