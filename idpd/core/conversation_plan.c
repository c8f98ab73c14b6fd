/* What can be asked in a conversation, what is asked next, and how it is drawn. */
#include "base/clock.h"
#include "core/engine.h"

/* --- the world as it stands now --- */

void engine_knows(struct engine *e, const struct person *person)
{
	e->person = person;
	e->c.subject = person->subject;
	e->c.password_changed = person_generation(person);
	e->c.since = now();
}

/* OK: what was proven stands; E_NOENT: person suspended, password changed, or the session it was taken from ended. */
static int stands(struct engine *e)
{
	struct login login;
	int rc = directory_person(e->a, e->c.subject, &e->person);
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	if (!person_is_active(e->person) || !slice_is(slice_of(person_generation(e->person)), e->c.password_changed))
		return E_NOENT;
	if (!e->c.by_session)
		return OK;
	if (e->c.goal == GOAL_KEY && e->c.activation != NULL)
		return engine_draft_stands(e);
	rc = session_login_sid(e->a, e->c.sid, &login);
	e->worth = rc == OK ? login.level : 0;
	return rc != OK ? rc : e->c.goal == GOAL_KEY || session_password(&login) != NULL ? OK : E_NOENT;
}

static void ask_password_again(struct engine *e)
{
	struct conv *c = &e->c;
	e->person = NULL;
	e->fell = true;
	c->subject = c->password_changed = c->key_id = c->note_kind = NULL;
	c->memory = S_NONE;
	c->by_session = false;
	c->note = "note.wrong";		/* the one thing a suspended person is told */
	c->stage = c->door == DOOR_BROWSER && e->kind == NULL ? STAGE_CHOOSE : STAGE_PASSWORD;
}

int engine_look(struct engine *e)
{
	int rc = OK;
	e->kind = kind_by_name(slice_of(e->c.kind));
	if (e->c.service != NULL)
		rc = directory_service(e->a, e->c.service, &e->service);
	if (rc != OK && rc != E_NOENT)
		return rc;
	e->blocked = rc == E_NOENT || (e->service != NULL && !service_is_open(e->service));
	if (e->c.stage == STAGE_END)
		return OK;
	if (e->c.subject == NULL)
		return engine_recall(e);
	rc = stands(e);
	if (rc == OK && e->c.goal == GOAL_KEY)
		rc = engine_read_draft(e);
	else if (rc == E_NOENT && e->c.goal == GOAL_KEY)
		e->over = true;
	else if (rc == E_NOENT)
		ask_password_again(e);
	return rc == E_NOENT ? OK : rc != OK ? rc : engine_recall(e);
}

/* --- kinds and keys --- */

unsigned engine_needed(const struct engine *e)
{
	unsigned of_service = e->service != NULL ? e->service->level : 0;
	return e->c.level > of_service ? e->c.level : of_service;
}

bool engine_fits(const struct engine *e, const struct key_kind *kind)
{
	return (kind->asks & ~e->c.can) == 0 && kind_offered(kind) && policy_kind_fits(kind, e->service, engine_needed(e));
}

bool engine_proven_fits(const struct engine *e, const struct key_kind *kind)
{
	/* What sends a code sends none to somebody who has proven nothing to us. */
	return kind->traits & KIND_SECOND && kind->asks & ASK_CODE && kind->ready == NULL && engine_fits(e, kind);
}

const struct key_kind *engine_only_kind(const struct engine *e, size_t *n)
{
	const struct key_kind *first = NULL;
	*n = 0;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++)
		if (engine_fits(e, *k) && (*n)++ == 0)
			first = *k;
	return first;
}

static size_t keys_of(const struct engine *e, const struct key_kind *kind, const struct key **keys)
{
	size_t n = 0;
	if (policy_kind_blocked(kind))
		return 0;
	for (size_t i = 0; i < e->person->nkeys && n < MAX_CHOICES; i++) {
		const struct key *key = &e->person->keys[i];
		unsigned level = policy_level(kind, e->person, key, now());
		if (level != 0 && level >= engine_needed(e) && (kind->used_up == NULL || !kind->used_up(key)))
			keys[n++] = key;
	}
	return n;
}

size_t engine_keys(const struct engine *e, const struct key **keys)
{
	if (e->draft != NULL) {
		keys[0] = e->draft;
		return 1;
	}
	return keys_of(e, e->kind, keys);
}

bool engine_has_key(const struct engine *e, const struct key_kind *kind)
{
	const struct key *keys[MAX_CHOICES];
	return keys_of(e, kind, keys) > 0;
}

/* Why no key of the kind can be used (A13, A21): told to nobody before the right password. */
static const char *obstacle(const struct engine *e, const struct key_kind *kind)
{
	const char *why;
	if (policy_kind_blocked(kind))
		return "note.blocked";
	const struct key *best = policy_key(kind, e->person, now(), &why);
	if (best != NULL && kind->used_up != NULL && kind->used_up(best))
		return "note.used-up";
	if (best != NULL)
		return "note.no-key";		/* there is one, of too low a level */
	return strcmp(why, "locked") == 0 ? "note.locked" : "note.not-activated";
}

/* --- what comes next --- */

static void choose_kind(struct engine *e, const struct key_kind *kind)
{
	e->kind = kind;
	e->c.kind = kind != NULL ? kind->name : NULL;
	e->c.key_id = NULL;
}

static bool has_any_key(const struct engine *e)
{
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++)
		if (engine_fits(e, *k) && engine_has_key(e, *k))
			return true;
	return engine_may_device(e);
}

struct outcome engine_choose(struct engine *e, const char *note, const char *note_kind)
{
	if (e->draft != NULL)
		return engine_denied("deny.too-many");
	e->c.note_kind = note_kind;
	if (!(e->c.can & ASK_CHOICE))
		return engine_denied(e->c.door == DOOR_HOST && note != NULL ? note : "deny.level");	/* no other key either */
	if (e->c.door == DOOR_HOST && !has_any_key(e))
		return engine_denied(note != NULL ? note : "deny.level");	/* there is no way back in a terminal */
	choose_kind(e, NULL);
	e->c.stage = STAGE_CHOOSE;
	e->c.note = note;
	return engine_more;
}

/* On a host the password comes first; who then has keys of one kind only need not choose. */
static bool choose_for_them(struct engine *e)
{
	const struct key_kind *has = NULL, *card = NULL, *only;
	size_t n = 0, fitting;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++) {
		if (!engine_fits(e, *k) || !engine_has_key(e, *k))
			continue;
		if ((*k)->traits & KIND_NAMES)
			card = *k;			/* they took the password instead */
		else if (n++ == 0)
			has = *k;
	}
	if (n == 0 && card != NULL) {
		has = card;
		n = 1;
	}
	only = engine_only_kind(e, &fitting);
	if (n == 0 && fitting == 1)
		choose_kind(e, only);		/* then it can be told what is wrong with theirs */
	else if ((n == 1 && !engine_may_device(e)) || (n > 0 && !(e->c.can & ASK_CHOICE)))
		choose_kind(e, has);
	return e->kind != NULL;
}

/* Nothing to choose: all their keys are for a browser. */
static bool only_device(const struct engine *e)
{
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++)
		if (engine_fits(e, *k) && engine_has_key(e, *k))
			return false;
	return engine_may_device(e);
}

struct outcome engine_next(struct engine *e)
{
	const struct key *keys[MAX_CHOICES];
	if (e->kind == NULL && only_device(e))
		return engine_go_device(e);
	if (e->kind != NULL && e->kind->traits & KIND_NAMES)
		return engine_enter_self(e);		/* whatever was proven before is no eID */
	size_t n = e->kind != NULL || choose_for_them(e) ? engine_keys(e, keys) : 0;
	if (n == 0)
		return engine_choose(e, e->kind ? obstacle(e, e->kind) : e->c.note, e->c.kind);
	if (!(e->kind->traits & KIND_SECOND))
		return (struct outcome){ .verdict = V_ALLOW, .key = keys[0] };
	if (n == 1 || !(e->c.can & ASK_CHOICE))
		return engine_enter(e, keys[0]);
	e->c.stage = STAGE_KEY;
	return engine_more;
}

/* --- how it is drawn --- */

/* Who stands at a host is not known yet: everybody is offered a card, the password, and what may follow it. */
static void draw_before_password(const struct engine *e, struct prompt *ask)
{
	size_t n;
	engine_only_kind(e, &n);
	struct choice *choice = ARENA_ARRAY(e->a, struct choice, n + 2);
	bool other = false;
	ask->choices = choice;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++)
		if (!engine_fits(e, *k))
			continue;
		else if ((*k)->traits & KIND_NAMES)
			*choice++ = (struct choice){ .id = (*k)->name, .group = (*k)->group };
		else
			other = true;
	if (other)
		*choice++ = (struct choice){ .id = "other" };
	if (engine_may_device(e))
		*choice++ = (struct choice){ .id = "device" };
	ask->nchoices = (size_t)(choice - ask->choices);
}

static void draw_kinds(const struct engine *e, struct prompt *ask)
{
	const struct key *keys[MAX_CHOICES];
	size_t n;
	if (engine_card_first(e)) {
		draw_before_password(e, ask);
		return;
	}
	engine_only_kind(e, &n);
	bool device = engine_may_device(e);
	struct choice *choice = ARENA_ARRAY(e->a, struct choice, n + 1);
	ask->choices = choice;
	ask->nchoices = n + device;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++) {
		if (!engine_fits(e, *k))
			continue;
		*choice = (struct choice){ .id = (*k)->name, .group = (*k)->group };
		if (policy_kind_blocked(*k) || (e->person != NULL && keys_of(e, *k, keys) == 0)) {
			choice->disabled = true;
			choice->note_id = obstacle(e, *k);
		}
		choice++;
	}
	if (device)
		*choice = (struct choice){ .id = "device" };
}

/* Several keys of one kind: which one is asked, so that each answer counts for one key. */
static void draw_keys(const struct engine *e, struct prompt *ask)
{
	const struct key *keys[MAX_CHOICES];
	size_t n = engine_keys(e, keys);
	struct choice *choices = ARENA_ARRAY(e->a, struct choice, n);
	for (size_t i = 0; i < n; i++)
		choices[i] = (struct choice){ .id = keys[i]->id, .group = e->kind->group,
			.label = keys[i]->label != NULL ? keys[i]->label : keys[i]->id };
	ask->choices = choices;
	ask->nchoices = n;
}

static void draw_second(const struct engine *e, struct prompt *ask)
{
	const struct key *keys[MAX_CHOICES];
	size_t n = engine_keys(e, keys);
	ask->ask = ASK_CODE;			/* also when the key fell meanwhile: the answer will say so */
	for (size_t i = 0; i < n; i++)
		if (slice_is(slice_of(keys[i]->id), e->c.key_id))
			engine_draw_key(e, keys[i], ask);
}

static void draw_prompt(const struct engine *e, struct prompt *ask)
{
	switch (e->c.stage) {
	case STAGE_CHOOSE:
		ask->ask = ASK_CHOICE;
		draw_kinds(e, ask);
		break;
	case STAGE_PASSWORD:
		ask->ask = ASK_SECRET | (e->c.name_fixed ? 0 : ASK_TEXT);
		ask->label_id = e->c.goal == GOAL_PASSWORD ? "password.present" : NULL;
		break;
	case STAGE_CODE:
		ask->ask = ASK_CODE;
		break;
	case STAGE_DEVICE:
		ask->ask = ASK_WAIT | ASK_CODE;
		ask->label_id = "ask.digits";
		ask->user_code = e->c.device;
		break;
	case STAGE_NEW:
	case STAGE_AGAIN:
		ask->ask = ASK_SECRET;
		ask->label_id = e->c.stage == STAGE_NEW ? "password.new" : "password.again";
		break;
	case STAGE_KEY:
		ask->ask = ASK_CHOICE;
		draw_keys(e, ask);
		break;
	case STAGE_SECOND:
		draw_second(e, ask);
		break;
	case STAGE_SELF:
		engine_draw_self(e, ask);
		break;
	case STAGE_REGISTER:
		engine_draw_register(e, ask);
		break;
	}
}

void engine_draw(const struct engine *e, struct turn *out)
{
	const struct conv *c = &e->c;
	struct prompt ask = { 0 };
	size_t n;
	engine_only_kind(e, &n);
	draw_prompt(e, &ask);
	ask.kind = c->kind;
	ask.name = c->stage != STAGE_SELF || c->name_fixed ? c->name : NULL;
	if (c->note != NULL)
		ask.note_id = c->note;
	ask.note_kind = c->note_kind;
	ask.wait_s = c->wait_s;
	if (c->door == DOOR_HOST && c->stage == STAGE_SELF)
		ask.may_go_back = true;		/* there is no card */
	else
		ask.may_go_back = c->stage != STAGE_CHOOSE && n > 1 && c->can & ASK_CHOICE && (c->door == DOOR_BROWSER || e->person != NULL);
	out->ticket = c->ticket;
	out->ask = ask;
}

bool engine_fits_prompt(const struct prompt *ask, const struct answer *answer)
{
	if (answer->back || answer->again)	/* a form sends its other fields too: they are not looked at */
		return answer->back ? ask->may_go_back : ask->may_ask_again;
	if ((answer->text.n > 0 && !(ask->ask & ASK_TEXT)) || (answer->secret.n > 0 && !(ask->ask & ASK_SECRET)))
		return false;
	if (answer->code.n > 0 && !(ask->ask & ASK_CODE))
		return false;
	if (answer->proof.n > 0 && !(ask->ask & (ASK_SIGN | ASK_REDIRECT)))
		return false;
	if (answer->without && !(ask->ask & ASK_REDIRECT))
		return false;
	if (answer->choice.n == 0)
		return true;
	for (size_t i = 0; i < ask->nchoices; i++)
		if (slice_is(answer->choice, ask->choices[i].id))
			return !ask->choices[i].disabled;
	return false;
}
