/* Takes away from the keyring process what it does not need. Each step that the machine refuses is logged as a warning. */
#ifndef CSAM_KEYRING_CONFINE_H
#define CSAM_KEYRING_CONFINE_H

/* While still root: an ordinary user may lock too little memory. */
void confine_allow_locking(void);

/* No core dumps, no debugger, no capabilities, no new rights by exec; nothing of its memory reaches the swap. After the user has changed, and before
 * keys are read. */
void confine_memory(void);

/* Keys have been exchanged: locks where they lie now, when confine_memory could not lock everything. */
void confine_lock_again(void);

/* After keys are read: locks where they lie, and allows system calls for serving only, and to write new files into the directory that dirfd is
 * open on and nowhere else: it opens no file that exists, no socket, and starts no process. */
void confine_calls(int dirfd);

#endif
