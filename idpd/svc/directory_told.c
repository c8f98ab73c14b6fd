/* What a change by somebody else, as slapd's accesslog has it, means for a person: a key that came, changed or went, a new password, another address, the
 * whole person shut out or let in again. */
#include <strings.h>
#include "base/buf.h"
#include "base/clock.h"
#include "svc/directory_parts.h"

/* Keys, a password and a state that come with a new person are no news: nobody wants a message for each of a hundred thousand who were just imported. */
enum { NEW_PERSON_S = 10 * 60 };

static directory_told *listener;

void directory_on_change(directory_told *fn)
{
	listener = fn;
}

/* "attribute:+ value", "attribute:- value", "attribute:= value" (slapo-accesslog(5), reqMod). */
struct mod {
	struct slice name, value;
	char op;
};

static bool mod_of(struct slice text, struct mod *out)
{
	struct slice rest = text;
	if (!slice_cut(&rest, ':', &out->name) || rest.n == 0)
		return false;
	out->op = rest.p[0];
	out->value = slice_trim(slice_mem(rest.p + 1, rest.n - 1), " ");
	return true;
}

static bool is(const struct mod *m, const char *name)
{
	return m->name.n == strlen(name) && strncasecmp(m->name.p, name, m->name.n) == 0;
}

/* A key whose state is none that we know is closed, like one that is locked. */
static enum directory_event event_of_state(struct slice state)
{
	return slice_is(state, "active") ? DIRECTORY_KEY_CHANGED : slice_is(state, "revoked") ? DIRECTORY_KEY_REMOVED : DIRECTORY_KEY_LOCKED;
}

static enum directory_event of_key(const struct mod *m, enum directory_event before)
{
	static const char *const weighty[] = { "csamKeySecret", "csamKeyAddress", "csamKeyLevel", "csamKeyNotAfter", "csamKeyKind", "csamKeyData", NULL };
	if (is(m, "csamKeyState") && m->op != '-')
		return event_of_state(m->value);
	for (const char *const *w = weighty; before == DIRECTORY_NOTHING && *w != NULL; w++)
		if (is(m, *w))
			return DIRECTORY_KEY_CHANGED;
	return before;
}

/* Who is in no state that we know, or in none, is shut out. It weighs more than whatever else was changed with it. */
static enum directory_event event_of_person(const struct mod *m, enum directory_event before)
{
	if (m->op == '-')
		return before == DIRECTORY_PERSON_ACTIVATED ? before : DIRECTORY_PERSON_SUSPENDED;
	return slice_is(m->value, "active") ? DIRECTORY_PERSON_ACTIVATED : DIRECTORY_PERSON_SUSPENDED;
}

/* Of the password only its time is seen here: slapd's access rules show idpd no more. */
static enum directory_event of_person(struct arena *a, const struct mod *m, struct directory_told_of *out)
{
	bool mail = is(m, "csamMailVerified"), mobile = is(m, "csamMobileVerified");
	if (is(m, "csamPersonState"))
		return event_of_person(m, out->event);
	if (is(m, "pwdChangedTime") && m->op != '-')
		return out->event < DIRECTORY_PASSWORD ? DIRECTORY_PASSWORD : out->event;
	if (mail && m->op == '-')
		out->old_mail = arena_str(a, m->value);
	if (mobile && m->op == '-')
		out->old_mobile = arena_str(a, m->value);
	return (mail || mobile || is(m, "mail") || is(m, "mobile")) && out->event == DIRECTORY_NOTHING ? DIRECTORY_CONTACT : out->event;
}

static void read_mods(struct arena *a, const struct entry *e, bool key, struct directory_told_of *out)
{
	const struct attribute *mods = entry_attribute(e, "reqMod");
	struct mod m;
	for (size_t i = 0; mods != NULL && i < mods->n; i++)
		if (mod_of(mods->values[i], &m))
			out->event = key ? of_key(&m, out->event) : of_person(a, &m, out);
}

/* OK; E_NOENT: it is nobody's. Were they new when that happened? It may be told much later. */
static int whose(struct arena *a, const char *dn, const char *at, bool *new, const struct person **out)
{
	static const char *const wanted[] = { "csamSubject", "createTimestamp", NULL };
	struct query q = { dn, SCOPE_ENTRY, "(objectClass=csamPerson)", wanted, 1, false };
	struct entries found;
	time_t created, when;
	int rc = dir_search(a, &q, 1, &found);
	if (rc != OK || found.n == 0)
		return rc != OK ? rc : E_NOENT;
	*new = time_parse_ldap(entry_string(&found.e[0], "createTimestamp"), &created) == OK &&
	    time_parse_ldap(at, &when) == OK && when - created < NEW_PERSON_S;
	return directory_person(a, entry_string(&found.e[0], "csamSubject"), out);
}

static const struct key *key_of(struct arena *a, const struct person *person, const char *dn, size_t rdn)
{
	struct key *gone = ARENA_NEW(a, struct key);
	for (size_t i = 0; i < person->nkeys; i++)
		if (strcasecmp(person->keys[i].dn, dn) == 0)
			return &person->keys[i];
	size_t name = strlen("csamKeyId=");
	const char *id = arena_str(a, slice_mem(dn + name, rdn - name));
	*gone = (struct key){ .id = id, .kind = arena_str(a, slice_mem(id, strcspn(id, "-"))) };	/* app-1: named after its kind, if it is one of ours */
	return gone;
}

int change_tell(const struct entry *e)
{
	AUTO_ARENA a = arena_new();
	const char *dn = entry_string(e, "reqDN"), *type = entry_string(e, "reqType"), *at = entry_string(e, "reqStart");
	struct directory_told_of told = { .at = at, .event = DIRECTORY_NOTHING };
	bool new;
	if (listener == NULL || dn == NULL || type == NULL)
		return OK;
	bool key = strncasecmp(dn, "csamKeyId=", 10) == 0;
	size_t rdn = strcspn(dn, ",");		/* csamKeyId holds no comma (field_id) */
	if (strcmp(type, "modify") == 0)
		read_mods(a, e, key, &told);
	else if (key)
		told.event = strcmp(type, "add") == 0 ? DIRECTORY_KEY_ADDED : strcmp(type, "delete") == 0 ? DIRECTORY_KEY_REMOVED : DIRECTORY_NOTHING;
	if (told.event == DIRECTORY_NOTHING || (key && dn[rdn] == '\0'))
		return OK;
	int rc = whose(a, key ? dn + rdn + 1 : dn, at, &new, &told.person);
	if (rc != OK)
		return rc == E_NOENT || rc == E_INPUT ? OK : rc;
	if (new && (told.event == DIRECTORY_KEY_ADDED || told.event == DIRECTORY_PASSWORD || told.event == DIRECTORY_PERSON_ACTIVATED))
		return OK;
	told.key = key ? key_of(a, told.person, dn, rdn) : NULL;
	return listener(&told);
}
