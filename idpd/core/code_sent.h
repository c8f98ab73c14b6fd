/* A code that is sent: what the kinds mail and sms have in common. */
#ifndef CSAM_CODE_SENT_H
#define CSAM_CODE_SENT_H

#include "core/kinds.h"

enum { CODE_SENT_DIGITS = 6, CODE_SENT_LIFE_S = 10 * 60, CODE_SENT_TRIES = 5 };

/* The step of such a kind. Texts: hint_id (with {what}, the masked address) while a code is under way, text_id of the message (with {code} and
 * {minutes}, and what the engine adds: {service}, {time}, {place}, {host}), new_id where somebody gives the address for the first time: it may
 * reach a stranger, whose password nobody knows. One code at a time; it lives in the conversation alone, for ten minutes and
 * five tries (NIST SP 800-63B 5.1.3.2: six digits, ten minutes, once). */
struct code_sent {
	enum channel channel;
	const char *hint_id, *text_id, *new_id;
};
enum verdict code_sent_verify(struct step *s, const struct code_sent *how);

/* What the message tells beside the code: for what, from where and when it was asked for, so that people notice what is not theirs. */
struct code_asked {
	const char *lang, *peer, *agent;	/* agent: the browser; NULL: not known */
	const struct service *service;		/* NULL: our own pages */
};
void code_sent_tell(struct arena *a, struct message *m, const struct code_asked *by);

bool code_sent_by_mail(void), code_sent_by_sms(void);	/* for key_kind.ready */

#endif
