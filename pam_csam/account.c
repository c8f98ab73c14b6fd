/* pam_sm_acct_mgmt: may they enter, however they were proven? And the session's hooks, which have nothing to do. */
#include "turns.h"

static int account(const struct call *c, struct csam_turn *t)
{
	__attribute__((cleanup(close_agent))) struct csam *agent = call_agent(c);
	char lang[4];

	*t = (struct csam_turn){ .result = CSAM_DOWN };
	if (agent == NULL)
		return call_result(c, PHASE_ACCOUNT, CSAM_DOWN);
	const struct csam_who who = call_who(c, lang);
	csam_account(agent, &who, t);
	if (t->result == CSAM_ALLOW)	/* its texts end with the agent */
		return call_same_person(c, t) == PAM_SUCCESS ? PAM_SUCCESS : PAM_PERM_DENIED;
	talk_tell(c, PAM_ERROR_MSG, t->message);
	return call_result(c, PHASE_ACCOUNT, t->result);
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call c;
	struct csam_turn t;
	int rc = call_begin(&c, pamh, flags, argc, argv);

	return rc == PAM_SUCCESS ? account(&c, &t) : rc;
}

static int no_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct call c;
	int rc = call_begin(&c, pamh, flags, argc, argv);

	return rc == PAM_SUCCESS ? PAM_IGNORE : rc;
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return no_session(pamh, flags, argc, argv);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return no_session(pamh, flags, argc, argv);
}
