/* The kind's own step: what it is told, what it keeps, and what is spent when it says yes. */
#include "base/buf.h"
#include "base/clock.h"
#include "core/code_sent.h"
#include "core/engine.h"
#include "core/limits.h"
#include "svc/keyring.h"
#include "svc/sealed.h"
#include "svc/state.h"

/* A step of time is refused by time itself after a day; a counter's only other witness is a directory that may be put back from a backup. */
enum { SPENT_S = 24 * 60 * 60, LASTING_S = 400 * SPENT_S };

static struct slice key_name(const struct engine *e, const struct key *key)
{
	return slice_of(arena_printf(e->a, "%s|%s", e->person->subject, key->id));
}

/* --- what a kind keeps --- */

static const char *memory_purpose(const struct engine *e)
{
	return arena_printf(e->a, "memory %s", e->c.id);
}

int engine_recall(struct engine *e)
{
	e->memory = S_NONE;
	if (e->c.memory.n == 0)
		return OK;
	int rc = sealed_open(e->a, memory_purpose(e), e->c.memory, &e->memory);
	return rc == E_INPUT || rc == E_NOENT ? OK : rc;
}

/* Of another key nothing is told. */
struct slice engine_memory(const struct engine *e, const char *id)
{
	struct slice rest = e->memory, of;
	return slice_cut(&rest, '\0', &of) && slice_is(of, id) ? rest : S_NONE;
}

int engine_remember(struct engine *e, const char *id, struct slice memory)
{
	if (slice_eq(memory, engine_memory(e, id)))
		return OK;
	e->memory = e->c.memory = S_NONE;
	if (memory.n == 0)
		return OK;
	struct buf b = buf_new(e->a);
	buf_raw(&b, slice_of(id));
	buf_char(&b, '\0');
	buf_raw(&b, memory);
	e->memory = buf_slice(&b);
	return sealed_make(e->a, memory_purpose(e), e->memory, now() + CONV_LIFE_S, &e->c.memory);
}

static struct step step_of(const struct engine *e, const struct key *key)
{
	return (struct step){ .a = e->a, .conversation = e->c.id, .person = e->person, .key = key, .spent = key->counter, .when = now(), .memory = engine_memory(e, key->id), .adding = key == e->draft };
}

/* --- asking --- */

/* The directory's counter is the floor of a state store that is new; the state store's is that of a directory put back from a backup. */
static int find_spent(const struct engine *e, struct step *s)
{
	uint64_t number;
	int rc = state_number("otp", key_name(e, s->key), &number);
	if (rc == OK && number > s->spent)
		s->spent = number;
	return rc;
}

static int prepare(struct engine *e, struct message *m)
{
	code_sent_tell(e->a, m, &(struct code_asked){ .lang = e->person->locale != NULL ? e->person->locale : e->c.lang, .service = e->service, .peer = e->peer,
	    .agent = e->c.agent });
	e->channel = m->channel;
	return outbox_acts(e->a, m, e->with.acts, &e->with.n);
}

/* Sends what the kind wants to send. V_MORE with a note and nothing kept when it cannot be sent now. */
static struct outcome send(struct engine *e, const struct step *s)
{
	unsigned wait_s;
	int rc = limits_send(s->send->to, s->adding, &wait_s);
	if (rc == OK)
		rc = prepare(e, s->send);
	if (rc == E_LIMIT) {
		e->c.wait_s = wait_s;
		return engine_again(e, wait_s > 0 ? "note.send-wait" : "note.send-max");
	}
	if (rc == E_INPUT)
		return engine_again(e, "note.send-address");
	if (rc != OK || engine_remember(e, s->key->id, s->memory) != OK) {
		e->with.n = 0;
		return engine_down;
	}
	AUDIT(.event = EV_OTP_SENT, .subject = e->person->subject, .kind = s->key->kind, .key = s->key->id, .service = e->c.service,
	    .peer = e->peer, .via = e->c.via);
	return engine_again(e, s->again ? "note.sent-again" : e->c.note);
}

static struct outcome present(struct engine *e, struct step *s)
{
	if (find_spent(e, s) != OK || e->kind->verify(s) != V_MORE)
		return engine_down;
	if (s->send != NULL)
		return send(e, s);
	return (struct outcome){ .verdict = engine_remember(e, s->key->id, s->memory) == OK ? V_MORE : V_DOWN };
}

struct outcome engine_enter(struct engine *e, const struct key *key)
{
	struct step s = step_of(e, key);
	s.enter = true;
	struct outcome o = present(e, &s);
	if (o.verdict == V_MORE) {
		e->c.key_id = key->id;
		e->c.stage = STAGE_SECOND;
	}
	return o;
}

struct outcome engine_ask_again(struct engine *e, const struct key *key)
{
	struct step s = step_of(e, key);
	s.again = true;
	return present(e, &s);
}

void engine_sent(const struct engine *e)
{
	if (e->with.n > 0)
		outbox_wake(e->channel);
}

void engine_draw_key(const struct engine *e, const struct key *key, struct prompt *ask)
{
	struct step s = step_of(e, key);
	if (e->kind->verify(&s) == V_MORE)
		*ask = s.ask;
}

/* --- one answer --- */

/* An administrator set the secret in clear: it is sealed now, and told, for it stays in backups. The login does not hang on it. */
static void reseal(struct engine *e, const struct key *key)
{
	struct slice sealed;
	AUDIT(.event = EV_KEY_EXPOSED, .subject = e->person->subject, .kind = key->kind, .key = key->id, .why = "plain-secret");
	if (keyring_seal(e->a, key->secret, key_name(e, key), &sealed) == OK)
		directory_key_reseal(key, sealed);
}

/* RFC 4226 7.2, RFC 6238 5.2: a code is accepted once. In one act it is spent and the wrong tries are forgotten, while this evaluation still counts.
 * E_EXISTS: it was accepted before; E_LIMIT: too many were wrong meanwhile. */
static int spend(struct engine *e, const struct step *s)
{
	struct holding hold;
	struct state_number used = { s->spend, s->lasting ? LASTING_S : SPENT_S };
	const struct state_act acts[] = { conv_holding(&e->c, &hold), { "otp", key_name(e, s->key), state_advancing, &used } };
	int rc = OK;
	if (s->spend != 0 && s->spend <= s->spent)
		return E_EXISTS;
	if (s->spend != 0 && s->lasting && !s->adding)
		rc = directory_key_spend(s->key, s->spend);
	if (rc == OK)
		rc = limits_second_right(e->person, s->key, s->adding, acts, s->spend != 0 ? 2 : 1);
	return hold.lost ? E_DOWN : rc;
}

static enum verdict is_right(struct engine *e, struct step *s)
{
	int rc = spend(e, s);
	if (rc == E_EXISTS)
		s->why = "replayed-code";
	if (rc == E_LIMIT) {
		s->why = "locked";
		return V_DENY;
	}
	if (rc != OK) {
		limits_second_undo(e->person, s->key);
		return rc == E_EXISTS ? V_DENY : V_DOWN;
	}
	if (s->exposed)
		reseal(e, s->key);
	if (s->adding)
		e->draft->counter = s->spend;		/* goes to the directory with the key */
	else if (!s->lasting)
		directory_key_used(s->key, s->spend);
	return V_ALLOW;
}

enum verdict engine_try_key(struct engine *e, const struct try *t, struct slice code, struct step *s)
{
	*s = step_of(e, t->key);
	s->answer = code;
	if (find_spent(e, s) != OK)
		return V_DOWN;
	struct claim claim;
	int rc = limits_second(e->person, t->key, e->peer, engine_claim(e, &claim));
	engine_claimed(e, &claim, rc);
	if (rc == E_LIMIT)
		s->why = "locked";
	if (rc != OK)
		return rc == E_LIMIT ? V_DENY : V_DOWN;
	enum verdict verdict = e->kind->verify(s);
	if (verdict == V_ALLOW)
		verdict = is_right(e, s);
	else if (verdict != V_DENY && !s->tried)
		limits_second_undo(e->person, t->key);
	return verdict != V_ALLOW && engine_remember(e, t->key->id, s->memory) != OK ? V_DOWN : verdict;
}
