/* Checks a whole audit trail, line by line. After something that is broken it goes on from what the next line says, so that one place is told
 * once and whatever else there is, too. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "svc/audit_archive.h"
#include "svc/audit_verify.h"

enum { RECENT = 65536, EVERY = 4096, JITTER_S = 2, FOLLOWERS = 64 };

struct recent {			/* a line that a head may still speak of */
	struct chain chain;	/* after it */
	char time[25];
	bool is_head;
};

struct check {
	struct audit_verify *v;
	struct arena *a;
	const char *name;			/* of the file, without its folder */
	uint64_t line, bytes;			/* in this segment */
	uint64_t ends;				/* as the next segment says; ends UINT64_MAX: there is none */
	uint64_t seq;				/* of the line before */
	struct chain chain;			/* after it */
	char time[25];
	bool started;
	uint64_t done, total;			/* bytes on the disk, for progress */
	size_t seen;				/* heads of witnesses that were passed */
	struct recent *recent;			/* of line seq at seq % RECENT */
	struct follower {			/* a key that the trail itself tells of */
		struct audit_public key;
		uint64_t seq;			/* in that line; 0: there is none */
		bool used;
	} followers[FOLLOWERS];
};

static void report(struct check *c, bool broken, uint64_t seq, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void report(struct check *c, bool broken, uint64_t seq, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	c->v->broken += broken;
	c->v->say(c->v->arg, &(struct audit_finding){ broken, c->name, c->line, seq, what });
}

static void copy_text(char *out, size_t room, struct slice s)
{
	snprintf(out, room, "%.*s", (int)(s.n < room ? s.n : room - 1), s.n > 0 ? s.p : "");
}

/* --- how far it is proven --- */

static void count_unproven(struct check *c, uint64_t seq, bool is_head, const char *time)
{
	if (is_head || seq <= c->v->proven)
		return;
	if (c->v->unproven++ == 0)
		copy_text(c->v->unproven_since, sizeof c->v->unproven_since, slice_of(time));
}

static void proven(struct check *c, const struct audit_headline *h, struct slice at)
{
	struct audit_verify *v = c->v;
	v->heads++;
	if (h->head.seq <= v->proven)
		return;
	v->proven = h->head.seq;
	copy_text(v->proven_at, sizeof v->proven_at, at);
	v->unproven = 0;
	v->unproven_since[0] = '\0';
	for (uint64_t s = v->proven + 1; s <= c->seq; s++)
		count_unproven(c, s, c->recent[s % RECENT].is_head, c->recent[s % RECENT].time);
}

/* --- keys that follow keys --- */

static void take_key(struct check *c, struct slice line, uint64_t seq)
{
	struct follower f = { .seq = seq };
	json_t *v;
	size_t i = 0;
	if (json_parse(c->a, line, &v, NULL) != OK || json_str(v, "pem") == NULL)
		return;
	struct slice pem = slice_of(json_str(v, "pem"));
	if (audit_public_read(c->a, &pem, &f.key) != OK)
		return;
	while (i < FOLLOWERS && c->followers[i].seq != 0 && strcmp(c->followers[i].key.kid, f.key.kid) != 0)
		i++;
	if (i < FOLLOWERS && c->followers[i].seq == 0)
		c->followers[i] = f;
}

/* What the trail says of a key counts once a head of a key that we know covers the line: so one vouches for the next. */
static int check_follower(struct check *c, struct arena *a, const struct audit_headline *h)
{
	for (struct follower *f = c->followers; f < c->followers + FOLLOWERS && f->seq != 0; f++) {
		if (f->seq > c->v->proven || strcmp(f->key.kid, h->kid) != 0)
			continue;
		if (!f->used)
			report(c, false, c->seq, "from here on heads are signed with the key %.16s…, for which the one before vouches in line %" PRIu64, f->key.kid, f->seq);
		f->used = true;
		return audit_headline_check(a, h, &f->key, 1);
	}
	return E_NOENT;
}

/* A head speaks of a line before it, by number and by the chain after that line. */
static void check_head(struct check *c, struct slice line)
{
	AUTO_ARENA a = arena_new();
	struct audit_headline h;
	if (audit_headline_read(a, line, &h) != OK)
		return report(c, true, c->seq, "a signed head that cannot be read");
	if (h.head.seq >= c->seq || c->seq - h.head.seq >= RECENT)
		return report(c, true, c->seq, "a signed head of line %" PRIu64 ", which does not stand shortly before it", h.head.seq);
	int e = audit_headline_check(a, &h, c->v->keys, c->v->nkeys);
	if (e == E_NOENT)
		e = check_follower(c, a, &h);
	if (e == E_NOENT)
		return report(c, true, c->seq, "signed with a key that is not known: %s", h.kid);
	if (e != OK)
		return report(c, true, c->seq, "the signature of this head is wrong");
	if (strcmp(c->recent[h.head.seq % RECENT].chain.hex, h.head.chain) != 0)
		return report(c, true, c->seq, "the head that was signed here is of another trail: lines up to %" PRIu64 " were changed or replaced", h.head.seq);
	proven(c, &h, audit_member(line, "at"));
}

/* Witnesses saw some lines' chains. */
static void check_seen(struct check *c)
{
	for (; c->seen < c->v->nseen && c->v->seen[c->seen].seq <= c->seq; c->seen++) {
		const struct audit_seen *s = &c->v->seen[c->seen];
		if (s->seq == c->seq && strcmp(s->chain.hex, c->chain.hex) != 0)
			report(c, true, c->seq, "a witness was told another head of this line at %s: the trail was replaced", s->time);
	}
}

/* --- lines --- */

static void check_follows(struct check *c, uint64_t seq, const struct chain *carried)
{
	uint64_t want = c->seq + 1;
	if (!c->started && (seq != 1 || strcmp(carried->hex, chain_start.hex) != 0))
		report(c, true, seq, "the trail does not begin here: what was before is missing");
	else if (c->started && seq > want)
		report(c, true, seq, "lines %" PRIu64 " to %" PRIu64 " are missing before it", want, seq - 1);
	else if (c->started && seq < want)
		report(c, true, seq, "was put in, moved or written twice: line %" PRIu64 " should stand here", want);
	else if (strcmp(carried->hex, c->chain.hex) != 0)
		report(c, true, seq, "does not rest on the line before it: line %" PRIu64 " or the first field of this chain was changed", c->seq);
}

static void check_whose(struct check *c, uint64_t seq, struct slice node)
{
	struct audit_verify *v = c->v;
	if (v->last_node[0] == '\0')
		copy_text(v->last_node, sizeof v->last_node, v->node != NULL ? slice_of(v->node) : node);
	if (!slice_is(node, v->last_node))
		report(c, true, seq, "is of the node %.*s: this is the trail of %s", (int)(node.n < 64 ? node.n : 64), node.p, v->last_node);
}

/* 2026-11-22T02:17:41.471Z. 0: it is no time. */
static time_t seconds_of(const char *iso)
{
	char ldap[17];
	size_t n = 0;
	for (; *iso != '\0' && *iso != '.' && n < sizeof ldap - 2; iso++)
		if (strchr("-:T", *iso) == NULL)
			ldap[n++] = *iso;
	memcpy(ldap + n, "Z", 2);
	time_t t;
	return time_parse_ldap(ldap, &t) == OK ? t : 0;
}

/* A clock that is put right little by little goes back by milliseconds: whoever writes the trail notes no less than this either. */
static void check_time(struct check *c, uint64_t seq, struct slice time, struct slice event)
{
	char now[25];
	copy_text(now, sizeof now, time);
	if (c->started && seconds_of(now) + JITTER_S < seconds_of(c->time))
		report(c, false, seq, "the clock went back from %s to %s%s", c->time, now, slice_is(event, "clock.jumped") ? ", and was noted" : "");
	memcpy(c->time, now, sizeof now);
}

static void take(struct check *c, struct slice line, uint64_t seq, const struct chain *carried)
{
	struct slice event = audit_member(line, "event");
	bool is_head = slice_is(event, "trail.head");
	check_follows(c, seq, carried);
	check_whose(c, seq, audit_member(line, "node"));
	check_time(c, seq, audit_member(line, "time"), event);
	c->started = true;
	c->seq = seq;
	c->chain = chain_next(carried, line);
	struct recent *r = &c->recent[seq % RECENT];
	r->chain = c->chain;
	r->is_head = is_head;
	memcpy(r->time, c->time, sizeof r->time);
	c->v->lines++;
	count_unproven(c, seq, is_head, c->time);
	check_seen(c);
	if (is_head)
		check_head(c, line);
	else if (slice_is(event, "trail.key"))
		take_key(c, line, seq);
}

/* What stands behind the end that the next segment tells of. No crash leaves lines there that do not follow, or that were signed already. */
static void check_left(struct check *c, struct slice line, struct chain *after, uint64_t *at)
{
	uint64_t seq;
	struct chain carried;
	if (chain_line(line, &seq, &carried) != OK)
		return;
	if (seq != *at + 1 || strcmp(carried.hex, after->hex) != 0 || slice_is(audit_member(line, "event"), "trail.head"))
		report(c, true, seq, "was a line of the trail, and was set aside: no crash does that");
	*at = seq;
	*after = chain_next(&carried, line);
}

static void one_line(struct check *c, struct slice line, struct chain *after, uint64_t *at)
{
	uint64_t seq;
	struct chain carried;
	c->line++;
	if (c->bytes >= c->ends)
		return check_left(c, line, after, at);
	bool whole = line.p[line.n - 1] == '\n';
	c->bytes += line.n;
	if (chain_line(line, &seq, &carried) == OK && (c->ends == UINT64_MAX || c->bytes <= c->ends))
		take(c, line, seq, &carried);
	else if (!whole && c->ends == UINT64_MAX)
		report(c, false, 0, "%zu bytes of a line that was torn: no part of the trail; the next start will say so", line.n);
	else
		report(c, true, 0, "is no line of a trail");
	*after = c->chain;
	*at = c->seq;
}

/* --- segments --- */

uint64_t audit_ends(const struct audit_file *file, const struct audit_file *next)
{
	AUTO_ARENA a = arena_new();
	const char *why;
	struct slice line;
	json_t *v;
	AUTO(audit_reader_close_p) struct audit_reader *r = next != NULL ? audit_reader_open(next->path, &why) : NULL;
	if (r == NULL || audit_reader_line(r, &line) != OK || json_parse(a, line, &v, NULL) != OK)
		return UINT64_MAX;
	const json_t *bytes = json_object_get(v, "bytes");
	if (next->number != file->number + 1 || json_integer_value(json_object_get(v, "after")) != file->number || !json_is_integer(bytes))
		return UINT64_MAX;
	return (uint64_t)json_integer_value(bytes);
}

static int one_segment(struct check *c, const struct audit_file *file, const struct audit_file *next)
{
	const char *why = NULL, *slash = strrchr(file->path, '/');
	struct slice line;
	struct chain after = c->chain;
	uint64_t at = c->seq, all = 0;
	int e;
	c->name = slash != NULL ? slash + 1 : file->path;
	c->line = c->bytes = 0;
	c->ends = audit_ends(file, next);
	AUTO(audit_reader_close_p) struct audit_reader *r = audit_reader_open(file->path, &why);
	if (r == NULL) {
		report(c, true, 0, "cannot be opened: %s", why);
		return E_DOWN;
	}
	while ((e = audit_reader_line(r, &line)) == OK) {
		all += line.n;
		one_line(c, line, &after, &at);
		if (c->v->progress != NULL && c->line % EVERY == 0)
			c->v->progress(c->v->arg, c->done + audit_reader_raw(r), c->total);
	}
	if (e != E_NOENT)
		report(c, true, 0, "cannot be read to its end: it is damaged");
	else if (next != NULL && c->ends == UINT64_MAX)
		report(c, true, 0, "the segment after this does not begin with a line that says so");
	else if (next != NULL && all < c->ends)
		report(c, true, 0, "was cut off: %" PRIu64 " bytes of %" PRIu64, all, c->ends);
	else if (next != NULL && all > c->ends)
		report(c, false, 0, "%" PRIu64 " bytes after its end were torn by a crash or a full disk: no part of the trail", all - c->ends);
	c->done += file->size;
	return OK;
}

static int by_seq(const void *a, const void *b)
{
	const struct audit_seen *x = a, *y = b;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void missing(struct check *c, unsigned from, unsigned to)
{
	c->line = 0;
	c->name = arena_printf(c->a, "%08u.log", from);
	report(c, true, 0, "segments %u to %u are missing", from, to - 1);
}

int audit_verify(struct arena *a, struct audit_verify *v, const char **why)
{
	struct check c = { .v = v, .a = a, .chain = chain_start };
	struct audit_file *files;
	size_t n;
	if (audit_files(a, v->dir, &files, &n, why) != OK)
		return E_DOWN;
	*why = "there is no segment of a trail";
	if (n == 0)
		return E_DOWN;
	c.recent = ARENA_ARRAY(a, struct recent, RECENT);
	for (size_t i = 0; i < n; i++)
		c.total += files[i].size;
	if (v->nseen > 0)
		qsort(v->seen, v->nseen, sizeof *v->seen, by_seq);
	for (size_t i = 0; i < n; i++) {
		unsigned want = i == 0 ? 1 : files[i - 1].number + 1;
		if (files[i].number != want)
			missing(&c, want, files[i].number);
		one_segment(&c, &files[i], i + 1 < n ? &files[i + 1] : NULL);
		v->segments++;
	}
	if (c.seen < v->nseen)
		report(&c, true, 0, "the trail ends with line %" PRIu64 "; a witness saw line %" PRIu64 " at %s: it was cut off", c.seq,
		    v->seen[v->nseen - 1].seq, v->seen[v->nseen - 1].time);
	if (v->progress != NULL)
		v->progress(v->arg, c.total, c.total);
	return OK;
}
