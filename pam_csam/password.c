/* pam_sm_chauthtok: changes the password in the directory, by the rules of the directory. */
#include "turns.h"

/* Login programs ask for a change only where the account phase wanted one. */
static bool expired(const struct call *c, struct csam *agent, struct csam_turn *t)
{
	char lang[4];
	const struct csam_who who = call_who(c, lang);

	return csam_account(agent, &who, t) == CSAM_MUST_CHANGE;
}

/* First pass: is anybody there? Nothing is asked, nothing is changed. */
static int prepare(const struct call *c)
{
	__attribute__((cleanup(close_agent))) struct csam *agent = call_agent(c);
	struct csam_turn t;

	if (agent == NULL)
		return call_result(c, PHASE_PASSWORD, CSAM_DOWN);
	if (!(c->flags & PAM_CHANGE_EXPIRED_AUTHTOK) || expired(c, agent, &t))
		return PAM_SUCCESS;
	return t.result == CSAM_DOWN ? call_result(c, PHASE_PASSWORD, CSAM_DOWN) : PAM_IGNORE;
}

static int changed(const struct call *c, const struct given *g)
{
	int rc = PAM_SUCCESS;

	/* the present one, the new one, the new one again: other orders tell us less */
	if (g->secrets == 3)
		rc = pam_set_item(c->pamh, PAM_OLDAUTHTOK, g->first);
	if (rc == PAM_SUCCESS && g->secrets > 1)
		rc = pam_set_item(c->pamh, PAM_AUTHTOK, g->secret);
	return rc;
}

static int change(const struct call *c)
{
	__attribute__((cleanup(turns_wipe))) struct given g = { .offered = true };
	__attribute__((cleanup(close_agent))) struct csam *agent = call_agent(c);
	struct csam_turn t = { .result = CSAM_DOWN };
	char lang[4];

	if (agent == NULL)
		return call_result(c, PHASE_PASSWORD, CSAM_DOWN);
	struct csam_who who = call_who(c, lang);
	who.can = CSAM_SECRET | CSAM_CODE | CSAM_TEXT | CSAM_CHOICE;
	csam_password(agent, &who, &t);
	int rc = turns_run(c, agent, &t, &g);
	if (rc != PAM_SUCCESS)
		return rc == PAM_AUTH_ERR ? PAM_AUTHTOK_ERR : rc;
	return t.result == CSAM_CHANGED ? changed(c, &g) : call_result(c, PHASE_PASSWORD, t.result);
}

static bool still_wanted(const struct call *c)
{
	__attribute__((cleanup(close_agent))) struct csam *agent = NULL;
	struct csam_turn t;

	if (!(c->flags & PAM_CHANGE_EXPIRED_AUTHTOK))
		return true;
	agent = call_agent(c);
	return agent == NULL || expired(c, agent, &t) || t.result == CSAM_DOWN;
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call c;
	int rc = call_begin(&c, pamh, flags, argc, argv);

	if (rc != PAM_SUCCESS)
		return rc;
	c.opt.use_first_pass = c.opt.try_first_pass = false;
	if (flags & PAM_PRELIM_CHECK)
		return prepare(&c);
	return still_wanted(&c) ? change(&c) : PAM_IGNORE;
}
