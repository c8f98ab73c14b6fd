/* The files of a backup. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/file.h"
#include "csamctl/keyring.h"
#include "csamctl/pack.h"

enum { CHUNK = 256 * 1024, MANIFEST_MAX = 16 * 1024 * 1024, BAR = 24, NAME_DEEP = 256 };
static const char manifest[] = "manifest.json";
extern char **environ;

void pack_step(unsigned n, unsigned of, const char *what)
{
	char bar[BAR + 1] = "";
	for (unsigned i = 0; i < BAR; i++)
		bar[i] = i < BAR * n / of ? '#' : '.';
	fprintf(stderr, "[%s] %u/%u %s\n", bar, n, of, what);
}

static int sync_dir(const char *path)
{
	return file_sync_folder(path) == OK ? DONE : refuse("%s: %s", path, strerror(errno));
}

int pack_make_dir(const char *path)
{
	return mkdir(path, 0700) == 0 ? DONE : refuse("%s cannot be made: %s", path, errno == EEXIST ? "it exists, and nothing is overwritten" : strerror(errno));
}

/* On a machine where idpd never ran, and slapd's files were moved away, what the folder lies in is not there either. Users of their own go through it. */
static int make_parents(const char *path)
{
	char parent[PATH_MAX];
	if (strlen(path) >= sizeof parent)
		return refuse("%s: %s", path, strerror(ENAMETOOLONG));
	for (const char *end = strchr(path + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
		snprintf(parent, sizeof parent, "%.*s", (int)(end - path), path);
		if (mkdir(parent, 0711) == 0 ? chmod(parent, 0711) != 0 : errno != EEXIST)
			return refuse("%s: %s", parent, strerror(errno));
	}
	return DONE;
}

int pack_fill_dir(const char *path, uid_t uid, gid_t gid)
{
	int rc = make_parents(path);
	if (rc != DONE)
		return rc;
	if (mkdir(path, 0700) == 0)
		return uid == (uid_t)-1 || chown(path, uid, gid) == 0 ? DONE : refuse("%s: %s", path, strerror(errno));
	DIR *d = opendir(path);
	if (d == NULL)
		return refuse("%s: %s", path, strerror(errno));
	bool empty = true;
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(d);
	return empty ? DONE : refuse("%s is not empty: nothing is overwritten → move it away first", path);
}

int pack_new_file(const char *path, int *fd)
{
	*fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *fd >= 0 ? DONE : refuse("%s cannot be made: %s", path, strerror(errno));
}

int pack_close(const char *path, int fd)
{
	bool synced = fsync(fd) == 0;
	int why = errno;
	return close(fd) == 0 && synced ? DONE : refuse("%s cannot be written: %s", path, strerror(why));
}

struct owner {
	uid_t uid;
	gid_t gid;
};

static int pour(int in, int out, off_t left)
{
	static char chunk[CHUNK];
	while (left > 0) {
		ssize_t n = read(in, chunk, left < CHUNK ? (size_t)left : CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? E_INPUT : E_DOWN;
		if (file_write(out, slice_mem(chunk, (size_t)n)) != OK)
			return E_DOWN;
		left -= n;
	}
	return OK;
}

int pack_copy(const char *from, const char *to, uid_t uid, gid_t gid)
{
	struct stat st;
	AUTO(file_close) int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int out;
	if (in < 0 || fstat(in, &st) != 0)
		return refuse("%s cannot be read: %s", from, strerror(errno));
	if (pack_new_file(to, &out) != DONE)
		return REFUSED;
	errno = 0;
	int rc = pour(in, out, st.st_size) == OK && (uid == (uid_t)-1 || fchown(out, uid, gid) == 0) ? DONE :
	    refuse("%s cannot be written: %s", to, errno != 0 ? strerror(errno) : "what it is copied from ends early");
	int closed = pack_close(to, out);
	return rc == DONE ? closed : rc;
}

static int copy_entry(struct arena *a, const char *from, const char *to, const struct owner *o, bool folders)
{
	struct stat st;
	if (lstat(from, &st) != 0)
		return DONE;		/* gone meanwhile: what is gone is no part of the copy */
	if (!folders && S_ISREG(st.st_mode))
		return pack_copy(from, to, o->uid, o->gid);
	if (!folders || !S_ISDIR(st.st_mode))
		return DONE;
	int rc = pack_fill_dir(to, o->uid, o->gid);
	return rc == DONE ? pack_copy_all(a, from, to, o->uid, o->gid) : rc;
}

static int copy_entries(struct arena *a, const char *from, const char *to, const struct owner *o, bool folders)
{
	DIR *d = opendir(from);
	int rc = d != NULL ? DONE : refuse("%s cannot be read: %s", from, strerror(errno));
	for (const struct dirent *e; d != NULL && rc == DONE && (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			rc = copy_entry(a, arena_printf(a, "%s/%s", from, e->d_name), arena_printf(a, "%s/%s", to, e->d_name), o, folders);
	if (d != NULL)
		closedir(d);
	return rc;
}

int pack_copy_all(struct arena *a, const char *from, const char *to, uid_t uid, gid_t gid)
{
	const struct owner o = { uid, gid };
	int rc = copy_entries(a, from, to, &o, false);
	if (rc == DONE)
		rc = copy_entries(a, from, to, &o, true);
	return rc == DONE ? sync_dir(to) : rc;
}

int pack_run(char *const argv[])
{
	pid_t pid;
	int status, e = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	if (e != 0)
		return refuse("%s cannot be run: %s", argv[0], strerror(e));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? DONE : refuse("%s failed: what it said stands above", argv[0]);
}

/* ---- the manifest ---- */

static int hash_file(struct arena *a, const char *path, const char **hex, json_int_t *size)
{
	unsigned char hash[SHA256_LEN];
	struct buf text = buf_new(a);
	struct stat st;
	AUTO(file_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	void *p = ok && st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (!ok || p == MAP_FAILED)
		return refuse("%s cannot be read: %s", path, strerror(errno));
	sha256(slice_mem(p != NULL ? p : "", (size_t)st.st_size), hash);
	if (p != NULL)
		munmap(p, (size_t)st.st_size);
	buf_hex(&text, slice_mem(hash, sizeof hash));
	*hex = buf_cstr(&text);
	*size = st.st_size;
	return DONE;
}

static int list_dir(struct arena *a, const char *dir, const char *below, json_t *files)
{
	const char *path = *below != '\0' ? arena_printf(a, "%s/%s", dir, below) : dir;
	DIR *d = opendir(path);
	int rc = d != NULL ? DONE : refuse("%s cannot be read: %s", path, strerror(errno));
	for (const struct dirent *e; d != NULL && rc == DONE && (e = readdir(d)) != NULL;) {
		const char *name = *below != '\0' ? arena_printf(a, "%s/%s", below, e->d_name) : arena_strdup(a, e->d_name), *hex;
		struct stat st;
		json_int_t size;
		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || strcmp(name, manifest) == 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			rc = strlen(name) < NAME_DEEP ? list_dir(a, dir, name, files) : refuse("%s: too deep", name);
			continue;
		}
		rc = hash_file(a, arena_printf(a, "%s/%s", dir, name), &hex, &size);
		if (rc == DONE)
			json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", name, "size", size, "sha256", hex));
	}
	if (d != NULL)
		closedir(d);
	return rc;
}

int pack_list(struct arena *a, const char *dir, json_t *about)
{
	json_t *files = json_array();
	json_object_set_new(about, "files", files);
	int rc = list_dir(a, dir, "", files);
	if (rc == DONE)
		rc = sync_dir(dir);
	if (rc == DONE)
		rc = write_new_file(arena_printf(a, "%s/%s", dir, manifest), 0600, json_text(a, about));
	return rc == DONE ? sync_dir(dir) : rc;
}

/* A name that leads below the folder and nowhere else. */
static bool tame(const char *name)
{
	return name != NULL && name[0] != '/' && name[0] != '.' && strstr(name, "/.") == NULL && slice_is_text(slice_of(name), "");
}

int pack_verify(struct arena *a, const char *dir, json_t **about)
{
	const char *path = arena_printf(a, "%s/%s", dir, manifest), *why = NULL, *hex;
	struct slice text;
	json_t *file;
	json_int_t size = 0;
	size_t i;
	hex = "";
	if (access(path, F_OK) != 0)
		return refuse("%s has no %s: it is no backup, or one that was not finished", dir, manifest);
	if (read_file(a, path, MANIFEST_MAX, &text) != OK)
		return REFUSED;
	if (json_parse(a, text, about, &why) != OK || json_integer_value(json_object_get(*about, "format")) != 1)
		return refuse("%s: %s", path, why != NULL ? why : "is not of format 1");
	json_array_foreach(json_object_get(*about, "files"), i, file) {
		const char *name = json_str(file, "name"), *want = json_str(file, "sha256");
		if (!tame(name) || want == NULL)
			return refuse("%s: entry %zu is not in order", path, i + 1);
		if (hash_file(a, arena_printf(a, "%s/%s", dir, name), &hex, &size) != DONE)
			return REFUSED;
		if (strcmp(hex, want) != 0)
			return refuse("%s/%s is not what was backed up: damaged or changed", dir, name);
	}
	return DONE;
}
