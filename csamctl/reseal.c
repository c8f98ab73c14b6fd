/* csamctl keyring reseal, retire: the secrets in the directory move to the newest sealing key, and old ones end. */
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>
#include "base/codec.h"
#include "base/json.h"
#include "csamctl/keyring.h"
#include "csamctl/ldif.h"
#include "keyring/secret.h"
#include "svc/keyring.h"

enum { TOLD_EACH = 1000 };

/* ---- the secrets of a directory ---- */

struct sealed {
	const char *dn, *ad;
	struct slice text;
};
struct sealed_walk {
	int (*fn)(void *ctx, const struct sealed *s);
	void *ctx;
	size_t total, done;
};

struct person_of {
	const char *dn, *subject;
};

struct people {
	struct ctl *c;
	struct person_of *all;
	size_t n, room, hidden;
	struct sealed_walk *walk;
	bool counting, stopped;
	int rc;
};

static int by_dn(const void *a, const void *b)
{
	return strcasecmp(((const struct person_of *)a)->dn, ((const struct person_of *)b)->dn);
}

static int note_person(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct people *p = ctx;
	const char *subject = entry_str(e, "csamSubject");
	(void)a;
	if (subject == NULL)
		return OK;
	if (p->n == p->room) {
		size_t room = p->room == 0 ? 1024 : 2 * p->room;
		struct person_of *more = ARENA_ARRAY(p->c->a, struct person_of, room);
		if (p->n > 0)
			memcpy(more, p->all, p->n * sizeof *more);
		p->all = more;
		p->room = room;
	}
	p->all[p->n++] = (struct person_of){ arena_strdup(p->c->a, e->dn), arena_strdup(p->c->a, subject) };
	return OK;
}

/* What stands behind the first comma that is not escaped (RFC 4514 2.4). */
static const char *parent_of(const char *dn)
{
	for (; *dn != '\0'; dn++)
		if (*dn == '\\' && dn[1] != '\0')
			dn++;
		else if (*dn == ',')
			return dn + 1;
	return dn;
}

/* Kinds of key that are worth nothing without their secret: where none is seen, it is hidden and not absent. */
static bool needs_secret(const struct ldap_entry *e)
{
	return (entry_has(e, "csamKeyKind", "app") || entry_has(e, "csamKeyKind", "token")) && !entry_has(e, "csamKeyState", "revoked");
}

static int see_key(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct people *p = ctx;
	const struct attr *secret = entry_attr(e, "csamKeySecret");
	const struct person_of wanted = { parent_of(e->dn), NULL };
	const char *id = entry_str(e, "csamKeyId");
	bool seen = secret != NULL && secret->n > 0;
	if (p->counting) {
		p->walk->total += seen;
		p->hidden += !seen && needs_secret(e);
		return OK;
	}
	if (!seen)
		return OK;
	const struct person_of *owner = p->n == 0 ? NULL : bsearch(&wanted, p->all, p->n, sizeof *p->all, by_dn);
	if (owner == NULL || id == NULL) {
		say("%s: belongs to nobody with a csamSubject that you may read", e->dn);
		p->rc = REFUSED;
		return OK;
	}
	p->walk->done++;
	struct sealed s = { e->dn, arena_printf(a, "%s|%s", owner->subject, id), secret->vals[0] };
	int rc = p->walk->fn(p->walk->ctx, &s);
	p->rc = rc == DONE ? p->rc : REFUSED;
	p->stopped = rc == USAGE;
	return p->stopped ? E_DOWN : OK;
}

/* Every secret of a digital key in the directory, with what it is bound to; fn gives DONE, or REFUSED when this one went wrong, or USAGE to
 * stop. `total` is known before the first. DONE when all were. */
static int sealed_each(struct ctl *c, struct sealed_walk *w)
{
	static const char *const of_person[] = { "csamSubject", NULL }, *const of_key[] = { "csamKeyId", "csamKeyKind", "csamKeyState", "csamKeySecret", NULL };
	struct people p = { .c = c, .walk = w, .counting = true };
	const char *why = NULL;
	struct dir *d;
	int rc = dir_open(c, &d);
	if (rc != DONE)
		return rc;
	struct search people = { c->set.people_base, SCOPE_TREE, "(csamSubject=*)", of_person };
	struct search keys = { c->set.people_base, SCOPE_TREE, "(objectClass=csamKey)", of_key };
	if (dir_each(d, &people, note_person, &p, &why) != OK || dir_each(d, &keys, see_key, &p, &why) != OK)
		return refuse("the directory cannot be read below %s: %s", c->set.people_base, why);
	if (p.hidden > 0)
		return refuse("you may not read the secrets of %zu keys → bind as the daemon does (-D, -y: directory.bind_dn and password_file)", p.hidden);
	if (p.n > 0)
		qsort(p.all, p.n, sizeof *p.all, by_dn);
	p.counting = false;
	if (dir_each(d, &keys, see_key, &p, &why) != OK && !p.stopped)
		return refuse("the directory cannot be read below %s: %s", c->set.people_base, why);
	return p.rc;
}

/* ---- reseal ---- */

struct reseal {
	struct ctl *c;
	struct sealed_walk walk;
	size_t moved, plain, broken;
};

static void progress(const struct reseal *r, bool last)
{
	if (isatty(STDERR_FILENO) && (last || r->walk.done % 100 == 0))
		fprintf(stderr, "\r%zu of %zu secrets%s", r->walk.done, r->walk.total, last ? "\n" : "");
	else if (!last && r->walk.done % TOLD_EACH == 0)
		say("%zu of %zu secrets", r->walk.done, r->walk.total);
}

/* Who changes the secret meanwhile wins: the old value must be there to be deleted (RFC 4511 4.6). */
static int reseal_one(void *ctx, const struct sealed *s)
{
	struct reseal *r = ctx;
	AUTO_ARENA a = arena_new();
	struct slice sealed;
	struct buf out = buf_new(a);
	bool exposed;
	progress(r, false);
	int e = keyring_reseal(a, s->text, slice_of(s->ad), &sealed, &exposed);
	if (e == E_EXISTS)
		return DONE;
	if (e == E_INPUT) {
		r->broken++;
		return refuse("%s: its secret cannot be opened: damaged, of another entry, or its sealing key is not here", s->dn);
	}
	if (e != OK) {
		keyring_no_answer(r->c);
		return USAGE;
	}
	r->moved++;
	r->plain += exposed;
	ldif_record(&out, s->dn, "modify");
	ldif_mod(&out, "delete", "csamKeySecret", arena_str(a, s->text));
	ldif_mod(&out, "add", "csamKeySecret", arena_str(a, sealed));
	ldif_end(&out);
	return print(&out);
}

static int reseal_run(struct ctl *c)
{
	struct reseal r = { .c = c, .walk = { .fn = reseal_one } };
	r.walk.ctx = &r;
	int rc = keyring_reach(c);
	if (rc == DONE)
		rc = sealed_each(c, &r.walk);
	progress(&r, true);
	say("%zu of %zu secrets move to the newest key%s%zu cannot be opened", r.moved, r.walk.total, r.broken > 0 ? ", and " : ", ", r.broken);
	if (r.plain > 0)
		say("%zu stood there in plain: accesslog and backups have seen them → give those people new keys", r.plain);
	return rc;
}

/* ---- retire ---- */

struct user_of {
	unsigned char id[RING_ID];
	size_t n;
	const char *first;
	struct ctl *c;
};

static int count_user(void *ctx, const struct sealed *s)
{
	struct user_of *u = ctx;
	AUTO_ARENA a = arena_new();
	unsigned char id[RING_ID];
	if (secret_key_id(a, s->text, id) != OK || memcmp(id, u->id, RING_ID) != 0)
		return DONE;
	if (u->n++ == 0)
		u->first = arena_strdup(u->c->a, s->dn);
	return DONE;
}

static int retire_run(struct ctl *c)
{
	struct user_of u = { .c = c };
	struct sealed_walk w = { .fn = count_user, .ctx = &u };
	const char *kid = c->operands[0], *why = "";
	struct slice raw;
	/* The id in a sealed secret is how the thumbprint begins. */
	if (b64url_decode(c->a, slice_of(kid), &raw) != OK || raw.n < RING_ID)
		return refuse("%s is no key → csamctl keyring status", kid);
	memcpy(u.id, raw.p, RING_ID);
	int rc = keyring_reach(c);
	if (rc == DONE)
		rc = sealed_each(c, &w);
	if (rc != DONE)
		return rc;
	if (u.n > 0)
		return refuse("%zu secrets need this key, the first of %s → csamctl keyring reseal | ldapmodify -c", u.n, u.first);
	int e = keyring_retire(c->a, kid, &why);
	if (e != OK)
		return keyring_no_answer(c);
	if (*why != '\0')
		return refuse("refused: %s", why);
	printf("None of %zu secrets needs it: the key is gone. Backups from before the reseal need the keyring from before, too.\n", w.total);
	return DONE;
}

const struct command cmd_keyring_reseal = {
	.path = "keyring reseal", .operands = "", .run = reseal_run,
	.what = "secrets in the directory move to the newest sealing key, as LDIF",
	.more = "Bound as the daemon is (-D, -y), as nobody else may read secrets. Only secrets that are sealed with an older key, or stand there in plain, are written; where somebody changes one meanwhile, that change\n"
	    "stands. So it may be stopped and begun again at any time. Progress goes to standard error.",
	.examples = "  csamctl keyring reseal -D cn=idpd,ou=system,dc=example,dc=org -y /etc/csam/idpd.password |\n      ldapmodify -c -x -H ldapi:/// -D cn=idpd,ou=system,dc=example,dc=org -y /etc/csam/idpd.password\n",
};

const struct command cmd_keyring_retire = {
	.path = "keyring retire", .operands = "KID", .noperands = 1, .run = retire_run,
	.what = "a sealing key ends, when no secret in the directory needs it",
	.more = "Bound as the daemon is, as nobody else may read secrets. Reads every secret below the people's base first, and says what still needs the key. Other directories and backups are not asked. A KID that begins with a hyphen comes last, after --.",
	.examples = "  csamctl keyring retire iq9QkYTdEz1YV5uOVFzNHJpXRLCCVCA9BSgdxVlWd7U\n",
};
