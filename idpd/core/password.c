/* What a new password must be. */
#include <strings.h>
#include "base/clock.h"
#include "core/password.h"
#include "core/policy.h"
#include "svc/passwords.h"

static size_t characters(struct slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool same(struct slice a, struct slice b)
{
	return b.n > 0 && a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* The words that everybody who knows the person would try, with or without figures around them. */
static bool is_own_name(const struct person *p, struct slice s)
{
	struct slice rest = slice_of(p->mail), local;
	const struct slice own[] = { slice_of(p->name), slice_of(p->mail), slice_of(p->given_name), slice_of(p->family_name),
		slice_of(p->display_name), slice_cut(&rest, '@', &local) ? local : S_NONE };
	struct slice core = password_core(s);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (same(s, own[i]) || same(core, own[i]) || same(core, password_core(own[i])))
			return true;
	return false;
}

bool password_second(const struct person *person)
{
	for (size_t i = 0; i < person->nkeys; i++) {
		const struct key_kind *kind = kind_by_name(slice_of(person->keys[i].kind));
		if (kind != NULL && kind->traits & KIND_SECOND && policy_level(kind, person, &person->keys[i], now()) > 0)
			return true;
	}
	return false;
}

const char *password_fault(const struct person *person, bool second, struct slice s)
{
	if (s.n > PASSWORD_MOST_BYTES)
		return "note.password-long";
	if (!slice_is_text(s, ""))
		return "note.password-characters";
	if (characters(s) < PASSWORD_LEAST)
		return "note.password-short";
	if (!second && characters(s) < PASSWORD_LEAST_ALONE)
		return "note.password-short-alone";
	if (password_is_known(s))
		return "note.password-known";
	return is_own_name(person, s) ? "note.password-name" : NULL;
}
