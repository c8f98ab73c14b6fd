/* The keys of the keyring and the file they live in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "keyring/keystore.h"

enum { FILE_MAX = 1024 * 1024, FORMAT = 1 };
static const char file_name[] = "keyring.json", new_name[] = "keyring.json.new";

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

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

static int write_all(int fd, struct slice text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return E_DOWN;
		text.p += n;
		text.n -= (size_t)n;
	}
	return OK;
}

/* All or nothing, also when the power goes: the new file is on disk before it gets its name, and the name before we go on. */
static int save(int dirfd, const char *dir, struct slice text)
{
	if (unlinkat(dirfd, new_name, 0) != 0 && errno != ENOENT)
		return fail(E_DOWN, "%s/%s: %s", dir, new_name, strerror(errno));
	AUTO(close_fd) int fd = openat(dirfd, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, text) != OK || fsync(fd) != 0 ||
	    renameat(dirfd, new_name, dirfd, file_name) != 0 || fsync(dirfd) != 0)
		return fail(E_DOWN, "%s/%s: %s", dir, file_name, strerror(errno));
	return OK;
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
	AUTO(close_fd) int fd = openat(dirfd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return E_NOENT;
	if (fd < 0)
		return fail(E_INPUT, "%s/%s: %s", dir, file_name, errno == ELOOP ? "is a symbolic link" : strerror(errno));
	int e = check_private(fd, S_IFREG, dir, "/keyring.json");
	if (e != OK)
		return e;
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size > FILE_MAX)
		return fail(E_INPUT, "%s/%s: larger than %d bytes", dir, file_name, FILE_MAX);
	char *text = arena_alloc(a, (size_t)st.st_size + 1);
	size_t n = 0;
	for (ssize_t got; n < (size_t)st.st_size; n += (size_t)got) {
		got = read(fd, text + n, (size_t)st.st_size - n);
		if (got <= 0)
			return fail(E_DOWN, "%s/%s: %s", dir, file_name, got == 0 ? "ends early" : strerror(errno));
	}
	*out = slice_mem(text, n);
	return OK;
}

static int parse(struct arena *a, struct slice text, const char *dir, struct keystore *s)
{
	AUTO_ARENA tmp = arena_new();	/* the text of the keys does not outlive this */
	const char *why = NULL;
	json_t *root;
	if (json_parse(tmp, text, &root, &why) != OK)
		return fail(E_INPUT, "%s/%s: %s", dir, file_name, why);
	const json_t *keys = json_object_get(root, "keys");
	if (json_integer_value(json_object_get(root, "format")) != FORMAT || json_array_size(keys) == 0)
		return fail(E_INPUT, "%s/%s: is not a keyring of format %d", dir, file_name, FORMAT);
	s->keys = ARENA_ARRAY(a, struct ring_key, json_array_size(keys));
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (ring_key_read(a, json_array_get(keys, i), &s->keys[s->n++], &why) != OK)
			return fail(E_INPUT, "%s/%s: key %zu: %s", dir, file_name, i + 1, why);
	return OK;
}

static void make_jwks(struct arena *a, struct keystore *s)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "{\"keys\":[");
	for (size_t i = 0; i < s->n; i++) {
		if (s->keys[i].jwk.n == 0 || s->keys[i].state == RING_RETIRED)
			continue;
		if (b.p[b.n - 1] == '}')
			buf_char(&b, ',');
		buf_raw(&b, s->keys[i].jwk);
	}
	buf_lit(&b, "]}");
	s->jwks = buf_slice(&b);
}

/* Signing keys may be missing (an algorithm that is not offered any more); without these nothing works. */
static int check_needed(const struct keystore *s, const char *dir)
{
	for (const struct ring_kind *k = ring_kinds; k->use != NULL; k++)
		if (strcmp(k->kty, "oct") == 0 && keystore_current(s, k->use, NULL) == NULL)
			return fail(E_INPUT, "%s/%s: has no key in state signing for use \"%s\"", dir, file_name, k->use);
	return OK;
}

int keystore_open(struct arena *a, const char *dir, struct keystore *out)
{
	AUTO_ARENA tmp = arena_new();
	struct keystore s = { .lock = -1 };
	struct slice text;
	int e = open_dir(dir, &s.lock);
	if (e != OK)
		return e;
	e = load(tmp, s.lock, dir, &text);
	if (e == E_NOENT && (e = create(tmp, s.lock, dir)) == OK)
		e = load(tmp, s.lock, dir, &text);
	if (e == OK)
		e = parse(a, text, dir, &s);
	if (e == OK)
		e = check_needed(&s, dir);
	if (e != OK) {
		close(s.lock);
		return e;
	}
	make_jwks(a, &s);
	*out = s;
	return OK;
}

const struct ring_key *keystore_current(const struct keystore *s, const char *use, const char *alg)
{
	const struct ring_key *best = NULL;
	for (size_t i = 0; i < s->n; i++) {
		const struct ring_key *k = &s->keys[i];
		if (k->state == RING_SIGNING && strcmp(k->kind->use, use) == 0 && (alg == NULL || strcmp(k->kind->alg, alg) == 0) &&
		    (best == NULL || k->created >= best->created))
			best = k;
	}
	return best;
}

const struct ring_key *keystore_by_id(const struct keystore *s, const char *use, const unsigned char id[RING_ID])
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->keys[i].kind->use, use) == 0 && memcmp(s->keys[i].id, id, RING_ID) == 0)
			return &s->keys[i];
	return NULL;
}
