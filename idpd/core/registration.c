/* The steps of a registration up to the person: terms, declarations, an address that was proven. */
#include "base/clock.h"
#include "base/digest.h"
#include "core/code_sent.h"
#include "core/limits.h"
#include "core/registration_parts.h"
#include "svc/sealed.h"
#include "svc/state.h"

enum { RECORD_VERSION = 2, LIFE_S = 15 * 60 };

static const char ns[] = "registration";

/* --- the record --- */

static void fields(struct pack *p, struct registration *r)
{
	pack_str(p, &r->terms);
	pack_str(p, &r->terms_lang);
	pack_time(p, &r->accepted);
	pack_str(p, &r->mail);
	pack_bool(p, &r->proven);
	pack_slice(p, &r->code);
	pack_uint(p, &r->sent);
	pack_uint(p, &r->names);
	pack_str(p, &r->subject);
}

static const char *seal_of(const struct registration *r)
{
	return arena_printf(r->a, "registration %s", r->id);
}

/* What cannot be opened any more was never there: the person begins anew. */
static int load(struct registration *r)
{
	struct slice plain;
	int rc = state_get(r->a, ns, slice_of(r->id), &r->stored);
	if (rc == E_NOENT)
		r->stored = S_NONE;
	if (rc != OK)
		return rc == E_NOENT ? OK : rc;
	rc = sealed_open(r->a, seal_of(r), r->stored, &plain);
	if (rc != OK)
		return rc == E_DOWN || rc == E_WAIT ? rc : OK;
	struct pack p = pack_reader(r->a, RECORD_VERSION, plain);
	struct registration was = *r;
	fields(&p, r);
	if (pack_done(&p) != OK)
		*r = was;
	return OK;
}

struct swap {
	struct slice old, new;
};

static int swapping(struct state_change *c)
{
	const struct swap *s = c->ctx;
	if (!slice_eq(c->old, s->old))
		return E_EXISTS;
	c->val = s->new;
	c->ttl_s = LIFE_S;
	return OK;
}

/* With a message that goes out, or none. */
int registration_keep(struct registration *r, const struct message *m)
{
	struct pack p = pack_writer(r->a, RECORD_VERSION);
	struct swap s = { .old = r->stored };
	struct state_act acts[3] = { { ns, slice_of(r->id), swapping, &s } };
	size_t more = 0;
	if (r->subject == NULL)
		r->subject = random_uuid(r->a);
	fields(&p, r);
	int rc = sealed_make(r->a, seal_of(r), buf_slice(&p.out), now() + LIFE_S, &s.new);
	if (rc == OK && m != NULL)
		rc = outbox_acts(r->a, m, acts + 1, &more);
	if (rc == OK)
		rc = state_update_all(acts, 1 + more);
	if (rc == OK)
		r->stored = s.new;
	if (rc == OK && m != NULL)
		outbox_wake(m->channel);
	return rc;
}

int registration_open(struct arena *a, struct slice conversation, struct slice browser, struct registration *out)
{
	struct turn turn;
	const struct person *person;
	int rc = conversation_show(a, conversation, browser, &turn);
	if (rc != OK)
		return rc == E_INPUT ? E_NOENT : rc;
	if (turn.verdict != V_MORE || !(turn.ask.ask & ASK_REGISTER) || turn.ask.newcomer == NULL)
		return E_NOENT;
	struct registration r = { .a = a, .id = turn.conversation, .ticket = turn.ticket, .cancel = turn.cancel, .service = turn.service, .lang = turn.lang,
		.who = turn.ask.newcomer };
	rc = directory_person_by_number(a, slice_of(r.who->national_number), &person);
	if (rc != OK && rc != E_NOENT)
		return rc == E_INPUT ? E_NOENT : rc;
	r.exists = rc == OK;
	rc = load(&r);
	if (rc == OK)
		*out = r;
	return rc;
}

/* --- terms --- */

bool registration_agreed(const struct registration *r)
{
	struct terms now_in_force;
	return r->terms != NULL && directory_terms(r->a, NULL, &now_in_force) == OK && strcmp(r->terms, now_in_force.version) == 0;
}

int registration_accept(struct registration *r, struct slice version, const char *lang, const char **note)
{
	struct terms in_force;
	int rc = directory_terms(r->a, lang, &in_force);
	if (rc != OK)
		return rc;
	if (!slice_is(version, in_force.version)) {
		*note = "terms.changed";
		return OK;
	}
	r->terms = in_force.version;
	r->terms_lang = in_force.lang;
	r->accepted = now();
	return registration_keep(r, NULL);
}

/* --- the address --- */

static struct step step_of(const struct registration *r, const char *address)
{
	struct key *key = ARENA_NEW(r->a, struct key);
	*key = (struct key){ .id = "@mail", .kind = "mail", .state = "active", .address = address };
	return (struct step){ .a = r->a, .conversation = r->id, .key = key, .when = now(), .memory = r->code, .adding = true };
}

int registration_send(struct registration *r, const char *address, const char *lang, const char *peer, const char **note, unsigned *wait_s)
{
	struct step s = step_of(r, address);
	const struct service *service = NULL;
	if (r->sent >= REGISTRATION_SENT_MOST) {
		*note = "note.send-max";
		return OK;
	}
	int rc = r->service != NULL ? directory_service(r->a, r->service, &service) : OK;
	if (rc != OK && rc != E_NOENT)
		return rc;
	s.again = true;
	if (key_mail.verify(&s) != V_MORE || s.send == NULL)
		return E_DOWN;
	rc = limits_send(address, true, wait_s);
	if (rc == E_LIMIT)
		*note = *wait_s > 0 ? "note.send-wait" : "note.send-max";
	if (rc != OK)
		return rc == E_LIMIT ? OK : rc;
	code_sent_tell(r->a, s.send, &(struct code_asked){ .lang = lang, .service = service, .peer = peer });
	r->mail = address;
	r->proven = false;
	r->code = s.memory;
	r->sent++;
	return registration_keep(r, s.send);
}

int registration_prove(struct registration *r, struct slice code, const char **note)
{
	if (r->mail == NULL || r->proven)
		return E_EXISTS;
	if (code.n == 0) {
		*note = "note.incomplete";
		return OK;
	}
	struct step s = step_of(r, r->mail);
	s.answer = code;
	enum verdict verdict = key_mail.verify(&s);
	r->code = s.memory;
	r->proven = verdict == V_ALLOW;
	int rc = registration_keep(r, NULL);
	if (rc == OK && !r->proven)
		*note = verdict == V_DENY ? "note.wrong-code" : "note.code-ended";
	return rc;
}
