/* Reads the directory: connection, bind, paged search, entries copied into an arena. */
#include <ldap.h>
#include <stdlib.h>
#include <strings.h>
#include "csamctl/ldap.h"

enum { PAGE = 500, TIMEOUT_S = 10 };

struct dir {
	LDAP *ld;
	struct arena *a;
};

static void unbind(void *ld)
{
	ldap_unbind_ext_s(ld, NULL, NULL);
}

static void free_message(LDAPMessage **m)
{
	if (*m != NULL)
		ldap_msgfree(*m);
}

static const char *reason(struct dir *d, int rc)
{
	char *more = NULL;
	ldap_get_option(d->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	const char *why = more != NULL && *more != '\0' ? arena_printf(d->a, "%s (%s)", ldap_err2string(rc), more) : ldap_err2string(rc);
	ldap_memfree(more);
	return why;
}

/* The certificate is always verified: there is no option that would let it pass. */
static int prepare(LDAP *ld, const struct settings *s)
{
	int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, server = 0;
	struct timeval limit = { TIMEOUT_S, 0 };
	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &limit);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &limit);
	ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	if (s->ca_file != NULL && *s->ca_file != '\0' &&
	    ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, s->ca_file) != LDAP_OPT_SUCCESS)
		return LDAP_LOCAL_ERROR;
	ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &server);
	return s->starttls && strncmp(s->uri, "ldap://", 7) == 0 ? ldap_start_tls_s(ld, NULL, NULL) : LDAP_SUCCESS;
}

static int connect_to(struct ctl *c, struct dir **out, const char **why)
{
	struct dir *d = ARENA_NEW(c->a, struct dir);
	d->a = c->a;
	int rc = ldap_initialize(&d->ld, c->set.uri);
	if (rc != LDAP_SUCCESS) {
		*why = ldap_err2string(rc);
		return E_DOWN;
	}
	arena_defer(c->a, unbind, d->ld);
	rc = prepare(d->ld, &c->set);
	if (rc != LDAP_SUCCESS) {
		*why = reason(d, rc);
		return E_DOWN;
	}
	*out = d;
	return OK;
}

static int bind_as(struct dir *d, const char *dn, const char *mechanism, struct slice password, const char **why)
{
	struct berval cred = { password.n, (char *)password.p };
	int rc = ldap_sasl_bind_s(d->ld, dn, mechanism, &cred, NULL, NULL, NULL);
	if (rc == LDAP_SUCCESS)
		return OK;
	*why = reason(d, rc);
	return rc == LDAP_INVALID_CREDENTIALS || rc == LDAP_INAPPROPRIATE_AUTH || rc == LDAP_UNWILLING_TO_PERFORM ||
	    rc == LDAP_INVALID_DN_SYNTAX ? E_INPUT : E_DOWN;
}

int dir_open_as(struct ctl *c, const char *dn, struct slice password, struct dir **out, const char **why)
{
	struct dir *d;
	int rc = connect_to(c, &d, why);
	/* RFC 4513 5.1.2: a name without password would bind as nobody, and look like success */
	if (rc == OK && dn != NULL && password.n == 0) {
		*why = "the password is empty";
		rc = E_INPUT;
	}
	if (rc == OK)
		rc = bind_as(d, dn, LDAP_SASL_SIMPLE, password, why);
	if (rc == OK)
		*out = d;
	return rc;
}

int dir_open_nobody(struct ctl *c, struct dir **out, const char **why)
{
	return connect_to(c, out, why);
}

int dir_try(struct ctl *c, struct dir **out, const char **why)
{
	struct slice password = slice_of(opt(c, "password"));
	const char *file = opt(c, "bind-password-file");
	*why = "the password file cannot be read";
	if (file != NULL && read_secret(c->a, file, &password) != OK)
		return E_BUG;
	if (c->set.bind_dn != NULL || strncmp(c->set.uri, "ldapi:", 6) != 0)
		return dir_open_as(c, c->set.bind_dn, password, out, why);
	struct dir *d;
	int rc = connect_to(c, &d, why);
	if (rc == OK)
		rc = bind_as(d, NULL, "EXTERNAL", S(""), why);	/* RFC 4422 5: an empty response is one; none would be asked for */
	if (rc == OK)
		*out = d;
	return rc;
}

int dir_open(struct ctl *c, struct dir **out)
{
	const char *why = NULL;
	int rc = need(c, c->set.uri, "uri");
	if (rc == DONE)
		rc = need(c, c->set.base, "base");
	if (rc != DONE)
		return rc;
	rc = dir_try(c, out, &why);
	if (rc == E_INPUT)
		return refuse("%s refuses %s: %s → give -D DN and -y FILE", c->set.uri, c->set.bind_dn ? c->set.bind_dn : "this user", why);
	if (rc == E_DOWN)
		return refuse("the directory %s does not answer: %s → is slapd running, is the address right?", c->set.uri, why);
	return rc == OK ? DONE : REFUSED;
}

const struct attr *entry_attr(const struct ldap_entry *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcasecmp(e->attrs[i].name, name) == 0)
			return &e->attrs[i];
	return NULL;
}

const char *entry_str(const struct ldap_entry *e, const char *name)
{
	const struct attr *at = entry_attr(e, name);
	return at != NULL && at->n > 0 ? at->vals[0].p : NULL;
}

bool entry_has(const struct ldap_entry *e, const char *name, const char *value)
{
	const struct attr *at = entry_attr(e, name);
	for (size_t i = 0; at != NULL && i < at->n; i++)
		if (strcasecmp(at->vals[i].p, value) == 0)
			return true;
	return false;
}

static struct attr copy_attr(struct arena *a, LDAP *ld, LDAPMessage *m, const char *name)
{
	struct berval **vals = ldap_get_values_len(ld, m, name);
	size_t n = (size_t)ldap_count_values_len(vals);
	struct slice *copy = ARENA_ARRAY(a, struct slice, n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = arena_copy(a, slice_mem(vals[i]->bv_val, vals[i]->bv_len));
	ldap_value_free_len(vals);
	return (struct attr){ arena_strdup(a, name), copy, n };
}

static void copy_entry(struct arena *a, LDAP *ld, LDAPMessage *m, struct ldap_entry *out)
{
	enum { MAX_ATTRS = 256 };
	struct attr *attrs = ARENA_ARRAY(a, struct attr, MAX_ATTRS);
	size_t n = 0;
	BerElement *ber = NULL;
	char *dn = ldap_get_dn(ld, m);
	for (char *name = ldap_first_attribute(ld, m, &ber); name != NULL; name = ldap_next_attribute(ld, m, ber)) {
		if (n < MAX_ATTRS)
			attrs[n++] = copy_attr(a, ld, m, name);
		ldap_memfree(name);
	}
	ber_free(ber, 0);
	*out = (struct ldap_entry){ arena_strdup(a, dn), attrs, n };
	ldap_memfree(dn);
}

static int each_of_page(struct dir *d, LDAPMessage *page, entry_fn *fn, void *ctx)
{
	int rc = OK;
	for (LDAPMessage *m = ldap_first_entry(d->ld, page); m != NULL && rc == OK; m = ldap_next_entry(d->ld, m)) {
		AUTO_ARENA a = arena_new();
		struct ldap_entry e;
		copy_entry(a, d->ld, m, &e);
		rc = fn(ctx, a, &e);
	}
	return rc;
}

/* RFC 2696: the cookie that asks for the next page; empty after the last, or when the directory knows no pages. */
static void next_cookie(struct dir *d, LDAPMessage *page, struct berval *cookie)
{
	LDAPControl **controls = NULL;
	int rc = LDAP_SUCCESS;
	ber_int_t estimate;
	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){ 0, NULL };
	ldap_parse_result(d->ld, page, &rc, NULL, NULL, NULL, &controls, 0);
	LDAPControl *control = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	if (control != NULL && control->ldctl_value.bv_len > 0 &&
	    ldap_parse_pageresponse_control(d->ld, control, &estimate, cookie) != LDAP_SUCCESS)
		*cookie = (struct berval){ 0, NULL };
	ldap_controls_free(controls);
}

/* No is not broken: who may not look, or not at everything, was answered. */
static int meaning(int rc)
{
	switch (rc) {
	case LDAP_NO_SUCH_OBJECT:
		return E_NOENT;
	case LDAP_SIZELIMIT_EXCEEDED:
	case LDAP_TIMELIMIT_EXCEEDED:
	case LDAP_ADMINLIMIT_EXCEEDED:
		return E_LIMIT;
	case LDAP_INSUFFICIENT_ACCESS:
	case LDAP_STRONG_AUTH_REQUIRED:
	case LDAP_INAPPROPRIATE_AUTH:
	case LDAP_CONFIDENTIALITY_REQUIRED:
	case LDAP_UNWILLING_TO_PERFORM:
		return E_INPUT;
	default:
		return E_DOWN;
	}
}

static int one_page(struct dir *d, const struct search *s, struct berval *cookie, LDAPMessage **page)
{
	static const int scopes[] = { LDAP_SCOPE_BASE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_SUBTREE };
	LDAPControl *control = NULL, *controls[2] = { NULL, NULL };
	struct timeval limit = { 60, 0 };
	int rc = ldap_create_page_control(d->ld, PAGE, cookie, 0, &control);
	if (rc != LDAP_SUCCESS)
		return rc;
	controls[0] = control;
	rc = ldap_search_ext_s(d->ld, s->base, scopes[s->scope], s->filter, (char **)s->attrs, 0, controls, NULL, &limit,
	    LDAP_NO_LIMIT, page);
	ldap_control_free(control);
	return rc;
}

int dir_each(struct dir *d, const struct search *s, entry_fn *fn, void *ctx, const char **why)
{
	struct berval cookie = { 0, NULL };
	int result = OK;
	do {
		AUTO(free_message) LDAPMessage *page = NULL;
		int rc = one_page(d, s, &cookie, &page);
		if (rc != LDAP_SUCCESS) {
			*why = reason(d, rc);
			result = meaning(rc);
			break;
		}
		result = each_of_page(d, page, fn, ctx);
		next_cookie(d, page, &cookie);
	} while (result == OK && cookie.bv_len > 0);
	ber_memfree(cookie.bv_val);
	return result;
}

struct found {
	struct arena *a;
	struct ldap_entry *out;
	size_t n, max;
};

static struct ldap_entry keep(struct arena *a, const struct ldap_entry *e)
{
	struct attr *attrs = ARENA_ARRAY(a, struct attr, e->n + 1);
	for (size_t i = 0; i < e->n; i++) {
		struct slice *vals = ARENA_ARRAY(a, struct slice, e->attrs[i].n + 1);
		for (size_t j = 0; j < e->attrs[i].n; j++)
			vals[j] = arena_copy(a, e->attrs[i].vals[j]);
		attrs[i] = (struct attr){ arena_strdup(a, e->attrs[i].name), vals, e->attrs[i].n };
	}
	return (struct ldap_entry){ arena_strdup(a, e->dn), attrs, e->n };
}

static int collect(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	struct found *f = ctx;
	(void)a;
	if (f->n == f->max)
		return E_LIMIT;
	f->out[f->n++] = keep(f->a, e);
	return OK;
}

int dir_find(struct ctl *c, struct dir *d, const struct search *s, struct ldap_entry *out, size_t max, size_t *n, const char **why)
{
	struct found f = { c->a, out, 0, max };
	*why = "there are more than one expects";
	int rc = dir_each(d, s, collect, &f, why);
	*n = f.n;
	return rc;
}

int dir_sync_works(struct dir *d, const char *base, const char **why)
{
	/* RFC 4533 2.2: syncRequestValue ::= SEQUENCE { mode ENUMERATED refreshOnly (1) } */
	static char refresh_only[] = "\x30\x03\x0a\x01\x01";
	LDAPControl sync = { (char *)LDAP_CONTROL_SYNC, { 5, refresh_only }, 1 }, *controls[] = { &sync, NULL };
	char *attrs[] = { (char *)LDAP_NO_ATTRS, NULL };
	AUTO(free_message) LDAPMessage *m = NULL;
	int rc = ldap_search_ext_s(d->ld, base, LDAP_SCOPE_BASE, "(objectClass=*)", attrs, 0, controls, NULL, NULL, LDAP_NO_LIMIT, &m);
	if (rc == LDAP_SUCCESS)
		return OK;
	*why = reason(d, rc);
	return rc == LDAP_UNAVAILABLE_CRITICAL_EXTENSION || rc == LDAP_INSUFFICIENT_ACCESS ? E_NOENT : E_DOWN;
}
