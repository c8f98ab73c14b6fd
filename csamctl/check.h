/* The doctor: checks that look at one thing each and say one line each. */
#ifndef CSAMCTL_CHECK_H
#define CSAMCTL_CHECK_H

#include "csamctl/ctl.h"

struct dir;
struct check {
	struct ctl *c;
	struct dir *dir;	/* the administrator's; NULL when the directory does not answer */
	unsigned failed, warned;
};

/* "what", or "what → what to do". */
void check_ok(struct check *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_warn(struct check *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_fail(struct check *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void check_files(struct check *k);		/* check_host.c: modes, certificate, clock, keyring, issuer */
void check_clock(struct check *k);
void check_keyring(struct check *k);
void check_issuer_answers(struct check *k);
void check_tree(struct check *k);		/* check_directory.c */
void check_schema(struct check *k);
void check_sync(struct check *k);
void check_ppolicy(struct check *k);
void check_decoy(struct check *k);
void check_secrets(struct check *k);		/* check_secrets.c: who can read what nobody may read */

#endif
