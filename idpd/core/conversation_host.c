/* A code alone, after a host has verified a public key of the person itself.
 *
 * Nobody has proven anything to us here, so nothing may tell who exists: the same prompt for everybody, one note for every no, and every no
 * takes as long. The code may be that of any of the person's keys; a wrong one counts against each of them. */
#include <unistd.h>
#include "base/clock.h"
#include "core/engine.h"
#include "core/limits.h"
#include "svc/keyring.h"
#include "svc/state.h"

enum { NO_MS = 25, DECOY_S = 3600 };		/* longer than any evaluation here; about what a password costs */

/* The work of a wrong code, for somebody who has no key: one write, one question to the keyring. */
static bool ask_decoy(struct engine *e, struct slice code)
{
	unsigned n;
	struct otp otp = { .secret = S("{CSAM}"), .ad = S("decoy|decoy"), .code = code, .when = now(), .back = 1 };
	if (engine_take(e) != OK || state_count("limit.second.name", slice_of(e->c.name), DECOY_S, &n) != OK)
		return false;
	return keyring_otp(&otp) != E_DOWN;
}

static size_t usable(const struct engine *e, const struct key **keys)
{
	size_t n = 0;
	for (size_t i = 0; i < e->person->nkeys && n < MAX_CHOICES; i++) {
		const struct key *key = &e->person->keys[i];
		const struct key_kind *kind = kind_by_name(slice_of(key->kind));
		unsigned level = kind != NULL && engine_proven_fits(e, kind) && !policy_kind_blocked(kind) ? policy_level(kind, e->person, key, now()) : 0;
		if (level != 0 && level >= engine_needed(e))
			keys[n++] = key;
	}
	return n;
}

/* A wrong try that was counted against a key whose neighbour was right, or that could not be told. */
static void undo(const struct engine *e, const struct key **tried, size_t n)
{
	for (size_t i = 0; i < n; i++)
		limits_second_undo(e->person, tried[i]);
}

static enum verdict try_keys(struct engine *e, struct try *t, struct slice code, const char **why)
{
	const struct key *keys[MAX_CHOICES], *tried[MAX_CHOICES];
	size_t n = usable(e, keys), ntried = 0;
	*why = "no-key";
	if (n == 0)
		return ask_decoy(e, code) ? V_DENY : V_DOWN;
	for (size_t i = 0; i < n; i++) {
		t->key = keys[i];
		e->kind = kind_by_name(slice_of(keys[i]->kind));
		struct step s;
		enum verdict verdict = engine_try_key(e, t, code, &s);
		*why = s.why;
		if (verdict == V_MORE && !s.tried)
			continue;		/* it asks for a code by its number, and here nobody was asked */
		if (verdict == V_ALLOW || verdict == V_DOWN) {
			undo(e, tried, ntried);
			return verdict;
		}
		if (!slice_is(S("locked"), *why) && !slice_is(S("replayed-code"), *why))
			tried[ntried++] = keys[i];
	}
	return V_DENY;
}

static struct outcome admitted(struct engine *e, const struct try *t)
{
	engine_knows(e, t->person);
	e->c.kind = e->kind->name;
	return (struct outcome){ .verdict = V_ALLOW, .key = t->key };
}

static struct outcome check(struct engine *e, struct slice code)
{
	struct try t = { .name = slice_of(e->c.name) };
	const char *why = "unknown-name";
	enum verdict verdict;
	if (engine_person(e, t.name, &t.person) != OK)
		return engine_down;
	if (t.person != NULL && person_is_active(t.person)) {
		e->person = t.person;
		verdict = try_keys(e, &t, code, &why);
	} else {
		why = t.person != NULL ? "suspended" : why;
		verdict = ask_decoy(e, code) ? V_DENY : V_DOWN;
	}
	if (verdict == V_ALLOW)
		return admitted(e, &t);
	e->person = NULL;
	e->kind = NULL;
	if (verdict != V_DENY)
		return engine_down;
	engine_record(e, EV_LOGIN_NO, &t, why);
	return engine_wrong(e, "note.wrong-code");
}

struct outcome engine_check_proven(struct engine *e, const struct answer *answer)
{
	if (answer->code.n == 0)
		return engine_again(e, "note.incomplete");
	uint64_t end = ticks_ms() + NO_MS;
	struct outcome o = check(e, answer->code);
	uint64_t at = ticks_ms();
	if (o.verdict != V_ALLOW && at < end)
		usleep((useconds_t)(end - at) * 1000);
	return o;
}
