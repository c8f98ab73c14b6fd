/* Reads the service files of PAM (pam.conf(5)): which modules follow each other. */
#ifndef CSAMCTL_PAM_STACK_H
#define CSAMCTL_PAM_STACK_H

#include "base/arena.h"
#include "base/err.h"

enum { PAM_MODULES_MAX = 64 };

struct pam_stack {
	const char *modules[PAM_MODULES_MAX];	/* names without folder, in order */
	size_t n;
};

/* The modules that a service calls for type ("auth", "account" …), through @include, include and substack. OK; E_NOENT: no such
 * file; E_LIMIT: longer or deeper than we look; E_INPUT: cannot be read. */
int pam_stack(struct arena *a, const char *pam_d, const char *service, const char *type, struct pam_stack *out);

bool pam_stack_has(const struct pam_stack *s, const char *module);
/* Does `next` stand somewhere behind the last `module`? */
bool pam_stack_follows(const struct pam_stack *s, const char *module, const char *next);

#endif
