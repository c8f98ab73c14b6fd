/* Draws what the agent asks, in the way of PAM: one prompt after the other. */
#ifndef PAM_CSAM_TURNS_H
#define PAM_CSAM_TURNS_H

#include "call.h"
#include "libcsam/card.h"

/* What the person has given so far. Wiped by turns_wipe. */
struct given {
	char secret[MAX_RESPONSE + 1];	/* the last password */
	char first[MAX_RESPONSE + 1];	/* the first one: in a password change, the present one */
	char code[MAX_RESPONSE + 1], text[MAX_RESPONSE + 1];
	char sign[CSAM_MAX_SIGN + 1];	/* what the card signed; "none" */
	const char *choice;
	unsigned secrets;		/* how many passwords were given */
	bool single;			/* one string holds password and code */
	bool offered, prompted;		/* the password of an earlier module was used; the person was asked for one */
};

/* Runs the conversation from *t to its end. PAM_SUCCESS: *t has the agent's result. Else the conversation failed here; it is logged, and
 * its code is to be returned. */
int turns_run(const struct call *c, struct csam *agent, struct csam_turn *t, struct given *g);

/* One of n, by its number: PAM_SUCCESS with its index, or the code to return, logged. */
int turns_pick(const struct call *c, const char *prompt, const char *const *labels, size_t n, size_t *out);

/* A turn that wants the card's signature: fills g->sign, or returns the code to return, logged. */
int card_give(const struct call *c, const struct csam_turn *t, struct given *g);

/* Does this service ask for one string? */
bool turns_single(const struct call *c);

void turns_wipe(struct given *g);

/* pam_conv(3) with one message. ask: PAM_SUCCESS, or the code to return, logged. show: what the person needs in order to answer.
 * tell: what a quiet program leaves out. */
int talk_ask(const struct call *c, int style, const char *prompt, char out[MAX_RESPONSE + 1]);
void talk_show(const struct call *c, int style, const char *text);
void talk_tell(const struct call *c, int style, const char *text);

#endif
