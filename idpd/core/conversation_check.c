/* Is it them? The password, and the kind's own step.
 *
 * Unknown, suspended, without password, refused and wrong walk one path: the same calls in the same order, one bind. An attempt is
 * counted before it is evaluated; what could not be evaluated is taken back. */
#include "base/clock.h"
#include "base/log.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/limits.h"
#include "core/names.h"
#include "svc/audit.h"

enum { NAME_MAX_BYTES = 256, AUDIT_NAME_BYTES = 64 };

/* --- the ticket --- */

const struct state_act *engine_claim(struct engine *e, struct claim *c)
{
	if (e->taken)
		return NULL;
	c->act = conv_taking(&e->c, e->ticket, e->answer, &c->taking);
	return &c->act;
}

void engine_claimed(struct engine *e, const struct claim *c, int rc)
{
	if (e->taken)
		return;
	e->lost = rc == E_EXISTS;
	e->taken = rc == OK || rc == E_LIMIT;
	if (e->taken)
		conv_taken(&e->c, &c->taking);
}

int engine_take(struct engine *e)
{
	struct claim c;
	const struct state_act *act = engine_claim(e, &c);
	int rc = act != NULL ? state_update_all(act, 1) : OK;
	engine_claimed(e, &c, rc);
	return rc;
}

/* --- what is told and kept of a no --- */

struct outcome engine_again(struct engine *e, const char *note)
{
	e->c.note = note;
	return engine_more;
}

struct outcome engine_wrong(struct engine *e, const char *note)
{
	if (++e->c.wrong >= limits_turns())
		return engine_denied("deny.too-many");
	return engine_again(e, note);
}

/* What was typed as a name, when it is text, cut between characters. */
static const char *typed(struct arena *a, struct slice name)
{
	if (!slice_is_text(name, ""))
		return NULL;
	if (name.n > AUDIT_NAME_BYTES)
		for (name.n = AUDIT_NAME_BYTES; name.n > 0 && ((unsigned char)name.p[name.n] & 0xc0) == 0x80;)
			name.n--;
	return arena_str(a, name);
}

/* A no stands whether or not its line could be written: only a yes waits for the trail. */
void engine_record(struct engine *e, enum audit_event event, const struct try *t, const char *why)
{
	HISTORY(e->browser, .event = event, .subject = t->person ? t->person->subject : NULL, .name = t->person ? NULL : typed(e->a, t->name),
	    .kind = e->c.kind, .key = t->key ? t->key->id : NULL, .card = e->card, .service = e->c.service, .peer = e->peer, .via = e->c.via, .why = why);
}

/* --- the password --- */

int engine_person(struct engine *e, struct slice name, const struct person **out)
{
	int rc = E_NOENT;
	*out = NULL;
	if (e->c.name_fixed && e->c.wanted != NULL)
		rc = directory_person(e->a, e->c.wanted, out);
	else if (name.n <= NAME_MAX_BYTES && slice_is_text(name, ""))
		rc = directory_person_typed(e->a, name, out);
	/* On a host the name is what its programs act on: another spelling, an alias or a name of the system is nobody's there. */
	if (rc != OK || (e->c.door == DOOR_HOST && (!slice_is(name, (*out)->name) || name_is_reserved(name))))
		*out = NULL;
	return rc == E_NOENT || rc == E_INPUT ? OK : rc;
}

static const char *why_not(const struct engine *e, const struct person *person, int verified)
{
	if (person == NULL)
		return "unknown-name";
	if (!person_is_active(person))
		return "suspended";
	if (!person->has_password)
		return "no-password";
	if (verified != OK)
		return "wrong-password";
	return e->c.wanted != NULL && strcmp(e->c.wanted, person->subject) != 0 ? "other-person" : NULL;
}

static struct outcome password_is_right(struct engine *e, const struct person *person)
{
	engine_knows(e, person);
	return e->c.goal == GOAL_PASSWORD ? engine_ask_new(e) : engine_next(e);
}

/* OK: evaluated, *why is what was wrong or NULL; E_LIMIT: not now, in wait_s; else it could not be evaluated, and was not counted. */
static int evaluate_password(struct engine *e, const struct try *t, struct slice secret, const char **why)
{
	struct claim claim;
	int limit = limits_password(t->person, t->name, e->peer, engine_claim(e, &claim), &e->c.wait_s);
	engine_claimed(e, &claim, limit);
	if (limit != OK && (limit != E_LIMIT || e->c.wait_s > 0))
		return limit;
	/* Refused for good: the decoy is asked, and the answer is that of a wrong password. */
	int rc = directory_verify(limit == OK ? t->person : NULL, secret);
	bool right = rc == OK && limit == OK && t->person != NULL && person_is_active(t->person);
	*why = limit == OK ? why_not(e, t->person, rc) : "refused";
	e->right = right ? t->person : NULL;
	if (rc == OK || rc == E_NOENT)
		return OK;
	if (limit == OK)
		limits_password_undo(t->person, t->name, e->peer);
	return E_DOWN;
}

struct outcome engine_refused(struct engine *e, const struct person *person)
{
	engine_record(e, EV_LOGIN_LIMITED, &(struct try){ .person = person }, "refused");
	return engine_wrong(e, "note.wrong");
}

static struct outcome try_password(struct engine *e, const struct try *t, struct slice secret)
{
	const char *why = "wrong-password";
	int rc = evaluate_password(e, t, secret, &why);
	if (rc == E_LIMIT) {
		engine_record(e, EV_LOGIN_LIMITED, t, "wait");
		return engine_again(e, "note.wait");
	}
	if (rc != OK)
		return engine_down;
	if (why == NULL && t->person != NULL)
		return password_is_right(e, t->person);
	engine_record(e, slice_is(S("refused"), why) ? EV_LOGIN_LIMITED : EV_LOGIN_NO, t, why);
	return engine_wrong(e, "note.wrong");
}

static struct outcome check_password(struct engine *e, const struct answer *answer)
{
	/* Spaces before and behind come from copying, and are nobody's name. */
	struct try t = { .name = e->c.name_fixed ? slice_of(e->c.name) : slice_trim(answer->text, " ") };
	if (!e->c.name_fixed)
		e->c.name = t.name.n <= NAME_MAX_BYTES && slice_is_text(t.name, "") ? arena_str(e->a, t.name) : NULL;
	if (t.name.n == 0 || answer->secret.n == 0)
		return engine_again(e, "note.incomplete");
	if (engine_person(e, t.name, &t.person) != OK)
		return engine_down;
	return try_password(e, &t, answer->secret);
}

/* --- the kind's own step --- */

static const struct key *chosen_key(const struct engine *e)
{
	const struct key *keys[MAX_CHOICES];
	size_t n = engine_keys(e, keys);
	for (size_t i = 0; i < n; i++)
		if (slice_is(slice_of(keys[i]->id), e->c.key_id))
			return keys[i];
	return NULL;
}

static struct outcome key_is_locked(struct engine *e, const struct try *t)
{
	engine_record(e, EV_LOGIN_LIMITED, t, "locked");
	return engine_choose(e, "note.locked", t->key->kind);
}

static struct outcome evaluate_second(struct engine *e, const struct try *t, struct slice code)
{
	struct step s;
	switch (engine_try_key(e, t, code, &s)) {
	case V_ALLOW:
		return (struct outcome){ .verdict = V_ALLOW, .key = t->key };
	case V_DENY:
		if (slice_is(S("locked"), s.why))
			return key_is_locked(e, t);
		engine_record(e, EV_LOGIN_NO, t, s.why);
		return engine_wrong(e, "note.wrong-code");
	case V_MORE:
		return s.tried ? engine_wrong(e, s.why) : engine_again(e, s.why != NULL ? s.why : "note.incomplete");
	default:
		return engine_down;
	}
}

static struct outcome check_second(struct engine *e, const struct answer *answer)
{
	struct try t = { .person = e->person, .key = chosen_key(e) };
	if (t.key == NULL && engine_take(e) != OK)
		return engine_down;
	if (t.key == NULL)
		return engine_next(e);		/* it fell since it was chosen: another, or why there is none */
	/* In a terminal there is no button: a sign that is in no code stands for it. */
	if (answer->again || (e->c.door == DOOR_HOST && slice_is(answer->code, "+")))
		return engine_ask_again(e, t.key);
	if (answer->code.n == 0)
		return engine_again(e, "note.incomplete");
	return evaluate_second(e, &t, answer->code);
}

/* --- one answer --- */

static struct outcome chosen(struct engine *e, struct slice id)
{
	if (id.n == 0)
		return engine_again(e, "note.incomplete");
	if (engine_take(e) != OK)	/* what is chosen may send a code */
		return engine_down;
	if (e->c.stage == STAGE_KEY) {
		e->c.key_id = arena_str(e->a, id);
		const struct key *key = chosen_key(e);
		return key != NULL ? engine_enter(e, key) : engine_next(e);
	}
	if (slice_is(id, "device"))
		return engine_go_device(e);
	if (slice_is(id, "other")) {		/* no card: the password, as where there is no reader */
		e->c.stage = STAGE_PASSWORD;
		return engine_more;
	}
	e->kind = kind_by_name(id);
	e->c.kind = e->kind->name;
	if (e->person != NULL || e->kind->traits & KIND_NAMES)
		return engine_next(e);
	e->c.stage = STAGE_PASSWORD;
	return engine_more;
}

bool engine_verifies(const struct engine *e)
{
	return e->c.stage == STAGE_PASSWORD || e->c.stage == STAGE_AGAIN;
}

struct outcome engine_evaluate(struct engine *e, const struct answer *answer)
{
	e->c.note = e->c.note_kind = NULL;
	e->c.wait_s = 0;
	if (answer->back)
		return engine_back(e);
	bool counts = e->c.stage == STAGE_PASSWORD || e->c.stage == STAGE_SECOND || e->c.stage == STAGE_CODE;
	if (!counts && engine_take(e) != OK)	/* the others take it in the act that counts the try */
		return engine_down;
	switch (e->c.stage) {
	case STAGE_CHOOSE:
	case STAGE_KEY:
		return chosen(e, answer->choice);
	case STAGE_PASSWORD:
		return check_password(e, answer);
	case STAGE_SECOND:
		return check_second(e, answer);
	case STAGE_CODE:
		return engine_check_proven(e, answer);
	case STAGE_DEVICE:
		return engine_check_device(e, answer);
	case STAGE_SELF:
		return engine_check_self(e, answer);
	case STAGE_REGISTER:
		return engine_check_register(e);
	case STAGE_NEW:
		return engine_check_new(e, answer);
	case STAGE_AGAIN:
		return engine_check_again(e, answer);
	default:
		return engine_denied("deny.other");
	}
}
