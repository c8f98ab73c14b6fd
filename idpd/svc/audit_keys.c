/* Keys of the personal fields: one for each hour in memory, sealed ones for each month on the disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "svc/audit_keys.h"
#include "svc/audit_parts.h"
#include "svc/keyring_audit.h"

enum { MONTH_FILE_MAX = 1024, GRACE_S = 7 * 24 * 3600 };

static struct {
	pthread_rwlock_t lock;
	pthread_mutex_t asking;			/* one thread asks the keyring for all */
	struct audit_key of[CLASS_COUNT];	/* hour "": none yet */
	char dir[4096];
} keys = { .lock = PTHREAD_RWLOCK_INITIALIZER, .asking = PTHREAD_MUTEX_INITIALIZER };

int audit_keys_open(const char *dir)
{
	pthread_rwlock_wrlock(&keys.lock);
	wipe(keys.of, sizeof keys.of);
	int n = snprintf(keys.dir, sizeof keys.dir, "%s/keys", dir);
	pthread_rwlock_unlock(&keys.lock);
	if (n < 0 || (size_t)n >= sizeof keys.dir)
		return fail(E_INPUT, "audit: the path %s is too long", dir);
	if ((mkdir(keys.dir, 0700) != 0 && errno != EEXIST) || file_sync_folder(dir) != OK)
		return fail(E_DOWN, "audit: cannot make %s: %s", keys.dir, strerror(errno));
	return OK;
}

struct slice audit_seal_ad(struct arena *a, const char *class, const char *hour)
{
	return slice_of(arena_printf(a, "csam audit|%s|%s", class, hour));
}

static bool known(enum audit_class class, const char *hour, struct audit_key *out)
{
	pthread_rwlock_rdlock(&keys.lock);
	bool is = strcmp(keys.of[class].hour, hour) == 0;
	if (is)
		*out = keys.of[class];
	pthread_rwlock_unlock(&keys.lock);
	return is;
}

int audit_month_read(struct arena *a, const char *dir, const char *class, const char *month, struct slice *out, const char **why)
{
	const char *path = arena_printf(a, "%s/keys/%s.%s", dir, month, class);
	AUTO(file_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct slice text;
	if (fd < 0 || file_read_rest(a, fd, MONTH_FILE_MAX, &text) != OK) {
		*why = strerror(errno);
		return fd < 0 && errno == ENOENT ? E_NOENT : E_DOWN;
	}
	*why = "is empty";
	if (text.n == 0)
		return E_DOWN;
	*out = slice_trim(text, "\n");
	return OK;
}

/* On disk under its name before anything is sealed with it. */
static int file_put(const char *name, struct slice text)
{
	AUTO(file_close) int dir = open(keys.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && file_replace(dir, name, text) == OK ? OK : fail(E_DOWN, "audit: %s/%s cannot be written: %s", keys.dir, name, strerror(errno));
}

static int month_of(struct arena *a, enum audit_class class, const char *hour, struct slice *out)
{
	const char *month = arena_str(a, slice_mem(hour, AUDIT_MONTH_LEN)), *name = audit_class_name(class), *why = NULL;
	char *dir = arena_str(a, slice_mem(keys.dir, strlen(keys.dir) - strlen("/keys")));
	int e = audit_month_read(a, dir, name, month, out, &why);
	if (e == E_DOWN)
		return fail(E_DOWN, "audit: key of %s for %s: %s", month, name, why);
	if (e == OK)
		return OK;
	if ((e = keyring_audit_month(a, name, month, out)) != OK)
		return e;
	return file_put(arena_printf(a, "%s.%s", month, name), *out);
}

static int ask(enum audit_class class, struct audit_key *out)
{
	AUTO_ARENA a = arena_new();
	struct slice month;
	int e = month_of(a, class, out->hour, &month);
	if (e == OK)
		e = keyring_audit_hour(month, audit_class_name(class), out->hour, out->key);
	if (e != OK)
		return e == E_WAIT ? E_WAIT : E_DOWN;
	pthread_rwlock_wrlock(&keys.lock);
	keys.of[class] = *out;
	pthread_rwlock_unlock(&keys.lock);
	return OK;
}

int audit_key_now(enum audit_class class, struct audit_key *out)
{
	AUTO_ARENA a = arena_new();
	struct audit_key k = { .hour = "" };
	snprintf(k.hour, sizeof k.hour, "%s", time_iso(a, now()));
	int e = OK;
	if (!known(class, k.hour, &k)) {
		pthread_mutex_lock(&keys.asking);
		if (!known(class, k.hour, &k))
			e = ask(class, &k);
		pthread_mutex_unlock(&keys.asking);
	}
	if (e == OK)
		*out = k;
	wipe(k.key, sizeof k.key);
	return e;
}

/* --- their end --- */

/* "2026-11.use" */
static bool is_key(const char *name, unsigned *month, enum audit_class *class)
{
	int year, mon, n = 0;
	if (sscanf(name, "%4d-%2d.%n", &year, &mon, &n) != 2 || n != AUDIT_MONTH_LEN + 1 || mon < 1 || mon > 12)	/* NOLINT(cert-err34-c): two and four digits */
		return false;
	*month = (unsigned)year * 12 + (unsigned)mon - 1;
	for (int c = 0; c < CLASS_COUNT; c++)
		if (strcmp(name + n, audit_class_name((enum audit_class)c)) == 0) {
			*class = (enum audit_class)c;
			return true;
		}
	return false;
}

static void end_key(struct arena *a, const char *name, const char *ends)
{
	AUTO_ARENA tmp = arena_new();
	struct slice rest = slice_of(name), month;
	slice_cut(&rest, '.', &month);
	const char *fields = arena_printf(tmp, ",\"ended\":\"%.*s\",\"of\":\"%.*s\"", (int)rest.n, rest.p, (int)month.n, month.p);
	if (audit_put(audit_body_of(tmp, EV_TRAIL_KEY_ENDS, fields)) != OK)
		return;
	if (unlink(arena_printf(a, "%s/%s", keys.dir, name)) != 0 || unlink(ends) != 0 || file_sync_folder(keys.dir) != OK)
		log_err("audit: %s/%s cannot be deleted: %s", keys.dir, name, strerror(errno));
	else
		log_info("audit: what is personal in lines of %.*s, class %.*s, can be read no more", (int)month.n, month.p, (int)rest.n, rest.p);
}

/* The mark says itself since when: a folder that was copied has other times. One that says nothing is of this moment. */
static time_t marked_at(struct arena *a, const char *ends)
{
	struct slice text;
	time_t t;
	if (file_read(a, ends, MONTH_FILE_MAX, &text) != OK)
		return 0;
	return time_parse_ldap(arena_str(a, slice_trim(text, "\n")), &t) == OK ? t : 0;
}

static void consider(struct arena *a, const char *name, bool over, time_t at)
{
	const char *ends = arena_printf(a, "%s/%s.ends", keys.dir, name);
	time_t since = marked_at(a, ends);
	if (over && since == 0)
		file_put(arena_printf(a, "%s.ends", name), slice_of(arena_printf(a, "%s\n", time_ldap(a, at))));
	else if (since != 0 && (!over || since > at))
		unlink(ends);		/* the clock was wrong when it was put there */
	else if (since != 0 && at - since >= GRACE_S)
		end_key(a, name, ends);
}

void audit_keys_end(const struct audit_conf *conf, time_t at)
{
	AUTO_ARENA a = arena_new();
	struct tm tm;
	gmtime_r(&at, &tm);
	unsigned present = (unsigned)(tm.tm_year + 1900) * 12 + (unsigned)tm.tm_mon, month;
	enum audit_class class;
	DIR *d = opendir(keys.dir);
	if (d == NULL) {
		log_err("audit: %s: %s", keys.dir, strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (is_key(e->d_name, &month, &class) && conf->keep_months[class] != 0)
			consider(a, e->d_name, present > month + conf->keep_months[class], at);
	closedir(d);
}
