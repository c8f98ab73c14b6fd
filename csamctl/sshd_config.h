/* Reads what sshd's configuration says for everybody (sshd_config(5)). */
#ifndef CSAMCTL_SSHD_CONFIG_H
#define CSAMCTL_SSHD_CONFIG_H

#include "base/arena.h"

/* The value of a keyword outside of Match blocks, through Include; the first counts. NULL: not set, or no such file. root stands
 * before every path. */
const char *sshd_config(struct arena *a, const char *root, const char *keyword);

#endif
