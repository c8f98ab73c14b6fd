/* Takes away from the keyring process what it does not need. Each step that the machine refuses is logged as a warning. */
#ifndef CSAM_KEYRING_CONFINE_H
#define CSAM_KEYRING_CONFINE_H

/* While still root: an ordinary user may lock too little memory. */
void confine_allow_locking(void);

/* No core dumps, no debugger, no new rights by exec; nothing of its memory reaches the swap. After the user has changed, which undoes some of this,
 * and before keys are read. */
void confine_memory(void);

/* After keys are read: locks where they lie, when confine_memory could not lock everything; then allows system calls for serving only: no
 * open, no socket, no exec, no fork, no ptrace. They fail with EPERM. */
void confine_calls(void);

#endif
