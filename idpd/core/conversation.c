/* Begin, show, answer: the turns of a conversation. */
#include <unistd.h>
#include "base/clock.h"
#include "base/wait.h"
#include "core/engine.h"
#include "core/limits.h"
#include "svc/sealed.h"

enum { REPLY_WAIT_MS = 5000, REPLY_POLL_MS = 20 };

/* --- what the door gets --- */

static void tell(const struct engine *e, enum verdict verdict, struct turn *out)
{
	*out = (struct turn){ .verdict = verdict, .conversation = e->c.id, .back = e->c.back, .cancel = e->c.cancel,
		.service = e->c.service, .lang = e->c.lang, .goal = e->c.goal };
	if (e->c.door == DOOR_HOST && e->person != NULL && e->person->locale != NULL)
		out->lang = e->person->locale;
	if (verdict == V_MORE || verdict == V_DOWN)
		engine_draw(e, out);
	else
		out->ask.note_kind = e->c.note_kind;	/* a refusal may speak of a key, too */
}

static int refuse(const struct engine *e, const char *why, struct turn *out)
{
	tell(e, V_DENY, out);
	out->why = why;
	return OK;
}

/* The present prompt once more; nothing is evaluated. */
static int redraw(struct engine *e, enum verdict verdict, struct turn *out)
{
	if (e->c.stage == STAGE_END)
		return E_NOENT;
	int rc = engine_look(e);
	if (rc != OK)
		return rc;
	if (engine_closed(e) != NULL)
		return refuse(e, engine_closed(e), out);
	tell(e, verdict, out);
	return OK;
}

/* --- an answer that came before --- */

/* Waits until no answer is under evaluation; one that died gets the person a new ticket. */
static int settle(struct arena *a, struct conv *c, struct slice binding)
{
	uint64_t end = ticks_ms() + REPLY_WAIT_MS;
	struct slice id = slice_of(c->id);
	for (bool busy = c->taken != 0; busy;) {
		if (conv_is_stuck(c))
			return conv_revive(a, c);
		if (would_block())
			return E_WAIT;
		if (ticks_ms() >= end)
			return E_DOWN;
		usleep(REPLY_POLL_MS * 1000);
		AUTO_ARENA poll = arena_new();
		struct conv seen;
		int rc = conv_load(poll, id, binding, &seen);
		if (rc != OK)
			return rc;
		busy = seen.taken != 0;
		if (!busy)
			return conv_load(a, id, binding, c);
	}
	return OK;
}

/* The stored reply: same ticket, same answer. */
static int repeat(struct engine *e, struct turn *out)
{
	struct slice cookie = S_NONE;
	switch (e->c.verdict) {
	case V_MORE:
	case V_DOWN:
		return redraw(e, e->c.verdict, out);
	case V_ALLOW:
		if (e->c.goal == GOAL_LOGIN && sealed_open(e->a, "reply", e->c.session, &cookie) != OK)
			return E_NOENT;
		tell(e, V_ALLOW, out);
		out->session = cookie;
		return OK;
	default:
		return refuse(e, e->c.why, out);
	}
}

static int come_again(struct engine *e, struct slice ticket, struct slice binding, const struct answer *answer, struct turn *out)
{
	int rc = settle(e->a, &e->c, binding);
	if (rc != OK)
		return rc;
	if (conv_is_last(&e->c, ticket, answer))
		return repeat(e, out);
	return e->c.door == DOOR_HOST ? E_NOENT : redraw(e, V_MORE, out);
}

/* --- an answer that is evaluated --- */

static void take_back(const struct engine *e, struct slice cookie)
{
	if (cookie.n > 0 && e->c.door == DOOR_BROWSER)
		session_end(cookie);
}

/* V_ALLOW becomes a session and its sealed reply; if any of it fails, there is no session. */
static struct outcome admit(struct engine *e, struct outcome o, struct slice *cookie)
{
	if (e->c.goal == GOAL_PASSWORD)
		return o;
	if (e->c.goal == GOAL_KEY)
		return engine_add_draft(e);
	*cookie = o.frozen;
	int rc = o.frozen.n > 0 ? engine_admit_device(e, o.frozen) : engine_admit(e, o.key, cookie);
	if (rc == E_NOENT)
		*cookie = S_NONE;
	if (rc == E_NOENT)
		return engine_denied("deny.not-allowed");
	if (rc == OK)
		rc = sealed_make(e->a, "reply", *cookie, now() + CONV_REPLY_S, &e->c.session);
	if (rc == OK)
		return o;
	take_back(e, *cookie);
	*cookie = S_NONE;
	return engine_down;
}

/* As before the answer, but for the ticket, which is used up, and the name, which need not be typed again. */
static void forget(struct engine *e, const struct engine *before)
{
	struct conv taken = e->c;
	*e = *before;
	conv_taken_with(&e->c, &taken);
	e->c.name = taken.name;
}

/* Stores what came of it. A password that was right is forgiven the tries before in the same act; E_LIMIT: a hundred others were wrong meanwhile. */
static int keep(struct engine *e, struct outcome o)
{
	struct conv_with with = e->with;
	if (o.verdict == V_ALLOW || o.verdict == V_DENY)
		e->c.stage = STAGE_END;
	e->c.verdict = o.verdict;
	e->c.why = o.why;
	if (o.verdict == V_ALLOW && e->c.goal == GOAL_LOGIN && with.n == 0) {
		conv_store_later(&e->c);	/* what was proven is spent: this only repeats the answer to who asks again */
		return OK;
	}
	if (e->right != NULL) {
		limits_password_right(e->a, e->right, e->peer, with.acts + with.n);
		with.n += LIMITS_RIGHT;
	}
	return conv_store(e->a, &e->c, &with);
}

/* The same before somebody comes in by it: then it must be known. */
static int forgive(struct engine *e)
{
	struct holding hold;
	struct state_act acts[1 + LIMITS_RIGHT] = { conv_holding(&e->c, &hold) };
	limits_password_right(e->a, e->right, e->peer, acts + 1);
	int rc = state_update_all(acts, sizeof acts / sizeof *acts);
	if (rc == OK)
		e->right = NULL;
	return rc;
}

static int finish(struct engine *e, const struct engine *before, struct outcome o, struct turn *out)
{
	struct slice cookie = S_NONE;
	const struct person *right = e->right;
	int rc = o.verdict == V_ALLOW && right != NULL ? forgive(e) : OK;
	if (rc == OK && o.verdict == V_ALLOW)
		o = admit(e, o, &cookie);
	if (rc == OK && o.verdict == V_DOWN) {
		forget(e, before);
		e->right = right;
		e->c.note = "note.down";
		e->c.note_kind = NULL;
	}
	if (rc == OK)
		rc = keep(e, o);
	if (rc == E_LIMIT && right != NULL) {
		forget(e, before);
		o = engine_refused(e, right);
		rc = keep(e, o);
	}
	if (rc != OK) {
		if (e->right != NULL)
			limits_password_undo(e->right, S_NONE, e->peer);
		take_back(e, cookie);
		return rc == E_EXISTS ? E_DOWN : rc;	/* it took too long, and the person has a new ticket */
	}
	engine_sent(e);
	tell(e, o.verdict, out);
	out->session = cookie;
	out->why = o.why;
	return OK;
}

/* Whoever came too late for the ticket has done nothing, and gets what became of it. */
static int conclude(struct engine *e, const struct engine *before, struct outcome o, struct slice binding, struct turn *out)
{
	int rc = e->lost ? E_EXISTS : engine_take(e);
	if (rc == OK)
		return finish(e, before, o, out);
	if (rc != E_EXISTS)
		return rc;
	*e = *before;
	rc = conv_load(e->a, slice_of(e->c.id), binding, &e->c);
	return rc != OK ? rc : come_again(e, e->ticket, binding, e->answer, out);
}

int conversation_answer(struct arena *a, struct slice ticket, struct slice binding, const char *peer,
    const struct answer *answer, struct turn *out)
{
	struct engine e = { .a = a, .peer = peer }, before;
	*out = (struct turn){ 0 };
	int rc = conv_open(a, ticket, binding, &e.c);
	if (rc != OK)
		return rc;
	if (e.c.peer != NULL)
		e.peer = e.c.peer;
	if (e.c.ticket == NULL || !slice_same_secret(slice_of(e.c.ticket), ticket))
		return come_again(&e, ticket, binding, answer, out);
	rc = redraw(&e, V_MORE, out);
	if (rc != OK)
		return rc;
	const char *closed = engine_closed(&e);
	/* What was answered to a prompt that stands no more is evaluated by none: the person sees what is asked now. */
	bool fits = closed == NULL && !e.fell && engine_fits_prompt(&out->ask, answer);
	*out = (struct turn){ 0 };
	if (!fits && closed == NULL && !e.fell)
		return E_INPUT;
	if (fits && !answer->back && engine_verifies(&e) && would_hash())
		return E_WAIT;
	e.ticket = ticket;
	e.answer = answer;
	e.browser = answer->browser;
	before = e;
	struct outcome o = { .verdict = V_MORE };
	if (closed != NULL)
		o = engine_denied(closed);
	else if (fits)
		o = engine_evaluate(&e, answer);
	return conclude(&e, &before, o, binding, out);
}

int conversation_leave(struct arena *a, struct slice ticket, struct slice binding)
{
	struct conv c;
	int rc = conv_open(a, ticket, binding, &c);
	if (rc != OK)
		return rc;
	if (c.ticket == NULL || !slice_same_secret(slice_of(c.ticket), ticket))
		return E_NOENT;
	if (c.device != NULL)
		rendezvous_close(c.device);
	return OK;
}

bool conversation_verifies(struct arena *a, struct slice ticket, struct slice binding)
{
	struct engine e = { .a = a };
	return conv_open(a, ticket, binding, &e.c) == OK && e.c.ticket != NULL && engine_verifies(&e);
}

int conversation_show(struct arena *a, struct slice conversation, struct slice binding, struct turn *out)
{
	struct engine e = { .a = a };
	*out = (struct turn){ 0 };
	int rc = conv_load(a, conversation, binding, &e.c);
	if (rc == OK)
		rc = settle(a, &e.c, binding);
	return rc != OK ? rc : redraw(&e, V_MORE, out);
}

int conversation_left(struct arena *a, struct slice conversation, struct slice binding, struct left *out)
{
	struct engine e = { .a = a };
	int rc = conv_load(a, conversation, binding, &e.c);
	if (rc != OK)
		return rc;
	if (e.c.door != DOOR_BROWSER || e.c.goal != GOAL_LOGIN || e.c.stage == STAGE_END || e.c.subject == NULL)
		return E_NOENT;
	rc = engine_look(&e);
	if (rc != OK)
		return rc;
	if (e.fell || engine_closed(&e) != NULL)
		return E_NOENT;
	*out = (struct left){ .subject = e.c.subject, .name = e.person->name, .level = engine_needed(&e), .back = e.c.back, .service = e.c.service };
	return OK;
}

/* --- the beginning --- */

/* The session the browser has: whose name is known, and whose password need not be asked again. */
static int take_over(struct engine *e, const struct want *want)
{
	struct login login;
	struct conv *c = &e->c;
	if (want->session.n == 0 || c->door != DOOR_BROWSER)
		return OK;
	int rc = session_login(e->a, want->session, &login);
	if (rc != OK)
		return rc == E_NOENT ? OK : rc;
	c->sid = login.session->sid;
	if (want->subject != NULL && strcmp(want->subject, login.session->subject) != 0)
		return OK;
	/* Only in this person's own browser is the name shown: a hint alone must not tell it. */
	c->name_fixed = want->subject != NULL;
	if (c->name_fixed || c->name == NULL)
		c->name = login.person->name;
	const struct proof *password = session_password(&login);
	if (want->anew && c->name_fixed)
		c->note = "note.again";
	if (want->anew || password == NULL)
		return OK;
	c->name = login.person->name;
	c->wanted = c->subject = login.session->subject;
	c->password_changed = login.session->password_changed;
	c->since = password->when;
	c->by_session = c->name_fixed = true;
	c->note = "note.step-up";
	return engine_look(e);
}

/* Is there a kind that this service takes, that reaches the level, and that the door can draw? */
static bool can_be_met_here(const struct engine *e)
{
	size_t n;
	if (e->c.goal == GOAL_PASSWORD)
		return e->c.can & ASK_SECRET;
	if (!e->c.proven)
		return engine_only_kind(e, &n) != NULL;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++)
		if (engine_proven_fits(e, *k))
			return true;
	return false;
}

/* OK, or E_DOWN when a kind cannot begin. */
static int first_stage(struct engine *e)
{
	struct conv *c = &e->c;
	size_t n;
	const struct key_kind *only = engine_only_kind(e, &n);
	c->stage = STAGE_PASSWORD;
	if (c->goal == GOAL_PASSWORD)
		return OK;
	if (!can_be_met_here(e))
		return engine_go_device(e).verdict == V_MORE ? OK : E_DOWN;
	if (c->proven) {
		c->stage = STAGE_CODE;
		return OK;
	}
	if ((n == 1 && !engine_may_device(e) && !policy_kind_blocked(only)) || (!(c->can & ASK_CHOICE) && c->door == DOOR_BROWSER)) {
		e->kind = only;
		c->kind = only->name;
	}
	if (e->kind != NULL && e->kind->traits & KIND_NAMES)
		return engine_enter_self(e).verdict == V_MORE ? OK : E_DOWN;
	c->stage = c->kind == NULL && (c->door == DOOR_BROWSER || engine_card_first(e)) ? STAGE_CHOOSE : STAGE_PASSWORD;
	if (!c->by_session || c->stage == STAGE_CHOOSE || engine_next(e).verdict == V_MORE)
		return OK;
	/* Nothing of its own to ask: then the password, so that a login always takes an answer. */
	c->subject = c->password_changed = NULL;
	c->by_session = false;
	e->person = NULL;
	return OK;
}

static int begin_login(struct engine *e, const struct want *want)
{
	int rc = engine_look(e);
	return rc == OK ? take_over(e, want) : rc;
}

static int created(struct engine *e, struct turn *out)
{
	int rc = conv_create(e->a, &e->c, e->peer, &e->with);
	if (rc != OK)
		return rc;
	engine_sent(e);
	tell(e, V_MORE, out);
	return OK;
}

int conversation_begin(struct arena *a, const struct want *want, const char *peer, struct turn *out)
{
	struct engine e = { .a = a, .peer = peer };
	struct conv *c = &e.c;
	*out = (struct turn){ 0 };
	if (want->binding.n == 0)
		return E_INPUT;
	sha256(want->binding, c->binding);
	c->id = random_id(a, 16);
	c->door = want->door;
	c->goal = want->goal;
	c->can = want->can;
	c->proven = want->proven && c->door == DOOR_HOST;
	c->via = arena_strdup(a, want->via);
	c->peer = c->door == DOOR_HOST ? arena_strdup(a, peer) : NULL;
	c->level = want->level;
	c->service = arena_strdup(a, want->service);
	c->name = arena_strdup(a, want->name);
	c->wanted = arena_strdup(a, want->subject);
	c->back = arena_strdup(a, want->back);
	c->cancel = arena_strdup(a, want->cancel);
	c->lang = arena_strdup(a, want->lang);
	c->agent = arena_strdup(a, want->agent);
	c->name_fixed = c->door == DOOR_HOST && c->name != NULL;	/* the host knows who it asks for */
	if (c->name_fixed)
		c->can |= ASK_TEXT | (c->proven ? ASK_SECRET : 0);	/* what need not be asked need not be drawn */
	c->stage = STAGE_PASSWORD;
	int rc = c->goal == GOAL_KEY ? engine_begin_draft(&e, want) : begin_login(&e, want);
	if (rc != OK)
		return rc;
	if (engine_closed(&e) != NULL)
		return refuse(&e, engine_closed(&e), out);
	if (c->goal == GOAL_KEY)
		return created(&e, out);
	if (!can_be_met_here(&e) && !engine_may_device(&e))
		return refuse(&e, "deny.level", out);
	rc = first_stage(&e);
	return rc == OK ? created(&e, out) : rc;
}
