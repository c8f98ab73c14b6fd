/* A card that stands, and a national number that nobody has yet: the conversation waits at the door where its person registers, and goes on when they
 * have. What the card said stays with the conversation, sealed, for as long as one lives anew from that moment; nothing else counts as proof. */
#include "base/clock.h"
#include "core/engine.h"
#include "core/pack.h"

enum { CARD_VERSION = 1 };

static const char id[] = "register";

static conversation_longer *on_longer;

void conversation_on_longer(conversation_longer *fn)
{
	on_longer = fn;
}

static void fields(struct pack *p, struct newcomer *n)
{
	pack_str(p, &n->national_number);
	pack_str(p, &n->given_name);
	pack_str(p, &n->family_name);
	pack_str(p, &n->card);
}

/* Where the operator has terms to accept and a way to verify an address, at a browser, and for a login that was not somebody else's. */
static bool may_register(const struct engine *e)
{
	struct terms terms;
	return e->c.can & ASK_REGISTER && e->c.goal == GOAL_LOGIN && e->c.wanted == NULL && outbox_carries(CHANNEL_MAIL) &&
	    directory_terms(e->a, NULL, &terms) == OK;
}

struct outcome engine_enter_register(struct engine *e, const struct step *s)
{
	struct newcomer who = { .national_number = s->national_number, .given_name = s->given_name, .family_name = s->family_name, .card = s->card };
	struct pack p = pack_writer(e->a, CARD_VERSION);
	if (!may_register(e))
		return engine_denied("deny.unknown-person");
	fields(&p, &who);
	if (engine_remember(e, id, buf_slice(&p.out)) != OK || AUDIT(.event = EV_REGISTRATION_BEGUN, .kind = e->c.kind, .card = s->card, .service = e->c.service,
	    .peer = e->peer, .why = s->exception) != OK)
		return engine_down;
	e->c.created = now();		/* as much time as for a login, from here on */
	e->c.stage = STAGE_REGISTER;
	if (on_longer != NULL && e->c.back != NULL)
		on_longer(e->c.back);
	return engine_more;
}

static const struct newcomer *recall(const struct engine *e)
{
	struct newcomer *who = ARENA_NEW(e->a, struct newcomer);
	struct pack p = pack_reader(e->a, CARD_VERSION, engine_memory(e, id));
	fields(&p, who);
	return pack_done(&p) == OK && who->national_number != NULL ? who : NULL;
}

void engine_draw_register(const struct engine *e, struct prompt *ask)
{
	ask->ask = ASK_REGISTER;
	ask->newcomer = recall(e);
	ask->href = arena_printf(e->a, "/register?c=%s", e->c.id);
}

/* They say that they have registered: the directory knows. */
struct outcome engine_check_register(struct engine *e)
{
	const struct newcomer *who = recall(e);
	const struct person *person;
	if (who == NULL)
		return engine_denied("deny.unknown-person");
	e->card = who->card;
	int rc = directory_person_by_number(e->a, slice_of(who->national_number), &person);
	if (rc == E_NOENT)
		return engine_again(e, NULL);
	return rc == OK ? engine_named(e, person, NULL) : engine_down;
}
