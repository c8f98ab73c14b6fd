/* Searches, changes and binds, in terms of our errors. */
#include <ldap.h>
#include "base/buf.h"
#include "base/log.h"
#include "svc/directory_parts.h"

static void free_message(LDAPMessage **m)
{
	ldap_msgfree(*m);
}

/* The connection is of no more use; the answer to what was asked may never have been on its way. */
static bool is_broken(int rc)
{
	return rc == LDAP_SERVER_DOWN || rc == LDAP_CONNECT_ERROR || rc == LDAP_UNAVAILABLE || rc == LDAP_TIMEOUT ||
	       rc == LDAP_LOCAL_ERROR || rc == LDAP_ENCODING_ERROR || rc == LDAP_DECODING_ERROR;
}

/* Of a call that failed: never success, whatever libldap remembers. */
static int last_error(LDAP *ld)
{
	int rc = LDAP_SUCCESS;
	ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &rc);
	return rc == LDAP_SUCCESS ? LDAP_LOCAL_ERROR : rc;
}

static void copy_values(struct arena *a, struct attribute *to, const struct berval *values)
{
	size_t n = 0;
	while (values != NULL && values[n].bv_val != NULL)
		n++;
	to->values = ARENA_ARRAY(a, struct slice, n + 1);
	to->n = n;
	for (size_t i = 0; i < n; i++)
		to->values[i] = arena_copy(a, slice_mem(values[i].bv_val, values[i].bv_len));
}

enum { MAX_ATTRIBUTES = 64 };

static int copy_entry(struct arena *a, LDAP *ld, LDAPMessage *m, struct entry *out)
{
	BerElement *ber = NULL;
	struct berval dn, name, *values = NULL;
	if (ldap_get_dn_ber(ld, m, &ber, &dn) != LDAP_SUCCESS)
		return LDAP_DECODING_ERROR;
	out->dn = arena_str(a, slice_mem(dn.bv_val, dn.bv_len));
	out->attributes = ARENA_ARRAY(a, struct attribute, MAX_ATTRIBUTES);
	int rc;
	bool all = true;
	while ((rc = ldap_get_attribute_ber(ld, m, ber, &name, &values)) == LDAP_SUCCESS && name.bv_val != NULL) {
		all = all && out->n < MAX_ATTRIBUTES;
		if (all) {
			struct attribute *to = &out->attributes[out->n++];
			to->name = arena_str(a, slice_mem(name.bv_val, name.bv_len));
			copy_values(a, to, values);
		}
		ber_memfree(values);
	}
	if (!all)
		out->n = 0;	/* a rule might be among those left out: an entry without attributes is nobody and opens nothing */
	ber_free(ber, 0);
	return rc;
}

static int copy_entries(struct arena *a, LDAP *ld, LDAPMessage *chain, struct entries *out)
{
	int count = ldap_count_entries(ld, chain);
	if (count < 0)
		return last_error(ld);
	out->e = ARENA_ARRAY(a, struct entry, (size_t)count);
	out->n = 0;
	for (LDAPMessage *m = ldap_first_entry(ld, chain); m != NULL; m = ldap_next_entry(ld, m)) {
		int rc = copy_entry(a, ld, m, &out->e[out->n++]);
		if (rc != LDAP_SUCCESS)
			return rc;
	}
	return LDAP_SUCCESS;
}

/* Waits for what `msgid` asked. Gives LDAP's result code. A list that the server cuts off short of our own limit is none: what it leaves out may be a rule,
 * or the entry that closes an eID. */
static int collect(struct arena *a, LDAP *ld, int msgid, const struct query *q, struct entries *out)
{
	AUTO(free_message) LDAPMessage *m = NULL;
	int rc, kind = ldap_result(ld, msgid, LDAP_MSG_ALL, NULL, &m);
	if (kind <= 0)
		return kind == 0 ? LDAP_TIMEOUT : last_error(ld);
	if (ldap_parse_result(ld, m, &rc, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
		return LDAP_DECODING_ERROR;
	if (rc == LDAP_NO_SUCH_OBJECT && !q->rooted)
		rc = LDAP_SUCCESS;
	if (rc == LDAP_SIZELIMIT_EXCEEDED && q->limit > 0 && ldap_count_entries(ld, m) >= q->limit)
		rc = LDAP_SUCCESS;	/* more than `limit`: those we got say so */
	if (rc != LDAP_SUCCESS)
		return rc;
	return copy_entries(a, ld, m, out);
}

enum { MAX_QUERIES = 4 };

static int search_once(struct arena *a, LDAP *ld, const struct query *q, size_t n, struct entries *out)
{
	int msgids[MAX_QUERIES], rc = LDAP_SUCCESS;
	size_t sent = 0;
	for (; sent < n && rc == LDAP_SUCCESS; sent++)
		rc = ldap_search_ext(ld, q[sent].base, q[sent].scope, q[sent].filter, (char **)q[sent].attributes, 0, NULL, NULL,
		    NULL, q[sent].limit, &msgids[sent]);
	for (size_t i = 0; i < n && rc == LDAP_SUCCESS; i++)
		rc = collect(a, ld, msgids[i], &q[i], &out[i]);
	return rc;
}

/* What is asked of one of the thread's connections. One that the server closed while it was idle shows when it is used: then it is asked once more, on
 * a new one. Doing it twice harms nothing: our changes say what must be there before. */
struct attempt {
	enum link link;
	int tries;
	LDAP *ld;
	int rc;				/* LDAP's result code; LDAP_CONNECT_ERROR: there is no connection, which has said why */
};

static bool try(struct attempt *t)
{
	if (t->tries > 0 && is_broken(t->rc))
		dir_link_drop(t->link);
	if (t->tries == 2 || (t->tries == 1 && t->rc != LDAP_SERVER_DOWN))
		return false;
	t->tries++;
	t->rc = LDAP_CONNECT_ERROR;
	return dir_link(t->link, &t->ld) == OK;
}

static int search_by(enum link link, struct arena *a, const struct query *queries, size_t n, struct entries *out)
{
	struct attempt t = { .link = link };
	while (try(&t))
		t.rc = search_once(a, t.ld, queries, n, out);
	if (t.rc != LDAP_SUCCESS)
		dir_link_drop(link);	/* answers are still on their way */
	return t.rc;
}

int dir_search(struct arena *a, const struct query *queries, size_t n, struct entries *out)
{
	if (n > MAX_QUERIES)
		return E_BUG;
	int rc = search_by(LINK_SERVICE, a, queries, n, out);
	if (rc == LDAP_CONNECT_ERROR)
		return E_DOWN;
	if (rc == LDAP_FILTER_ERROR || rc == LDAP_INVALID_DN_SYNTAX)
		return fail(E_INPUT, "directory: search below %s for %s: %s", queries[0].base, queries[0].filter, ldap_err2string(rc));
	if (rc != LDAP_SUCCESS)
		return fail(E_DOWN, "directory: search below %s: %s", queries[0].base, ldap_err2string(rc));
	return OK;
}

int dir_anybody_reads(struct arena *a, const char *dn, const char *const *attributes)
{
	/* The condition must be one that may be asked: (objectClass=*) may be closed where a secret is open. */
	struct buf b = buf_new(a);
	buf_lit(&b, "(|(objectClass=*)");
	for (const char *const *name = attributes; *name != NULL; name++)
		buf_printf(&b, "(%s=*)", *name);
	buf_lit(&b, ")");
	struct query q = { dn, SCOPE_ENTRY, buf_cstr(&b), attributes, 1, false };
	struct entries found = { NULL, 0 };
	/* A thread that never called dir_bind has bound this connection to nobody. */
	int rc = search_by(LINK_VERIFY, a, &q, 1, &found);
	if (is_broken(rc))
		return E_DOWN;
	return rc == LDAP_SUCCESS && found.n == 1 && found.e[0].n > 0 ? OK : E_NOENT;
}

/* The results that mean the same for a change and for a bind. */
static int outcome(const char *of, const char *dn, int rc)
{
	if (rc == LDAP_SUCCESS)
		return OK;
	if (rc == LDAP_NO_SUCH_OBJECT)
		return E_NOENT;
	return rc == LDAP_CONNECT_ERROR ? E_DOWN : fail(E_DOWN, "directory: %s %s: %s", of, dn, ldap_err2string(rc));
}

enum { MAX_CHANGES = 20 };

/* Changes as libldap wants them; it only reads what they point to. */
struct mods {
	LDAPMod mods[MAX_CHANGES], *list[MAX_CHANGES + 1];
	struct berval values[MAX_CHANGES], *vectors[2 * MAX_CHANGES];
};

/* Several values of one attribute that are added behind each other are one change: in a new entry each attribute stands once (RFC 4511 4.7). */
static bool goes_on(const struct change *before, const struct change *c)
{
	return before->op == CHANGE_ADD && c->op == CHANGE_ADD && strcmp(before->attribute, c->attribute) == 0;
}

static void fill_mods(struct mods *m, const struct change *changes, size_t n)
{
	size_t nmods = 0, at = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !goes_on(&changes[i - 1], &changes[i])) {
			at += i > 0;		/* behind the NULL of the one before */
			m->mods[nmods] = (LDAPMod){ .mod_op = (int)changes[i].op | LDAP_MOD_BVALUES, .mod_type = (char *)changes[i].attribute,
				.mod_bvalues = &m->vectors[at] };
			m->list[nmods] = &m->mods[nmods];
			nmods++;
		}
		m->values[i] = (struct berval){ changes[i].value.n, (char *)changes[i].value.p };
		if (changes[i].value.p != NULL)
			m->vectors[at++] = &m->values[i];
		m->vectors[at] = NULL;
	}
	m->list[nmods] = NULL;
}

/* What the directory answered to a change or a bind. */
static int answer_to(LDAP *ld, int msgid)
{
	AUTO(free_message) LDAPMessage *m = NULL;
	int kind = ldap_result(ld, msgid, LDAP_MSG_ALL, NULL, &m);
	if (kind <= 0)
		return kind == 0 ? LDAP_TIMEOUT : last_error(ld);
	int answer, rc = ldap_parse_result(ld, m, &answer, NULL, NULL, NULL, NULL, 0);
	return rc == LDAP_SUCCESS ? answer : rc;
}

static int modify_once(LDAP *ld, const char *dn, LDAPMod **mods, const char *assertion)
{
	struct berval value = { 0, NULL };
	LDAPControl control = { .ldctl_oid = (char *)LDAP_CONTROL_ASSERT, .ldctl_iscritical = 1 };
	LDAPControl *controls[] = { &control, NULL };
	int msgid = 0, rc = assertion == NULL ? LDAP_SUCCESS : ldap_create_assertion_control_value(ld, (char *)assertion, &value);
	control.ldctl_value = value;
	if (rc == LDAP_SUCCESS)
		rc = ldap_modify_ext(ld, dn, mods, assertion == NULL ? NULL : controls, NULL, &msgid);
	ber_memfree(value.bv_val);
	return rc == LDAP_SUCCESS ? answer_to(ld, msgid) : rc;
}

int dir_modify(const char *dn, const struct change *changes, size_t n, const char *assertion)
{
	struct mods mods;
	if (n > MAX_CHANGES)
		return E_BUG;
	fill_mods(&mods, changes, n);
	struct attempt t = { .link = LINK_SERVICE };
	while (try(&t))
		t.rc = modify_once(t.ld, dn, mods.list, assertion);
	if (t.rc == LDAP_NO_SUCH_ATTRIBUTE || t.rc == LDAP_ASSERTION_FAILED || t.rc == LDAP_TYPE_OR_VALUE_EXISTS)
		return E_EXISTS;
	return outcome("change of", dn, t.rc);
}

/* Not tried again: whether the first try came through is not known, and the second would say that it is there already. */
int dir_add(const char *dn, const struct change *attributes, size_t n)
{
	struct mods mods;
	LDAP *ld;
	int msgid = 0;
	if (n > MAX_CHANGES)
		return E_BUG;
	if (dir_link(LINK_SERVICE, &ld) != OK)
		return E_DOWN;
	fill_mods(&mods, attributes, n);
	int rc = ldap_add_ext(ld, dn, mods.list, NULL, NULL, &msgid);
	if (rc == LDAP_SUCCESS)
		rc = answer_to(ld, msgid);
	if (is_broken(rc))
		dir_link_drop(LINK_SERVICE);
	if (rc == LDAP_ALREADY_EXISTS)
		return E_EXISTS;
	if (rc == LDAP_CONSTRAINT_VIOLATION)
		return fail(E_INPUT, "directory: new entry %s: %s", dn, ldap_err2string(rc));
	return outcome("new entry", dn, rc);
}

static int delete_once(LDAP *ld, const char *dn)
{
	int msgid, rc = ldap_delete_ext(ld, dn, NULL, NULL, &msgid);
	return rc == LDAP_SUCCESS ? answer_to(ld, msgid) : rc;
}

int dir_delete(const char *dn)
{
	struct attempt t = { .link = LINK_SERVICE };
	while (try(&t))
		t.rc = delete_once(t.ld, dn);
	return outcome("end of", dn, t.rc);
}

static int bind_once(LDAP *ld, const char *dn, struct slice password)
{
	struct berval cred = { password.n, (char *)password.p };
	int msgid, rc = ldap_sasl_bind(ld, dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, &msgid);
	return rc == LDAP_SUCCESS ? answer_to(ld, msgid) : rc;
}

int dir_bind(const char *dn, struct slice password)
{
	struct attempt t = { .link = LINK_VERIFY };
	if (password.n == 0 || dn[0] == '\0')	/* either would be an anonymous bind, which "succeeds" (RFC 4513 5.1.2) */
		return E_NOENT;
	while (try(&t))
		t.rc = bind_once(t.ld, dn, password);
	if (t.rc == LDAP_INVALID_CREDENTIALS || t.rc == LDAP_INAPPROPRIATE_AUTH)	/* the latter: there is no password */
		return E_NOENT;
	return outcome("bind of", dn, t.rc);
}
