/* A login at a host that is finished in a browser elsewhere.
 *
 * The host's person may be a thief's victim who was sent the code and believes it to be their own. So the browser shows who waits and where, what was
 * proven before the rendezvous began does not count, and what ties the two places together goes from the browser to the terminal, by the
 * person's own hand: six digits, soon, once. */
#include "base/clock.h"
#include "core/engine.h"
#include "core/names.h"
#include "core/pack.h"
#include "svc/sealed.h"

enum { BROUGHT_VERSION = 1, DIGITS = 6, DIGITS_S = 60 };

/* --- who waits --- */

bool engine_may_device(const struct engine *e)
{
	unsigned needed = engine_needed(e);
	if (e->c.door != DOOR_HOST || e->c.goal != GOAL_LOGIN || (~e->c.can & (ASK_WAIT | ASK_CODE)) != 0 || e->c.name == NULL)
		return false;
	if (needed > rendezvous_max() || rendezvous_max() == 0 || e->c.service == NULL)
		return false;
	for (const struct key_kind *const *k = kinds_all(); *k != NULL; k++) {
		/* A card may be in the reader of another device: who has given a password has chosen otherwise. */
		bool drawn = ((*k)->asks & ~e->c.can) == 0 && !((*k)->asks & ASK_SIGN && e->person == NULL);
		bool elsewhere = !drawn && kind_offered(*k) && policy_kind_fits(*k, e->service, needed);
		if (elsewhere && (e->person == NULL || engine_has_key(e, *k)))
			return true;
	}
	return false;
}

struct outcome engine_go_device(struct engine *e)
{
	struct rendezvous r = { .service = e->c.service, .name = e->c.name, .via = e->c.via, .peer = e->peer, .lang = e->c.lang, .level = engine_needed(e) };
	bool begins = e->ticket.n == 0;		/* a conversation that needs it from the start has no ticket yet */
	if ((!begins && engine_take(e) != OK) || rendezvous_open(e->a, &r, S("")) != OK)
		return engine_down;
	e->c.device = r.code;
	e->c.stage = STAGE_DEVICE;
	return engine_more;
}

/* --- who comes --- */

static void brought_fields(struct pack *p, char digits[DIGITS], struct slice *frozen)
{
	pack_bytes(p, digits, DIGITS);
	pack_slice(p, frozen);
}

int conversation_proof(struct arena *a, const struct rendezvous *r, const struct service *service, const struct login *login, struct slice *frozen)
{
	struct login fresh;
	int rc = session_freeze_since(a, login->session, r->created, rendezvous_max(), frozen);
	if (rc == OK)
		rc = session_thaw(a, *frozen, &fresh);
	if (rc != OK)
		return rc;
	unsigned level = session_level_for(&fresh, service);
	return level == 0 || level < r->level ? E_NOENT : OK;
}

static const char *new_digits(struct arena *a)
{
	uint32_t n;
	do
		random_bytes(&n, sizeof n);
	while (n >= UINT32_MAX / 1000000 * 1000000);	/* all of them as often */
	return arena_printf(a, "%06u", (unsigned)(n % 1000000));
}

int conversation_bring(struct arena *a, const struct rendezvous *r, struct slice frozen, const char **digits)
{
	const char *six = new_digits(a);
	struct pack p = pack_writer(a, BROUGHT_VERSION);
	struct slice sealed;
	char copy[DIGITS];
	memcpy(copy, six, DIGITS);
	brought_fields(&p, copy, &frozen);
	int rc = sealed_make(a, "device", buf_slice(&p.out), now() + DIGITS_S, &sealed);
	if (rc == OK)
		rc = rendezvous_bring(r->code, sealed);
	if (rc == OK)
		*digits = six;
	return rc;
}

/* --- and the digits --- */

/* What was brought, when these are its digits; else a word for the audit trail. */
static int open_with(struct arena *a, const struct rendezvous *r, struct slice digits, struct slice *frozen, const char **why)
{
	struct slice bytes;
	char right[DIGITS];
	*why = r->state == RENDEZVOUS_REFUSED ? "refused-elsewhere" : "not-approved";
	if (r->state != RENDEZVOUS_BROUGHT)
		return E_NOENT;
	int rc = sealed_open(a, "device", r->brought, &bytes);
	*why = "late-digits";
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	struct pack p = pack_reader(a, BROUGHT_VERSION, bytes);
	brought_fields(&p, right, frozen);
	*why = "wrong-digits";
	return pack_done(&p) == OK && slice_same_secret(slice_mem(right, DIGITS), digits) ? OK : E_NOENT;
}

struct outcome engine_check_device(struct engine *e, const struct answer *answer)
{
	struct rendezvous r;
	struct slice frozen = S_NONE;
	struct login login;
	struct try t = { .person = e->person, .name = slice_of(e->c.name) };
	const char *why = "nobody-came";
	if (answer->code.n == 0)
		return engine_again(e, "note.incomplete");
	if (engine_take(e) != OK)
		return engine_down;
	int rc = rendezvous_take(e->a, e->c.device, &r);	/* whatever comes of it: one try */
	if (rc == OK)
		rc = open_with(e->a, &r, slice_trim(answer->code, " "), &frozen, &why);
	if (rc == OK) {
		why = "revoked";
		rc = session_thaw(e->a, frozen, &login);
	}
	if (rc != OK && rc != E_NOENT)
		return engine_down;
	bool same = rc == OK && slice_is(slice_of(e->c.name), login.person->name) && !name_is_reserved(slice_of(e->c.name));
	if (same)
		return (struct outcome){ .verdict = V_ALLOW, .frozen = frozen };
	engine_record(e, EV_LOGIN_NO, &t, rc == OK ? "other-person" : why);
	return engine_denied("deny.device");
}

int engine_admit_device(struct engine *e, struct slice frozen)
{
	struct login login;
	int rc = session_thaw(e->a, frozen, &login);
	if (rc != OK)
		return rc;
	unsigned level = session_level_for(&login, e->service);
	struct try t = { .person = login.person };
	e->person = login.person;
	rc = level == 0 || level < engine_needed(e) ? E_NOENT : directory_allowed(e->a, e->service, login.person);
	if (rc == E_NOENT)
		engine_record(e, EV_LOGIN_NO, &t, "not-allowed");
	if (rc != OK)
		return rc;
	rc = AUDIT(.event = EV_LOGIN_OK, .subject = login.person->subject, .kind = login.kind, .service = e->c.service, .peer = e->peer,
	    .via = e->c.via, .why = "other-device", .level = level);
	if (rc == OK)
		engine_came_in(e, NULL);
	return rc;
}
