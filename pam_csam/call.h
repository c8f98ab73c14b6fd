/* One call of a PAM entry point: whom it is about, with which options, and what is said to the person and to the log. */
#ifndef PAM_CSAM_CALL_H
#define PAM_CSAM_CALL_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <sys/types.h>
#include "libcsam/csam.h"

#define EXPORT __attribute__((visibility("default")))

enum { MAX_USER = 256, MAX_RESPONSE = PAM_MAX_RESP_SIZE };

enum prompting { PROMPT_AUTO, PROMPT_TWO, PROMPT_SINGLE, PROMPT_DEVICE, PROMPT_CARD };

struct options {
	const char *socket;		/* NULL: the agent's own place */
	unsigned long min_uid;
	unsigned timeout_s;
	enum prompting prompting;
	bool after_publickey, use_first_pass, try_first_pass, no_card, quiet, debug;
};

struct call {
	pam_handle_t *pamh;
	int flags;
	struct options opt;
	char user[MAX_USER + 1];	/* PAM_USER as it was at the beginning */
	bool has_uid;
	uid_t uid;			/* as the system knows it */
};

/* Reads the module's arguments. The first that is unknown or odd, or NULL when all is well. */
const char *options_read(struct options *o, int argc, const char **argv);

/* Whose call is this? PAM_SUCCESS: ours. PAM_IGNORE: a local user's, or below min_uid. Anything else is to be returned at once. */
int call_begin(struct call *c, pam_handle_t *pamh, int flags, int argc, const char **argv);

/* Connects, and says who is asked about. NULL when nobody answers. */
struct csam *call_agent(const struct call *c);
struct csam_who call_who(const struct call *c, char lang[4]);

/* Does the person sit elsewhere, as far as the program says? */
bool call_is_remote(const struct call *c);

/* CSAM_ALLOW is for one name and one uid: PAM_SUCCESS when they are those of this call, else PAM_AUTH_ERR, logged. */
int call_same_person(const struct call *c, const struct csam_turn *t);

/* What a result of the agent is worth in each phase; one table. Logs what the agent cannot have logged. */
enum phase { PHASE_AUTH, PHASE_ACCOUNT, PHASE_PASSWORD };
int call_result(const struct call *c, enum phase phase, enum csam_result result);

/* The one line of a decision that was taken here, not by the agent: no, or broken. Returns rc. */
int log_denied(const struct call *c, const char *reason, int rc);
int log_down(const struct call *c, const char *reason, int rc);
void log_debug(const struct call *c, const char *what);
void log_options(pam_handle_t *pamh, const char *argument);

/* Cleanup attribute: closes the conversation whatever happens. */
static inline void close_agent(struct csam **agent)
{
	*agent = csam_close(*agent);
}

#endif
