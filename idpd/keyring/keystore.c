/* The keys of the keyring and the file they live in. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "keyring/keystore.h"

enum { FILE_MAX = 1024 * 1024, FORMAT = 2 };
static const char file_name[] = "keyring.json";

int keystore_make_dir(const char *dir, uid_t uid, gid_t gid)
{
	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST ? OK : fail(E_INPUT, "%s: %s", dir, strerror(errno));
	if (uid != (uid_t)-1 && uid != geteuid() && lchown(dir, uid, gid) != 0)
		return fail(E_DOWN, "%s: %s", dir, strerror(errno));
	return OK;
}

/* Nobody but us may read or write it. */
static int check_private(int fd, mode_t type, const char *dir, const char *name)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return fail(E_DOWN, "%s%s: %s", dir, name, strerror(errno));
	if ((st.st_mode & S_IFMT) != type)
		return fail(E_INPUT, "%s%s: is no %s", dir, name, type == S_IFDIR ? "directory" : "regular file");
	if (st.st_uid != geteuid())
		return fail(E_INPUT, "%s%s: belongs to user %d and must belong to %d", dir, name, (int)st.st_uid, (int)geteuid());
	if ((st.st_mode & 077) != 0)
		return fail(E_INPUT, "%s%s: has mode %04o: nobody but its owner may have access", dir, name, (unsigned)st.st_mode & 07777);
	return OK;
}

static int open_dir(const char *dir, int *out)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(E_INPUT, "%s: %s", dir, errno == ELOOP || errno == ENOTDIR ? "is no directory, or a symbolic link" : strerror(errno));
	int e = check_private(fd, S_IFDIR, dir, "");
	if (e == OK && flock(fd, LOCK_EX | LOCK_NB) != 0)
		e = fail(E_EXISTS, "%s: another keyring uses it", dir);
	if (e != OK) {
		close(fd);
		return e;
	}
	*out = fd;
	return OK;
}

static int save(int dirfd, const char *dir, struct slice text)
{
	return file_replace(dirfd, file_name, text) == OK ? OK : fail(E_DOWN, "%s/%s: %s", dir, file_name, strerror(errno));
}

static int create(struct arena *a, int dirfd, const char *dir)
{
	json_t *root = json_own(a, json_object()), *keys = json_array();
	json_object_set_new(root, "format", json_integer(FORMAT));
	json_object_set_new(root, "keys", keys);
	for (const struct ring_kind *k = ring_kinds; k->use != NULL; k++)
		json_array_append(keys, ring_key_make(a, k, now()));
	log_info("%s: no keyring.json there: new keys are made", dir);
	return save(dirfd, dir, json_text(a, root));
}

/* E_NOENT only when there is nothing of that name. */
static int load(struct arena *a, int dirfd, const char *dir, struct slice *out)
{
	AUTO(file_close) int fd = openat(dirfd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return E_NOENT;
	if (fd < 0)
		return fail(E_INPUT, "%s/%s: %s", dir, file_name, errno == ELOOP ? "is a symbolic link" : strerror(errno));
	int e = check_private(fd, S_IFREG, dir, "/keyring.json");
	if (e != OK)
		return e;
	e = file_read_rest(a, fd, FILE_MAX, out);
	return e == OK ? OK : fail(e, "%s/%s: %s", dir, file_name, strerror(errno));
}

static int parse(struct arena *a, json_t *root, const char *dir, struct keystore *s)
{
	const char *why = NULL;
	const json_t *keys = json_object_get(root, "keys");
	json_int_t format = json_integer_value(json_object_get(root, "format"));
	size_t n = json_array_size(keys);
	if (format < 1 || format > FORMAT || n == 0 || n > KEYSTORE_KEYS_MAX)
		return fail(E_INPUT, "%s/%s: is not a keyring of format %d with at most %d keys", dir, file_name, FORMAT, KEYSTORE_KEYS_MAX);
	s->keys = ARENA_ARRAY(a, struct ring_key, n);
	for (size_t i = 0; i < n; i++)
		if (ring_key_read(a, json_array_get(keys, i), &s->keys[s->n++], &why) != OK)
			return fail(E_INPUT, "%s/%s: key %zu: %s", dir, file_name, i + 1, why);
	s->otp_after = (time_t)json_integer_value(json_object_get(root, "otp_after"));
	s->follows = json_is_true(json_object_get(root, "follows"));
	s->root = root;
	s->a = a;
	return OK;
}

/* Signing keys may be missing (an algorithm that is not offered any more); without the secrets nothing works. People's subjects rest on one key
 * that never changes: two of them would be a guess. */
static int check_needed(const struct keystore *s, const char *dir)
{
	size_t subjects = 0;
	for (const struct ring_kind *k = ring_kinds; k->use != NULL; k++)
		if (strcmp(k->kty, "oct") == 0 && keystore_current(s, k->use, NULL, now()) == NULL)
			return fail(E_INPUT, "%s/%s: has no key for use \"%s\"", dir, file_name, k->use);
	for (size_t i = 0; i < s->n; i++)
		subjects += strcmp(s->keys[i].kind->use, "subject") == 0;
	return subjects == 1 ? OK : fail(E_INPUT, "%s/%s: has %zu keys for use \"subject\"", dir, file_name, subjects);
}

/* A keyring of format 1 has no key of its node. */
static int upgrade(struct arena *a, json_t *root, int dirfd, const char *dir)
{
	const struct ring_kind *node = ring_kinds;
	if (json_integer_value(json_object_get(root, "format")) != 1)
		return OK;
	while (strcmp(node->use, "node") != 0)
		node++;
	json_object_set_new(root, "format", json_integer(FORMAT));
	json_array_append(json_object_get(root, "keys"), ring_key_make(a, node, now()));
	return save(dirfd, dir, json_text(a, root));
}

static int read_in(struct arena *a, int dirfd, const char *dir, struct keystore *s)
{
	AUTO_ARENA tmp = arena_new();	/* the text of the keys does not outlive this */
	const char *why = NULL;
	struct slice text;
	json_t *root;
	int e = load(tmp, dirfd, dir, &text);
	if (e == E_NOENT && (e = create(tmp, dirfd, dir)) == OK)
		e = load(tmp, dirfd, dir, &text);
	if (e != OK)
		return e;
	if (json_parse(a, text, &root, &why) != OK)
		return fail(E_INPUT, "%s/%s: %s", dir, file_name, why);
	e = parse(a, root, dir, s);
	if (e == OK && json_integer_value(json_object_get(root, "format")) == 1) {
		e = upgrade(tmp, root, dirfd, dir);
		s->n = 0;
		e = e == OK ? parse(a, root, dir, s) : e;
	}
	return e == OK ? check_needed(s, dir) : e;
}

int keystore_open(struct arena *a, const char *dir, struct keystore *out)
{
	struct keystore s = { .lock = -1, .dir = arena_strdup(a, dir) };
	int e = open_dir(dir, &s.lock);
	if (e == OK)
		e = read_in(a, s.lock, dir, &s);
	if (e == OK)
		*out = s;
	else if (s.lock >= 0)
		close(s.lock);
	return e;
}

int keystore_change(struct arena *a, const struct keystore *old, json_t *root, struct keystore *out)
{
	AUTO_ARENA tmp = arena_new();
	struct keystore s = { .lock = old->lock, .dir = arena_strdup(a, old->dir) };
	int e = parse(a, json_own(a, json_incref(root)), s.dir, &s);
	if (e == OK)
		e = check_needed(&s, s.dir);
	if (e == OK)
		e = save(s.lock, s.dir, json_text(tmp, root));
	if (e == OK)
		*out = s;
	return e;
}

int keystore_plant(const char *dir, json_t *root, uid_t uid, gid_t gid)
{
	AUTO_ARENA a = arena_new();
	struct keystore s = { .lock = -1 };
	AUTO(file_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(E_DOWN, "%s: %s", dir, strerror(errno));
	if (faccessat(fd, file_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fail(E_EXISTS, "%s/%s: exists and is not replaced", dir, file_name);
	int e = parse(a, json_own(a, json_incref(root)), dir, &s);
	if (e == OK)
		e = check_needed(&s, dir);
	if (e == OK)
		e = save(fd, dir, json_text(a, root));
	if (e == OK && uid != (uid_t)-1 && uid != geteuid() && fchownat(fd, file_name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(E_DOWN, "%s/%s: %s", dir, file_name, strerror(errno));
	return e;
}
