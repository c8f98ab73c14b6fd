/* pam_sm_authenticate and pam_sm_setcred: who is it? */
#include <string.h>
#include "turns.h"

static const char outcome_name[] = "csam.outcome";
static const char ignored[] = "ignored", allowed[] = "allowed", denied[] = "denied";

static int remember(pam_handle_t *pamh, const char *outcome)
{
	return pam_set_data(pamh, outcome_name, (void *)(size_t)outcome, NULL);
}

/* A wrong answer costs time, and so does what sshd asks about people who do not exist. */
static void delay(pam_handle_t *pamh)
{
	pam_fail_delay(pamh, 2000000);
}

static int allow(const struct call *c, const struct csam_turn *t, const struct given *g)
{
	int rc = call_same_person(c, t);

	/* for modules that follow: keyrings, mounts. Only what is a password; never a code. */
	if (rc == PAM_SUCCESS && g->secrets > 0)
		rc = pam_set_item(c->pamh, PAM_AUTHTOK, g->secret);
	return rc;
}

/* What can be asked here: one string holds a password and a code and nothing else; whoever is to sign in on another device is asked for no password. */
static unsigned can(const struct call *c, const struct given *g, const struct csam_who *who)
{
	if (g->single)
		return CSAM_SECRET | CSAM_CODE;
	unsigned all = CSAM_CODE | CSAM_TEXT | CSAM_CHOICE | CSAM_SHOW | CSAM_DEVICE;
	if (c->opt.prompting == PROMPT_CARD)
		return CSAM_SIGN | CSAM_CHOICE | CSAM_SHOW;
	if (c->opt.prompting == PROMPT_DEVICE)
		return all;
	/* the reader of this machine is not before whom it does not see */
	return all | CSAM_SECRET | (c->opt.no_card || call_is_remote(c) || who->publickey ? 0 : CSAM_SIGN);
}

static int authenticate(const struct call *c)
{
	__attribute__((cleanup(turns_wipe))) struct given g = { .single = turns_single(c) };
	__attribute__((cleanup(close_agent))) struct csam *agent = call_agent(c);
	struct csam_turn t = { .result = CSAM_DOWN };
	char lang[4];

	if (agent != NULL) {
		struct csam_who who = call_who(c, lang);
		who.can = can(c, &g, &who);
		csam_authenticate(agent, &who, &t);
		int rc = turns_run(c, agent, &t, &g);
		if (rc != PAM_SUCCESS)
			return rc;
	}
	if (t.result == CSAM_ALLOW)
		return allow(c, &t, &g);
	return call_result(c, PHASE_AUTH, t.result);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call c;
	int rc = remember(pamh, denied);

	if (rc != PAM_SUCCESS)
		return PAM_SYSTEM_ERR;
	rc = call_begin(&c, pamh, flags, argc, argv);
	if (rc == PAM_SUCCESS) {
		rc = authenticate(&c);
		if (rc == PAM_SUCCESS)
			return remember(pamh, allowed) == PAM_SUCCESS ? PAM_SUCCESS : PAM_SYSTEM_ERR;
		if (rc != PAM_AUTHINFO_UNAVAIL)
			delay(pamh);
	}
	if (rc == PAM_IGNORE && remember(pamh, ignored) != PAM_SUCCESS)
		return PAM_SYSTEM_ERR;
	return rc;
}

/* There are no credentials to set. The answer is that of authenticate, because libpam may walk the stack anew; where authenticate was never
 * asked (sshd after a public key, or in its child), we have nothing to say. */
EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *outcome = NULL;
	struct call c;
	int rc = call_begin(&c, pamh, flags, argc, argv);

	if (rc != PAM_SUCCESS)
		return rc;
	if (pam_get_data(pamh, outcome_name, &outcome) != PAM_SUCCESS || outcome == NULL || strcmp(outcome, ignored) == 0)
		return PAM_IGNORE;
	return strcmp(outcome, allowed) == 0 ? PAM_SUCCESS : PAM_CRED_ERR;
}
