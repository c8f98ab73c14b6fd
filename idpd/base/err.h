/* What a function that can fail returns, and what "is it them?" is answered with. */
#ifndef CSAM_ERR_H
#define CSAM_ERR_H

/* Each error is an action for the caller. Whoever first meets a foreign error logs it once
 * (fail(), log.h) and returns one of these; nobody above logs it again. */
enum err {
	OK = 0,
	E_INPUT = -1,	/* the caller's input is wrong: say what, change nothing */
	E_NOENT = -2,	/* it is not there (or not any more) */
	E_EXISTS = -3,	/* somebody was first: a race lost, or a second use */
	E_LIMIT = -4,	/* slow down */
	E_DOWN = -5,	/* a service does not answer: try later; never counts as a wrong try */
	E_BUG = -6,	/* ours */
	E_WAIT = -7,	/* this would block and the thread may not: run again in a worker (wait.h) */
};

/* The answer to "is it them?" is not an error. Deny is zero, so that whatever was zeroed, lost or
 * forgotten denies; the others are far apart in bits, so that one flipped bit does not allow. */
enum verdict {
	V_DENY = 0,
	V_MORE = 0x2d71a3c9,	/* one more turn */
	V_ALLOW = 0x528e5c36,
	V_DOWN = 0x0f0f3355,	/* broken is not no */
};

#endif
