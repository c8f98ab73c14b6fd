/* What a process may do and whom it belongs to: dropping rights, dying with its parent, keeping few descriptors. */
#ifndef CSAM_PROCESS_H
#define CSAM_PROCESS_H

#include <stddef.h>
#include <sys/types.h>
#include "base/err.h"

/* Becomes uid and gid for good, without supplementary groups. uid -1: stays what it is. The parent-death signal, which the kernel
 * forgets when credentials change, is kept. E_BUG, logged, when it did not work: then the process must not go on. */
int process_drop(uid_t uid, gid_t gid);

/* The kernel kills this process when `parent` ends; exits at once when it has already. */
void process_die_with(pid_t parent);

/* Closes every descriptor but 0, 1, 2 and those in keep. */
void process_close_others(const int *keep, size_t n);

#endif
