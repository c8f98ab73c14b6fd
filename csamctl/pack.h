/* The files of a backup: copied whole and on the disk, listed with their hashes, and found as they were. */
#ifndef CSAMCTL_PACK_H
#define CSAMCTL_PACK_H

#include <sys/types.h>
#include "base/json.h"
#include "csamctl/ctl.h"

/* All say what went wrong, and give DONE or REFUSED. */

int pack_make_dir(const char *path);				/* a new folder of mode 0700 */
int pack_fill_dir(const char *path, uid_t uid, gid_t gid);	/* a folder that is empty, or is made with those it lies in */
int pack_new_file(const char *path, int *fd);			/* mode 0600, did not exist */
int pack_close(const char *path, int fd);			/* on the disk */
int pack_copy(const char *from, const char *to, uid_t uid, gid_t gid);
/* The files of a folder, each to a file of its name, and then the folders in it, as the files may need what is in those; what is neither is passed
 * over. A file that grows meanwhile is copied as far as it was. The folder `to` exists. */
int pack_copy_all(struct arena *a, const char *from, const char *to, uid_t uid, gid_t gid);

/* Runs a program of the directory (slapcat, slapadd) with these arguments, ending with NULL. */
int pack_run(char *const argv[]);

/* manifest.json of the folder: every file below it with size and SHA-256. It is written last, so that a backup without one is none. */
int pack_list(struct arena *a, const char *dir, json_t *about);
/* Reads it and looks at every file; *about is the manifest. */
int pack_verify(struct arena *a, const char *dir, json_t **about);

/* "what", the n-th of so many steps, on standard error. */
void pack_step(unsigned n, unsigned of, const char *what);

#endif
