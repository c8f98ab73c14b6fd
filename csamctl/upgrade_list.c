/* Access rules, limits, constraints, unique names: what is ours among the values of an attribute comes to be as it is shipped, the others stay in their
 * order. New values come first and old ones go then, so that a record that was cut off leaves too many rules, never too few. */
#include <strings.h>
#include "csamctl/ldif.h"
#include "csamctl/upgrade.h"

/* What a value is about: "to ..." of an access rule. Two values about the same are two answers to one question. */
typedef size_t about_fn(const char *value);

static size_t whole(const char *value)
{
	return strlen(value);
}

static size_t first_word(const char *value)
{
	return strcspn(value, " ");
}

static size_t before_by(const char *value)
{
	const char *by = strstr(value, " by ");
	return by != NULL ? (size_t)(by - value) : strlen(value);
}

static const struct list {
	const char *attr;
	bool ordered;		/* slapd numbers the values: {n} */
	bool named;		/* DNs and keywords: letters of any case */
	about_fn *about;
} lists[] = {
	{ "olcAccess", true, true, before_by },
	{ "olcLimits", true, true, first_word },
	{ "olcConstraintAttribute", false, false, first_word },
	{ "olcUniqueURI", false, true, whole },
};
enum { LISTS = sizeof lists / sizeof *lists };

struct item {
	const char *text;
	const struct shipped_value *ours;	/* what it is, or becomes; NULL: theirs */
	enum { STAYS, COMES, GOES } fate;
};

struct compare {
	struct upgrade *u;
	const struct list *l;
	const struct shipped_entry *s;
	const char *dn;
	struct item *items;	/* room for all that are there and all that are shipped */
	size_t n;
};

static bool same(const struct list *l, const char *a, const char *b)
{
	return (l->named ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}

static bool shipped_here(const struct compare *k, size_t i)
{
	return !k->s->vals[i].former && strcmp(k->s->vals[i].name, k->l->attr) == 0;
}

/* What has the place of the former value i: the next of that name. */
static const struct shipped_value *successor(const struct compare *k, size_t i)
{
	for (; i < k->s->n; i++)
		if (shipped_here(k, i))
			return &k->s->vals[i];
	return NULL;
}

/* "to dn... ..." of a former value: what it was about, and the rest as of its successor. */
static const char *in_full(const struct compare *k, const struct shipped_value *former, const struct shipped_value *next)
{
	size_t n = strlen(former->text);
	if (next == NULL || n < 4 || strcmp(former->text + n - 4, " ...") != 0)
		return former->text;
	return arena_printf(k->u->c->a, "%.*s%s", (int)(n - 4), former->text, next->text + k->l->about(next->text));
}

/* Ours, or theirs? */
static struct item recognise(const struct compare *k, struct slice value)
{
	const char *raw = arena_str(k->u->c->a, value), *text = plain_value(k->u->c->a, value);
	if (value_index(raw) >= 0)
		raw = strchr(raw, '}') + 1;
	for (size_t i = 0; i < k->s->n; i++) {
		const struct shipped_value *v = &k->s->vals[i];
		if (strcmp(v->name, k->l->attr) != 0)
			continue;
		if (!v->former && same(k->l, v->text, text))
			return (struct item){ raw, v, STAYS };
		if (v->former && same(k->l, in_full(k, v, successor(k, i)), text))
			return (struct item){ raw, successor(k, i), GOES };
	}
	return (struct item){ raw, NULL, STAYS };
}

static bool theirs(const struct item *i)
{
	return i->ours == NULL && i->fate == STAYS;
}

/* Constraints name several attributes: they clash where they share one. */
static bool clash(const struct list *l, const char *a, const char *b)
{
	struct slice x = slice_mem(a, l->about(a)), y = slice_mem(b, l->about(b)), part, other;
	if (l->ordered || l->about == whole)
		return x.n == y.n && (l->named ? strncasecmp(x.p, y.p, x.n) : strncmp(x.p, y.p, x.n)) == 0;
	while (slice_cut(&x, ',', &part))
		for (struct slice rest = y; slice_cut(&rest, ',', &other);)
			if (slice_eq(part, other))
				return true;
	return false;
}

static bool theirs_instead(struct compare *k, const struct shipped_value *v)
{
	for (size_t i = 0; i < k->n; i++)
		if (theirs(&k->items[i]) && clash(k->l, k->items[i].text, v->text)) {
			upgrade_note(k->u, "%s of %s: '%.*s ...' is yours, where this version ships another → compare them, see csamctl(1)", k->l->attr, k->dn,
			    (int)k->l->about(v->text), v->text);
			return true;
		}
	return false;
}

/* In the place of what goes for it; else before the next of ours, as in a new directory; else behind all. */
static size_t place_for(const struct compare *k, const struct shipped_value *v)
{
	for (; v < k->s->vals + k->s->n; v++)
		for (size_t i = 0; i < k->n; i++)
			if (k->items[i].ours == v)
				return i;
	return k->n;
}

static void insert(struct compare *k, const struct shipped_value *v)
{
	size_t at = place_for(k, v);
	memmove(&k->items[at + 1], &k->items[at], (k->n - at) * sizeof *k->items);
	k->items[at] = (struct item){ v->folded, v, COMES };
	k->n++;
}

static bool is_there(const struct compare *k, const struct shipped_value *v, bool *some_goes)
{
	*some_goes = false;
	for (size_t i = 0; i < k->n; i++) {
		if (k->items[i].ours == v && k->items[i].fate != GOES)
			return true;
		*some_goes |= k->items[i].ours == v;
	}
	return false;
}

static void find_missing(struct compare *k)
{
	for (size_t i = 0; i < k->s->n; i++) {
		const struct shipped_value *v = &k->s->vals[i];
		bool goes;
		if (shipped_here(k, i) && !is_there(k, v, &goes) && (goes || !theirs_instead(k, v)))
			insert(k, v);
	}
}

/* The first rule that fits decides: what stands behind a new one may give less than it gave. */
static void name_later(struct compare *k)
{
	bool new = false;
	for (size_t i = 0; i < k->n && k->l->about == before_by; i++) {
		new |= k->items[i].fate == COMES;
		if (new && theirs(&k->items[i]))
			ldif_comment(&k->u->ldif, arena_printf(k->u->c->a, "Yours, behind rules that are new: does it still give what it gave? %s",
			    harmless(k->u->c->a, k->items[i].text)));
	}
}

static void emit(struct compare *k)
{
	struct record r = { .u = k->u };
	name_later(k);
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].fate == COMES)
			record_change(&r, k->dn, "add", k->items[i].ours->why, k->l->attr, k->l->ordered ? (int)i : -1, k->items[i].text);
	for (size_t i = k->n; i-- > 0;)		/* from the last, so that the numbers of the others hold */
		if (k->items[i].fate == GOES)
			record_change(&r, k->dn, "delete", k->items[i].ours != NULL ? "An earlier version had this in its place." : "An earlier version had this.",
			    k->l->attr, k->l->ordered ? (int)i : -1, k->items[i].text);
	if (r.dn != NULL)
		buf_printf(&k->u->lacks, " %s", k->l->attr);
	record_end(&r);
}

/* Rules that are all an administrator's are a design of their own: ours among them would open or close what nobody thought of. */
static bool all_theirs(const struct compare *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (!theirs(&k->items[i]))
			return false;
	return k->n > 0 && k->l->about == before_by;
}

static void in_order(struct compare *k)
{
	const struct shipped_value *last = NULL;
	for (size_t i = 0; i < k->n; i++) {
		if (k->items[i].ours == NULL)
			continue;
		if (k->items[i].ours < last)
			upgrade_note(k->u, "%s of %s: {%zu} comes later than in slapd.ldif of this version → the first rule that fits decides: compare them",
			    k->l->attr, k->dn, i);
		last = k->items[i].ours;
	}
}

static void compare(struct upgrade *u, const struct list *l, const struct shipped_entry *s, const struct ldap_entry *e)
{
	const struct attr *now = entry_attr(e, l->attr);
	size_t n = now != NULL ? now->n : 0;
	struct compare own = { .u = u, .l = l, .s = s, .dn = e->dn, .items = ARENA_ARRAY(u->c->a, struct item, n + s->n) }, *k = &own;
	for (size_t i = 0; i < n; i++)
		k->items[k->n++] = recognise(k, now->vals[i]);
	if (all_theirs(k)) {
		if (shipped_str(s, l->attr) != NULL)
			upgrade_note(u, "%s of %s: all rules are yours, none this project's → take what you need from slapd.ldif yourself, see csamctl(1)", l->attr, e->dn);
		return;
	}
	if (l->ordered)
		in_order(k);
	find_missing(k);
	emit(k);
}

void upgrade_lists(struct upgrade *u, const struct shipped_entry *s, const struct ldap_entry *e)
{
	for (size_t i = 0; i < LISTS; i++)
		compare(u, &lists[i], s, e);
}
