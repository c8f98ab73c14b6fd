/* csamctl audit export: one case, with a proof that openssl and a shell can check (doc/audit-proof.md). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "csamctl/audit.h"

enum { HEAD_REACH = 65536 };

struct export {
	struct ctl *c;
	const char *out;			/* folder */
	int lines, digests;			/* files */
	uint64_t first, last, seq;		/* wanted; 0: none yet */
	size_t wanted;
	bool proven;
	struct slice head;			/* the line of the head that covers the last one */
};

static int write_all(const char *path, int fd, struct slice text)
{
	if (file_write(fd, text) == OK)
		return DONE;
	say("%s cannot be written: %s", path, strerror(errno));
	return TROUBLE;
}

static int create(struct export *x, const char *name)
{
	const char *path = arena_printf(x->c->a, "%s/%s", x->out, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		say("%s: %s", path, strerror(errno));
	return fd;
}

static int put(struct export *x, const char *name, struct slice text)
{
	const char *path = arena_printf(x->c->a, "%s/%s", x->out, name);
	if (file_create(AT_FDCWD, path, 0600, text) == OK)
		return DONE;
	say("%s cannot be written: %s", path, strerror(errno));
	return TROUBLE;
}

static int put_wanted(struct export *x, struct arena *a, const struct audit_found *l)
{
	int rc = DONE;
	if (x->first == 0) {
		x->first = l->seq;
		rc = put(x, "start", slice_of(arena_printf(a, "%s\n", l->before.hex)));
	}
	x->last = l->seq;
	x->wanted++;
	x->proven = false;
	if (rc == DONE)
		rc = write_all("lines", x->lines, l->line);
	if (rc == DONE && l->personal.n > 0)
		rc = put(x, arena_printf(a, "personal-%" PRIu64 ".json", l->seq), l->personal);
	return rc;
}

/* Each line from the first wanted one to that of which the head speaks. */
static int put_digest(struct export *x, struct arena *a, const struct audit_found *l)
{
	char digest[CHAIN_HEX + 1];
	chain_digest(l->line, digest);
	return write_all("digests", x->digests, slice_of(arena_printf(a, "%" PRIu64 " %s\n", l->seq, digest)));
}

/* Digests are written as lines come, so those after the head's line are cut off at the end. */
static int on_line(void *arg, struct arena *a, const struct audit_found *l)
{
	struct export *x = arg;
	struct audit_headline h;
	int rc = l->wanted ? put_wanted(x, a, l) : DONE;
	if (rc != DONE || x->first == 0)
		return rc;
	if (!x->proven && slice_is(audit_member(l->line, "event"), "trail.head") && audit_headline_read(a, l->line, &h) == OK &&
	    h.head.seq >= x->last && l->seq - h.head.seq < HEAD_REACH) {
		x->proven = true;
		x->head = arena_copy(x->c->a, l->line);
	}
	return put_digest(x, a, l);
}

static int keep_digests(struct export *x, uint64_t last)
{
	const char *path = arena_printf(x->c->a, "%s/digests", x->out);
	off_t at = 0;
	for (uint64_t seq = x->first; seq <= last; seq++)
		at += (off_t)strlen(arena_printf(x->c->a, "%" PRIu64, seq)) + 1 + CHAIN_HEX + 1;
	if (truncate(path, at) == 0)
		return DONE;
	say("%s: %s", path, strerror(errno));
	return TROUBLE;
}

static int put_head(struct export *x, const struct audit_public *keys, size_t n)
{
	struct audit_headline h;
	const char *pem = NULL;
	if (audit_headline_read(x->c->a, x->head, &h) != OK || audit_headline_check(x->c->a, &h, keys, n) != OK)
		return refuse("the head after line %" PRIu64 " is not signed as it should be: csamctl audit verify tells more", x->last);
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].kid, h.kid) == 0)
			pem = keys[i].pem;
	int rc = keep_digests(x, h.head.seq);
	if (rc == DONE)
		rc = put(x, "head.txt", audit_statement(x->c->a, &h.head));
	if (rc == DONE)
		rc = put(x, "head.sig", h.sig);
	return rc == DONE ? put(x, "key.pem", slice_of(pem)) : rc;
}

static int export_run(struct ctl *c)
{
	struct export x = { .c = c, .out = opt(c, "out"), .lines = -1, .digests = -1 };
	struct audit_filter f;
	struct audit_public *keys;
	const char *dir;
	size_t n;
	int rc = audit_dir(c, 0, &dir);
	if (rc == DONE)
		rc = audit_filter(c, &f);
	if (rc == DONE)
		rc = audit_keys(c, &keys, &n);
	if (rc != DONE)
		return rc;
	if (mkdir(x.out, 0700) != 0 || (x.lines = create(&x, "lines")) < 0 || (x.digests = create(&x, "digests")) < 0) {
		say("%s: %s → name a folder that is not there yet", x.out, strerror(errno));
		return TROUBLE;
	}
	rc = audit_each(c, dir, &f, on_line, &x);
	if (rc == DONE && x.wanted == 0)
		rc = refuse("no line is so: nothing was exported");
	if (rc == DONE && !x.proven)
		rc = refuse("no signed head covers line %" PRIu64 " yet → try again in 10 seconds", x.last);
	if (rc == DONE)
		rc = put_head(&x, keys, n);
	close(x.lines);
	close(x.digests);
	if (rc == DONE)
		printf("%zu lines in %s, from line %" PRIu64 " to %" PRIu64 "; doc/audit-proof.md says how they are checked\n", x.wanted, x.out, x.first, x.last);
	return rc;
}

static const struct opt export_opts[] = {
	{ "out", "DIR", "folder to make", OPT_MUST, 'o' },
	{ "key", "FILE", "public key that heads must be signed with (default: those of the keyring)", OPT_MANY, 0 },
	AUDIT_FILTER_OPTS,
	{ 0 },
};

const struct command cmd_audit_export = {
	.path = "audit export", .operands = "[DIR]", .nmore = 1, .run = export_run, .opts = export_opts,
	.what = "lines of one case, with a proof that others check with openssl alone",
	.more = "Other lines are shown by their digests only. Without --reason the personal fields stay sealed.",
	.examples = "  csamctl audit export --person alice --since 2026-11-22T14 --until 2026-11-22T15 --reason 'complaint 2026/117' -o case-117\n",
};
