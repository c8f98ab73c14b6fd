/* The lines of an audit trail one by one, and which of them are wanted; their personal fields are opened by the keyring. */
#include <inttypes.h>
#include "base/codec.h"
#include "csamctl/audit.h"
#include "csamctl/person.h"
#include "svc/audit_archive.h"
#include "svc/audit_keys.h"
#include "svc/keyring.h"
#include "svc/keyring_audit.h"

static int numbers(struct ctl *c, const char *text, struct audit_filter *out)
{
	struct slice rest = slice_of(text), first;
	unsigned long long from, to;
	slice_cut(&rest, '-', &first);
	if (slice_number(first, INT64_MAX, &from) != OK || (rest.p != NULL && slice_number(rest, INT64_MAX, &to) != OK))
		return usage(c, "--line %s: expected a number, or two with a hyphen between", text);
	out->from = from;
	out->to = rest.p != NULL ? to : from;
	return DONE;
}

/* A user name is looked up; who is not in the directory may still be found by what was typed. */
static const char *subject_of(struct ctl *c, const char *person)
{
	struct dir *d;
	struct ldap_entry e;
	const char *why;
	if (c->set.uri == NULL || strlen(person) == 36 || dir_try(c, &d, &why) != OK || person_find(c, d, person, &e) != DONE)
		return person;
	const char *subject = entry_str(&e, "csamSubject");
	return subject != NULL ? subject : person;
}

int audit_filter(struct ctl *c, struct audit_filter *f)
{
	*f = (struct audit_filter){
		.person = opt(c, "person"), .service = opt(c, "service"), .event = opt(c, "event"), .since = opt(c, "since"), .until = opt(c, "until"),
		.reason = opt(c, "reason"),
	};
	if (f->person != NULL && f->reason == NULL)
		return usage(c, "--person needs --reason: who a line is about can only be seen by opening it");
	if (f->reason != NULL && (*f->reason == '\0' || strlen(f->reason) > 100))
		return usage(c, "--reason: a few words, please");
	if (f->person != NULL)
		f->subject = subject_of(c, f->person);
	if (f->reason != NULL && c->set.keyring_socket == NULL)
		return usage(c, "--keyring is missing, and there is no configuration file to take it from (-c FILE)");
	if (f->reason != NULL)
		keyring_open(c->set.keyring_socket);
	return opt(c, "line") != NULL ? numbers(c, opt(c, "line"), f) : DONE;
}

/* --- which are wanted --- */

static bool is_event(struct slice event, const char *wanted)
{
	size_t n = strlen(wanted);
	return n > 0 && wanted[n - 1] == '.' ? slice_starts(event, slice_of(wanted)) : slice_is(event, wanted);
}

/* A time that is given shorter stands for all of its length. */
static bool in_time(struct slice time, const struct audit_filter *f)
{
	size_t since = f->since != NULL ? strlen(f->since) : 0, until = f->until != NULL ? strlen(f->until) : 0;
	if (since > time.n || until > time.n)
		return false;
	return (since == 0 || memcmp(time.p, f->since, since) >= 0) && (until == 0 || memcmp(time.p, f->until, until) <= 0);
}

static bool fits(const struct audit_filter *f, uint64_t seq, struct slice line)
{
	if ((f->from != 0 && (seq < f->from || seq > f->to)) || !in_time(audit_member(line, "time"), f))
		return false;
	if (f->event != NULL && !is_event(audit_member(line, "event"), f->event))
		return false;
	return f->service == NULL || slice_is(audit_member(line, "service"), f->service);
}

static bool is_about(struct arena *a, struct slice personal, const struct audit_filter *f)
{
	static const char *const members[] = { "subject", "name", "by", "entry" };
	json_t *v;
	if (personal.n == 0 || json_parse(a, personal, &v, NULL) != OK)
		return false;
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		const char *is = json_str(v, members[i]);
		if (is != NULL && (strcasecmp(is, f->person) == 0 || strcasecmp(is, f->subject) == 0))
			return true;
	}
	return false;
}

/* --- personal fields --- */

struct month {				/* the last one that was needed */
	const char *name;
	struct slice sealed;
	bool gone;
};

struct walk {
	struct ctl *c;
	const char *dir;
	const struct audit_filter *f;
	struct month month;
	uint64_t ended;			/* lines whose key is gone */
};

static int month_of(struct walk *w, struct slice class, struct slice hour)
{
	const char *name = arena_printf(w->c->a, "%.*s.%.*s", AUDIT_MONTH_LEN, hour.p, (int)class.n, class.p), *why = NULL;
	if (w->month.name != NULL && strcmp(w->month.name, name) == 0)
		return DONE;
	int e = audit_month_read(w->c->a, w->dir, arena_str(w->c->a, class), arena_str(w->c->a, slice_mem(hour.p, AUDIT_MONTH_LEN)), &w->month.sealed, &why);
	w->month.name = name;
	w->month.gone = e == E_NOENT;
	if (e == OK || e == E_NOENT)
		return DONE;
	say("%s/keys/%s: %s", w->dir, name, why);
	return TROUBLE;
}

static int open_personal(struct walk *w, struct arena *a, struct slice line, struct slice *out)
{
	struct slice hour = audit_member(line, "hour"), sealed = audit_member(line, "sealed"), class = audit_member(line, "class"), raw;
	*out = S_NONE;
	if (sealed.n == 0)
		return DONE;
	if (hour.n != AUDIT_HOUR_LEN || !audit_is_name(class) || b64_decode(a, sealed, &raw) != OK) {
		say("a line is damaged: csamctl audit verify tells where");
		return TROUBLE;
	}
	int rc = month_of(w, class, hour);
	if (rc != DONE || w->month.gone) {
		w->ended += rc == DONE;
		return rc;
	}
	struct audit_sealed what = { .class = arena_str(a, class), .hour = arena_str(a, hour), .reason = w->f->reason, .month = w->month.sealed, .sealed = raw };
	int e = keyring_audit_open(a, &what, out);
	if (e == OK)
		return DONE;
	say(e == E_INPUT ? "the keyring at %s cannot open %s: is it another one?" : "the keyring at %s does not open %s: does idpd run, so that the trail can say so?",
	    w->c->set.keyring_socket, w->month.name);
	return TROUBLE;
}

/* --- one by one --- */

static int one(struct walk *w, struct audit_found *l, int (*fn)(void *, struct arena *, const struct audit_found *), void *arg)
{
	AUTO_ARENA a = arena_new();
	l->personal = S_NONE;
	l->wanted = fits(w->f, l->seq, l->line);
	if (l->wanted && w->f->reason != NULL) {
		int rc = open_personal(w, a, l->line, &l->personal);
		if (rc != DONE)
			return rc;
		l->wanted = w->f->person == NULL || is_about(a, l->personal, w->f);
	}
	return fn(arg, a, l);
}

static int one_file(struct walk *w, const struct audit_file *file, uint64_t ends, int (*fn)(void *, struct arena *, const struct audit_found *), void *arg)
{
	const char *why = NULL;
	AUTO(audit_reader_close_p) struct audit_reader *r = audit_reader_open(file->path, &why);
	struct audit_found l;
	uint64_t bytes = 0;
	if (r == NULL) {
		say("%s: %s", file->path, why);
		return TROUBLE;
	}
	for (int e, rc; (e = audit_reader_line(r, &l.line)) != E_NOENT;) {
		if (e != OK) {
			say("%s cannot be read to its end: csamctl audit verify tells more", file->path);
			return TROUBLE;
		}
		bytes += l.line.n;
		if (bytes > ends)
			break;
		if (chain_line(l.line, &l.seq, &l.before) == OK && (rc = one(w, &l, fn, arg)) != DONE)
			return rc;
	}
	return DONE;
}

int audit_each(struct ctl *c, const char *dir, const struct audit_filter *f, int (*fn)(void *, struct arena *, const struct audit_found *), void *arg)
{
	struct walk w = { .c = c, .dir = dir, .f = f };
	struct audit_file *files;
	const char *why = NULL;
	size_t n;
	int rc = DONE;
	if (audit_files(c->a, dir, &files, &n, &why) != OK || n == 0) {
		say("%s: %s", dir, why != NULL ? why : "there is no segment of a trail");
		return TROUBLE;
	}
	for (size_t i = 0; i < n && rc == DONE; i++)
		rc = one_file(&w, &files[i], audit_ends(&files[i], i + 1 < n ? &files[i + 1] : NULL), fn, arg);
	if (w.ended > 0)
		say("%" PRIu64 " lines were not opened: their time is over and their key is gone", w.ended);
	return rc;
}
