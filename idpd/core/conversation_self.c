/* Kinds that say themselves who it is: nobody has typed a name, and what is proven is a national number.
 *
 * Wrong tries count for the conversation alone: nobody can lock another person out with a card, and a signature is not guessed. */
#include "base/clock.h"
#include "core/engine.h"
#include "core/names.h"

enum { MAX_CALLS = 4 };

static struct step step_of(const struct engine *e)
{
	struct step s = { .a = e->a, .conversation = e->c.id, .when = now(), .memory = engine_memory(e, e->kind->name) };
	if (e->c.door == DOOR_HOST)
		s.place = (struct place){ .host = e->c.service, .program = e->c.via, .user = e->c.name };
	return s;
}

bool engine_card_first(const struct engine *e)
{
	if (e->c.door != DOOR_HOST || e->c.goal != GOAL_LOGIN || e->c.proven || e->person != NULL || !(e->c.can & ASK_CHOICE))
		return false;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++)
		if ((*k)->traits & KIND_NAMES && engine_fits(e, *k))
			return true;
	return false;
}

/* At a host it says that there is no card: a try, so that nobody goes back and forth for ever. */
struct outcome engine_back(struct engine *e)
{
	size_t n;
	if (e->c.door == DOOR_BROWSER)
		return engine_choose(e, NULL, NULL);
	engine_only_kind(e, &n);
	if (!(e->c.can & ASK_CHOICE) || (n < 2 && !engine_may_device(e)))
		return engine_denied("deny.no-card");
	struct outcome o = engine_wrong(e, NULL);
	if (o.verdict == V_MORE) {
		e->kind = NULL;
		e->c.kind = NULL;
		e->c.stage = STAGE_CHOOSE;
	}
	return o;
}

struct outcome engine_enter_self(struct engine *e)
{
	struct step s = step_of(e);
	s.enter = true;
	e->c.key_id = NULL;
	e->c.stage = STAGE_SELF;
	if (e->kind->verify(&s) != V_MORE || engine_remember(e, e->kind->name, s.memory) != OK)
		return engine_down;
	return engine_more;
}

void engine_draw_self(const struct engine *e, struct prompt *ask)
{
	struct step s = step_of(e);
	if (e->kind->verify(&s) == V_MORE)
		*ask = s.ask;
}

/* A new challenge, so that none is tried twice. */
static struct outcome once_more(struct engine *e, const char *note)
{
	struct outcome o = engine_enter_self(e);
	return o.verdict == V_MORE ? engine_wrong(e, note) : o;
}

static enum verdict ask_kind(struct engine *e, struct step *s)
{
	for (int calls = 0; calls <= MAX_CALLS; calls++) {
		s->call = NULL;
		enum verdict verdict = e->kind->verify(s);
		if (verdict != V_MORE || s->call == NULL)
			return verdict;
		s->called = partner_call(e->a, s->call, &s->brought);
	}
	return V_DOWN;
}

static struct outcome refused(struct engine *e, const struct try *t, const char *why, const char *text)
{
	engine_record(e, EV_LOGIN_NO, t, why);
	return engine_denied(text);
}

/* A host's programs act on the name, letter for letter. */
static bool is_wanted(const struct engine *e, const struct person *person)
{
	if (e->c.door == DOOR_HOST && (e->c.name == NULL || strcmp(e->c.name, person->name) != 0 || name_is_reserved(slice_of(person->name))))
		return false;
	return e->c.wanted == NULL || strcmp(e->c.wanted, person->subject) == 0;
}

struct outcome engine_named(struct engine *e, const struct person *person, const char *exception)
{
	struct try t = { .person = person };
	const struct key *keys[MAX_CHOICES];
	if (!person_is_active(person))
		return refused(e, &t, "suspended", "deny.suspended");
	if (!is_wanted(e, person)) {
		engine_record(e, EV_LOGIN_NO, &t, "other-person");
		return once_more(e, "note.other-person");
	}
	e->person = person;
	if (engine_keys(e, keys) == 0)
		return refused(e, &t, "no-key", "deny.key-closed");
	t.key = keys[0];
	if (exception != NULL && AUDIT(.event = EV_LOGIN_UNCHECKED, .subject = person->subject, .kind = e->kind->name, .key = t.key->id,
	    .card = e->card, .service = e->c.service, .peer = e->peer, .why = exception) != OK)
		return engine_down;
	engine_knows(e, person);
	e->c.key_id = t.key->id;
	e->c.by_session = false;	/* it rests on no earlier password */
	return (struct outcome){ .verdict = V_ALLOW, .key = t.key };
}

struct outcome engine_check_self(struct engine *e, const struct answer *answer)
{
	struct step s = step_of(e);
	struct try nobody = { .person = NULL };
	const struct person *person;
	if (answer->without) {
		engine_record(e, EV_LOGIN_NO, &nobody, "card-missing");
		return once_more(e, "eid.no-card");
	}
	if (answer->proof.n == 0)
		return engine_again(e, "note.incomplete");
	s.answer = answer->proof;
	enum verdict verdict = ask_kind(e, &s);
	e->card = s.card;
	switch (verdict) {
	case V_ALLOW:
		break;
	case V_DENY:
		engine_record(e, EV_LOGIN_NO, &nobody, s.why);
		return once_more(e, s.note);
	case V_MORE:
		return engine_again(e, s.why != NULL ? s.why : "note.incomplete");
	default:
		return engine_down;
	}
	int rc = directory_person_by_number(e->a, slice_of(s.national_number), &person);
	if (rc == OK)
		return engine_named(e, person, s.exception);
	if (rc != E_NOENT && rc != E_INPUT)
		return engine_down;
	struct outcome o = rc == E_NOENT ? engine_enter_register(e, &s) : (struct outcome){ .verdict = V_DENY };
	return o.verdict != V_DENY ? o : refused(e, &nobody, rc == E_NOENT ? "unknown-person" : "ambiguous-person", "deny.unknown-person");
}
