/* Files that are read whole, or are there whole or not at all, also after the power went. */
#ifndef CSAM_FILE_H
#define CSAM_FILE_H

#include <dirent.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/err.h"

/* The whole of a regular file. E_NOENT (not logged) when there is none, E_INPUT when it is larger than max bytes, E_DOWN when it cannot be read. */
int file_read(struct arena *a, const char *path, size_t max, struct slice *out);

/* The functions below log nothing: where they fail, errno says why. */

/* What is left of an open file. E_INPUT (errno EFBIG): more than max bytes. E_DOWN. */
int file_read_rest(struct arena *a, int fd, size_t max, struct slice *out);

/* Everything, however little the system takes at a time; it may not be on the disk yet. E_DOWN. */
int file_write(int fd, struct slice bytes);

/* A new file in the folder dirfd (AT_FDCWD: name is a path), on the disk. E_EXISTS; E_DOWN: nothing is left of it. */
int file_create(int dirfd, const char *name, mode_t mode, struct slice bytes);

/* Takes the place of that file of ours, if there is one (mode 0600): it is on the disk before it gets its name, and the name before we go on (not with
 * AT_FDCWD, where name is a path). What is half done is called "name.new". E_DOWN: as it was before. */
int file_replace(int dirfd, const char *name, struct slice bytes);

/* Names in the folder are on the disk. E_DOWN. */
int file_sync_folder(const char *path);

/* AUTO(file_close) int fd: closed at the end unless it is negative; errno stays. AUTO(file_close_folder) DIR *d: unless it is NULL. */
void file_close(int *fd);
void file_close_folder(DIR **d);

#endif
