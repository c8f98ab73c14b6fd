/* Changes of the directory by others than us, as slapd's accesslog overlay keeps them, become lines of the audit trail: who, which entry, which
 * attributes; no values. Where we are is a file: after a crash a change may stand in the trail twice, and none is left out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"
#include "svc/audit.h"
#include "svc/directory_parts.h"

/* A change is named by when it began, and stands there when it is done: those that began later may come first. */
enum { LOOK_MS = 2000, AT_ONCE = 200, POSITION_MAX = 64, SETTLED_S = 3 };

static struct {
	struct thread thread;
	char position[POSITION_MAX];	/* reqStart of the last change that is in the trail, and told */
	char written[POSITION_MAX];	/* of one that is in the trail, and could not be told yet */
} ch;

/* What slapd writes by itself at every change. */
static const char *const operational[] = { "entryCSN", "entryUUID", "modifiersName", "modifyTimestamp", "creatorsName", "createTimestamp",
	"structuralObjectClass", NULL };
/* What idpd writes at every login, and says in the trail otherwise. */
static const char *const routine[] = { "csamKeyLastUsed", "csamKeyCounter", "csamKeyFailures", NULL };

static bool is_one_of(struct slice name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == name.n && strncasecmp(*list, name.p, name.n) == 0)
			return true;
	return false;
}

/* reqMod is "attribute:+ value", and the like; one value for each value that was changed. The names, each once. */
static const char *names(struct arena *a, const struct entry *e, bool *only_routine)
{
	const struct attribute *mods = entry_attribute(e, "reqMod");
	struct buf b = buf_new(a);
	struct slice before = S_NONE, name, rest;
	*only_routine = mods != NULL;
	for (size_t i = 0; mods != NULL && i < mods->n; i++) {
		rest = mods->values[i];
		if (!slice_cut(&rest, ':', &name) || is_one_of(name, operational) || slice_eq(name, before))
			continue;
		before = name;
		*only_routine = *only_routine && is_one_of(name, routine);
		buf_char(&b, b.n > 0 ? ',' : ' ');
		buf_raw(&b, name);
	}
	return buf_cstr(&b);
}

static int note(const struct entry *e)
{
	AUTO_ARENA a = arena_new();
	const char *by = entry_string(e, "reqAuthzID"), *type = entry_string(e, "reqType");
	bool only_routine, ours = by != NULL && dir_conf.bind_dn != NULL && strcasecmp(by, dir_conf.bind_dn) == 0;
	const char *attributes = names(a, e, &only_routine);
	if (ours && only_routine)
		return OK;
	const char *at = entry_string(e, "reqStart");
	int rc = strcmp(at, ch.written) == 0 ? OK : AUDIT(.event = EV_DIRECTORY_CHANGED, .by = by, .entry = entry_string(e, "reqDN"), .at = at,
	    .what = arena_printf(a, "%s%s", type != NULL ? type : "?", attributes));
	if (rc == OK)
		snprintf(ch.written, sizeof ch.written, "%s", at);
	return rc != OK || ours ? rc : change_tell(e);
}

static int position_keep(void)
{
	if (file_replace(AT_FDCWD, dir_conf.position_file, slice_of(ch.position)) != OK)
		return fail(E_DOWN, "directory: %s cannot be written: %s", dir_conf.position_file, strerror(errno));
	return OK;
}

/* Digits, a point, Z: nothing that means something in a filter. */
static bool is_position(const char *s)
{
	return strlen(s) > 14 && strspn(s, "0123456789.Z") == strlen(s);
}

/* From now on, when there is no file. */
static void position_read(void)
{
	AUTO_ARENA a = arena_new();
	AUTO(file_close) int fd = open(dir_conf.position_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct slice text = S("");
	if (fd >= 0)
		file_read_rest(a, fd, sizeof ch.position - 1, &text);
	snprintf(ch.position, sizeof ch.position, "%.*s", (int)text.n, text.p);
	if (!is_position(ch.position)) {
		snprintf(ch.position, sizeof ch.position, "%.14s.000000Z", time_ldap(a, now()));
		position_keep();
	}
}

/* True: there may be more. */
static bool look(void)
{
	static const char *const wanted[] = { "reqStart", "reqType", "reqDN", "reqAuthzID", "reqMod", NULL };
	AUTO_ARENA a = arena_new();
	const char *filter = arena_printf(a, "(&(objectClass=auditWriteObject)(reqStart>=%s)(!(reqStart=%s))(reqStart<=%.14s.999999Z)(reqResult=0))",
	    ch.position, ch.position, time_ldap(a, now() - SETTLED_S));
	struct query q = { dir_conf.changes_base, SCOPE_SUBTREE, filter, wanted, AT_ONCE, false };
	struct entries found;
	size_t done = 0;
	if (dir_search(a, &q, 1, &found) != OK)
		return false;
	for (; done < found.n; done++) {
		const char *at = entry_string(&found.e[done], "reqStart");
		if (at == NULL || !is_position(at) || strlen(at) >= POSITION_MAX || note(&found.e[done]) != OK)
			break;
		snprintf(ch.position, sizeof ch.position, "%s", at);
	}
	return (done == 0 || position_keep() == OK) && done == AT_ONCE;
}

static void *changes(void *unused)
{
	do
		while (look())
			;
	while (!thread_pause(&ch.thread, -1, LOOK_MS));
	dir_link_drop(LINK_SERVICE);
	return unused;
}

int changes_start(void)
{
	if (dir_conf.changes_base == NULL || dir_conf.changes_base[0] == '\0')
		return OK;
	position_read();
	return thread_start(&ch.thread, "directory: changes", changes);
}

void changes_stop(void)
{
	thread_stop(&ch.thread);
}
