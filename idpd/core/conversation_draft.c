/* A digital key that is to be added: its own step proves it, as if it were there, and only then it is. It can stand in the directory already, and wait
 * for its person (pending). With an id that begins with '@' it is no key but where the person can be reached. */
#include "base/clock.h"
#include "core/activation.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/notice.h"
#include "core/pack.h"

enum { DRAFT_VERSION = 2 };

static void fields(struct pack *p, struct key *k)
{
	pack_str(p, &k->id);
	pack_str(p, &k->kind);
	pack_str(p, &k->label);
	pack_str(p, &k->address);
	pack_slice(p, &k->secret);
	pack_slice(p, &k->data);
	pack_uint(p, &k->level);
}

static void keep(struct engine *e, const struct key *draft)
{
	struct key k = *draft;
	struct pack p = pack_writer(e->a, DRAFT_VERSION);
	fields(&p, &k);
	e->c.draft = buf_slice(&p.out);
	e->c.kind = draft->kind;
}

static const struct key *standing(const struct engine *e, const char *id)
{
	for (size_t i = 0; i < e->person->nkeys; i++)
		if (strcmp(e->person->keys[i].id, id) == 0)
			return &e->person->keys[i];
	return NULL;
}

/* The key that waits in the directory, worth no more than who activates it. */
static void take_up(struct key *draft, const struct key *waits)
{
	unsigned level = draft->level;
	*draft = *waits;
	if (draft->level == 0 || draft->level > level)
		draft->level = level;
}

int engine_read_draft(struct engine *e)
{
	struct pack p = pack_reader(e->a, DRAFT_VERSION, e->c.draft);
	struct key *k = ARENA_NEW(e->a, struct key);
	fields(&p, k);
	if (pack_done(&p) != OK || k->id == NULL || k->kind == NULL)
		return E_DOWN;
	const struct key *there = standing(e, k->id);
	e->over = there != NULL && (strcmp(there->state, "pending") != 0 || strcmp(there->kind, k->kind) != 0);
	if (there != NULL)
		take_up(k, there);
	else
		k->dn = arena_printf(e->a, "csamKeyId=%s,%s", k->id, e->person->dn);	/* where it will stand: nothing is written there before */
	k->state = "pending";
	e->draft = k;
	/* What was shown may have fallen since: whoever ends the keys of a stolen telephone ends also what is being added with them. */
	e->over |= k->level == 0 || k->level > e->worth;
	return OK;
}

/* It rests on the session alone, whatever that was proven with, or on an activation. */
static int rest(struct engine *e, const struct want *want, const struct person **person)
{
	struct login login;
	struct activation activation;
	if (want->activation != NULL) {
		int rc = activation_by_id(e->a, want->activation, &activation);
		if (rc != OK)
			return rc;
		e->c.activation = activation.id;
		*person = activation.person;
		return OK;
	}
	int rc = session_login(e->a, want->session, &login);
	if (rc != OK)
		return rc;
	e->c.sid = login.session->sid;
	*person = login.person;
	return OK;
}

int engine_draft_stands(struct engine *e)
{
	struct activation activation;
	int rc = activation_by_id(e->a, e->c.activation, &activation);
	if (rc != OK)
		return rc;
	e->worth = activation.level;
	return strcmp(activation.person->subject, e->c.subject) == 0 ? OK : E_NOENT;
}

int engine_begin_draft(struct engine *e, const struct want *want)
{
	const struct person *person;
	struct conv *c = &e->c;
	int rc = rest(e, want, &person);
	if (rc != OK)
		return rc;
	if (want->draft == NULL || want->subject == NULL || strcmp(want->subject, person->subject) != 0)
		return E_NOENT;
	keep(e, want->draft);
	engine_knows(e, person);
	c->wanted = person->subject;
	c->by_session = c->name_fixed = true;
	c->name = person->name;
	rc = engine_look(e);
	if (rc != OK)
		return rc;
	return e->over || (e->draft != NULL && engine_enter(e, e->draft).verdict == V_MORE) ? OK : E_DOWN;
}

/* What the audit trail calls session. */
static const char *rests_on(const struct engine *e)
{
	return e->c.activation != NULL ? e->c.activation : e->c.sid;
}

/* Both where they were reached before and where they are reached now. */
static void tell_reached(const struct engine *e, bool mail)
{
	const struct person *was = e->person;
	struct person is = *was;
	*(mail ? &is.mail : &is.mobile) = e->draft->address;
	*(mail ? &is.mail_verified : &is.mobile_verified) = true;
	NOTICE(.event = NOTICE_CONTACT_CHANGED, .person = &is, .kind = e->draft->kind, .peer = e->peer, .agent = e->c.agent,
	    .old_mail = was->mail_verified ? was->mail : NULL, .old_mobile = was->mobile_verified ? was->mobile : NULL);
}

static int keep_address(struct engine *e)
{
	bool mail = strcmp(e->draft->id, "@mail") == 0;
	int rc = HISTORY(e->browser, .event = EV_CONTACT_CHANGED, .subject = e->c.subject, .kind = e->draft->kind, .peer = e->peer, .session = rests_on(e),
	    .level = e->draft->level);
	if (rc == OK)
		rc = directory_reached(e->person, mail, e->draft->address);
	if (rc == OK)
		tell_reached(e, mail);
	return rc;
}

static int add_key(struct engine *e)
{
	const struct key *k = e->draft;
	bool waits = standing(e, k->id) != NULL;
	int rc = HISTORY(e->browser, .event = waits ? EV_KEY_ACTIVATED : EV_KEY_ADDED, .subject = e->c.subject, .kind = k->kind, .key = k->id, .peer = e->peer,
	    .session = rests_on(e), .level = k->level);
	if (rc == OK)
		rc = waits ? directory_key_activate(k) : directory_key_add(e->person, k);
	if (rc == OK)
		NOTICE(.event = waits ? NOTICE_KEY_ACTIVATED : NOTICE_KEY_ADDED, .person = e->person, .kind = k->kind, .key = k->id, .label = k->label, .peer = e->peer,
		    .agent = e->c.agent);
	return rc;
}

/* A key of that name is there: this very one, when the directory's answer was lost, or that of another page, which was quicker. */
static bool is_there(const struct engine *e)
{
	const struct person *person;
	if (directory_person(e->a, e->c.subject, &person) != OK)
		return false;
	for (size_t i = 0; i < person->nkeys; i++) {
		const struct key *key = &person->keys[i];
		if (strcmp(key->id, e->draft->id) == 0)
			return strcmp(key->state, "active") == 0 && key->address != NULL && e->draft->address != NULL && strcmp(key->address, e->draft->address) == 0;
	}
	return false;
}

/* The line of the audit trail comes first: a key that nobody can account for must not be there. */
struct outcome engine_add_draft(struct engine *e)
{
	int rc = e->draft->id[0] == '@' ? keep_address(e) : add_key(e);
	if (rc == E_EXISTS && !is_there(e))
		return (struct outcome){ .why = "deny.other" };
	if (rc == E_EXISTS)
		rc = OK;
	return (struct outcome){ .verdict = rc == OK ? V_ALLOW : V_DOWN };
}
