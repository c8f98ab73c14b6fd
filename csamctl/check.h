/* The doctor: checks that look at one thing each and say one line each. */
#ifndef CSAMCTL_CHECK_H
#define CSAMCTL_CHECK_H

#include "base/json.h"
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

int check_end(const struct check *k);		/* how many they were: the exit code */

void check_files(struct check *k);		/* check_machine.c: modes, certificate, clock, keyring */
void check_clock(struct check *k);
void check_keyring(struct check *k);
void check_issuer_answers(struct check *k);	/* check_issuer.c */
void check_tree(struct check *k);		/* check_directory.c */
void check_upgrade(struct check *k);
void check_sync(struct check *k);
void check_ppolicy(struct check *k);
void check_decoy(struct check *k);
void check_outgoing(struct check *k);	/* outgoing.c: mail server, SMS gateway, outbox */
void check_secrets(struct check *k);		/* check_secrets.c: who can read what nobody may read */

/* The metadata of the issuer that answers at its address by that name; or NULL, after saying what is wrong. *page: what came, status 0 when nothing did. */
struct page;
const json_t *check_metadata(struct check *k, const char *issuer, const char *ca_file, struct page *page);

/* What is looked at on a host (check --host). root stands before the paths of files: "" or a folder. */
struct agent_conf;
struct host {
	const struct agent_conf *conf;	/* csam.conf; NULL when it has an error */
	const char *root, *user;	/* user: a person of the directory, or NULL */
	bool here;			/* root is "": processes, sockets and users are this machine's own */
};
int check_host_run(struct ctl *c);				/* check_agent.c */
void check_login(struct check *k, const struct host *h);	/* check_login.c: PAM, sshd, saslauthd */
void check_card(struct check *k, const struct host *h);		/* check_card.c: the reader of cards */
void check_user(struct check *k, const struct host *h, bool known, unsigned long uid);	/* check_nss.c: uid as the directory has it */
void check_shadow(struct check *k, const struct host *h);

#endif
