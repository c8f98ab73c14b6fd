/* csamctl service import: client metadata (RFC 7591 2, OpenID Connect Registration 1.0) becomes LDIF.
 *
 * Every member is honoured or refused by name: what is silently dropped is found out by people who cannot log in. */
#include <stddef.h>
#include "base/json.h"
#include "csamctl/fetch.h"
#include "csamctl/service.h"

struct import {
	struct ctl *c;
	json_t *client;
	struct service_new s;
	const char *why;
};

typedef const char *member_fn(struct import *im, const json_t *value);	/* NULL, or what is wrong */

static const char *acr_level(struct import *im, const json_t *v)
{
	static const char prefix[] = "urn:be:fedict:iam:fas:citizen:Level";
	const char *acr = json_string_value(json_array_get(v, 0));
	if (json_array_size(v) != 1 || acr == NULL || strncmp(acr, prefix, sizeof prefix - 1) != 0)
		return "exactly one of urn:be:fedict:iam:fas:citizen:Level100 200 300 400 450 500 can be the level of the service";
	im->s.level = arena_strdup(im->c->a, acr + sizeof prefix - 1);
	return NULL;
}

static const char *scope_list(struct import *im, const json_t *v)
{
	struct slice rest = slice_of(json_string_value(v)), word;
	const char **out = ARENA_ARRAY(im->c->a, const char *, rest.n / 2 + 2);
	size_t n = 0;
	if (!json_is_string(v))
		return "must be a string of words separated by spaces";
	while (slice_cut(&rest, ' ', &word))
		if (word.n > 0)
			out[n++] = arena_str(im->c->a, word);
	im->s.scopes = out;
	return NULL;
}

static const char *only_code(struct import *im, const json_t *v)
{
	(void)im;
	return json_array_size(v) == 1 && json_is_string(json_array_get(v, 0)) &&
	    strcmp(json_string_value(json_array_get(v, 0)), "code") == 0 ? NULL : "only [\"code\"] is answered here";
}

static const char *key_set(struct import *im, const json_t *v)
{
	if (!json_is_array(json_object_get(v, "keys")))
		return "must be a JWK set: {\"keys\": [...]}";
	im->s.jwks = json_text(im->c->a, v).p;
	return NULL;
}

/* Fetched once, here and by the administrator, so that no address of a stranger is ever asked by the daemon. */
static const char *key_set_at(struct import *im, const json_t *v)
{
	struct arena *a = im->c->a;
	const char *uri = json_string_value(v), *why = NULL;
	struct page page;
	json_t *set;
	if (uri == NULL || !slice_starts(slice_of(uri), S("https://")))
		return "must be a string that begins with https://";
	if (json_object_get(im->client, "jwks") != NULL)
		return "excludes jwks (RFC 7591 2)";
	if (fetch(a, uri, opt(im->c, "ca"), &page, &why) != OK)
		return arena_printf(a, "%s: %s → put the keys inline as \"jwks\", or see --ca", uri, why);
	if (page.status != 200 || json_parse(a, page.body, &set, &why) != OK)
		return arena_printf(a, "%s answers %ld%s", uri, page.status, page.status == 200 ? " and no JSON" : "");
	why = key_set(im, set);
	if (why == NULL)
		say("%s: its keys are those of now → import again when the service changes them", uri);
	return why;
}

static const char *never_expires(struct import *im, const json_t *v)
{
	(void)im;
	return json_is_integer(v) && json_integer_value(v) == 0 ? NULL : "only 0 (never): secrets do not expire here by themselves";
}

static const char *accepted(struct import *im, const json_t *v)
{
	(void)im;
	(void)v;
	return NULL;
}

static const char *false_only(struct import *im, const json_t *v)
{
	(void)im;
	return json_is_false(v) ? NULL : "only false can be honoured";
}

static const char *pkce(struct import *im, const json_t *v)
{
	im->s.require_pkce = json_is_true(v);
	return json_is_boolean(v) ? NULL : "must be true or false";
}

#define TEXT(field)	.at = offsetof(struct service_new, field)
#define LIST(field)	.at = offsetof(struct service_new, field), .many = true

static const struct member {
	const char *name;
	size_t at;
	bool many;
	member_fn *fn;		/* instead of at */
	const char *never;	/* why it cannot be honoured, and what to do */
} members[] = {
	{ "client_id", TEXT(client_id) },
	{ "client_secret", TEXT(secret) },
	{ "redirect_uris", LIST(redirect_uris) },
	{ "post_logout_redirect_uris", LIST(post_logout_uris) },
	{ "backchannel_logout_uri", TEXT(backchannel_uri) },
	{ "backchannel_logout_session_required", .fn = accepted },	/* the sid is always there */
	{ "token_endpoint_auth_method", TEXT(auth_method) },
	{ "grant_types", LIST(grants) },
	{ "response_types", .fn = only_code },
	{ "scope", .fn = scope_list },
	{ "jwks", .fn = key_set },
	{ "jwks_uri", .fn = key_set_at },
	{ "id_token_signed_response_alg", TEXT(id_token_alg) },
	{ "userinfo_signed_response_alg", TEXT(userinfo_alg) },
	{ "subject_type", TEXT(subject_type) },
	{ "application_type", TEXT(application_type) },
	{ "client_uri", TEXT(client_uri) },
	{ "policy_uri", TEXT(policy_uri) },
	{ "tos_uri", TEXT(terms_uri) },
	{ "default_acr_values", .fn = acr_level },
	{ "require_pkce", .fn = pkce },
	{ "require_pushed_authorization_requests", .fn = false_only },
	{ "tls_client_certificate_bound_access_tokens", .fn = false_only },
	{ "require_auth_time", .fn = accepted },		/* ID tokens always say it */
	{ "client_secret_expires_at", .fn = never_expires },
	{ "client_id_issued_at", .fn = accepted },		/* these describe, and ask for nothing */
	{ "software_id", .fn = accepted },
	{ "software_version", .fn = accepted },
	{ "sector_identifier_uri", .never = "it is never fetched: services of one sector are made with csamctl service new --sector" },
};
enum { NMEMBERS = sizeof members / sizeof *members };

static const char *string_list(struct import *im, const json_t *v, const char *const **out)
{
	size_t n = json_array_size(v);
	const char **list = ARENA_ARRAY(im->c->a, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		if ((list[i] = json_string_value(json_array_get(v, i))) == NULL)
			return "must be an array of strings";
	*out = list;
	return json_is_array(v) ? NULL : "must be an array of strings";
}

static const char *take(struct import *im, const struct member *m, const json_t *v)
{
	if (m->never != NULL)
		return m->never;
	if (m->fn != NULL)
		return m->fn(im, v);
	void *at = (char *)&im->s + m->at;
	if (m->many)
		return string_list(im, v, at);
	*(const char **)at = json_string_value(v);
	return json_is_string(v) ? NULL : "must be a string";
}

static bool ignored(const struct ctl *c, const char *name)
{
	for (const char *const *i = opt_all(c, "ignore"); *i != NULL; i++)
		if (strcmp(*i, name) == 0)
			return true;
	return false;
}

static const struct member *member_named(const char *name)
{
	for (size_t i = 0; i < NMEMBERS; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

/* client_name or client_name#fr (RFC 7591 2.2): its language, "" for none. NULL: it is another member. */
static const char *language_of(const char *member)
{
	static const char name[] = "client_name";
	size_t n = sizeof name - 1;
	if (strncmp(member, name, n) != 0)
		return NULL;
	return member[n] == '\0' ? "" : member[n] == '#' ? member + n + 1 : NULL;
}

/* They become names with and without a language. */
static const char *take_names(struct import *im)
{
	struct local_text *names = ARENA_ARRAY(im->c->a, struct local_text, json_object_size(im->client) + 1);
	size_t n = 0;
	const char *name;
	json_t *v;
	json_object_foreach(im->client, name, v) {
		if (language_of(name) == NULL || ignored(im->c, name))
			continue;
		if (!json_is_string(v))
			return arena_printf(im->c->a, "%s: must be a string", name);
		names[n++] = (struct local_text){ language_of(name), json_string_value(v) };
	}
	if (n == 0)
		names[0] = (struct local_text){ "", im->s.client_id };
	im->s.names = names;
	return NULL;
}

static const char *take_all(struct import *im)
{
	const char *name;
	json_t *v;
	json_object_foreach(im->client, name, v) {
		const struct member *m = member_named(name);
		if (ignored(im->c, name) || language_of(name) != NULL)
			continue;
		const char *why = m != NULL ? take(im, m, v) : "cannot be honoured → leave it out, or say --ignore with its name";
		if (why != NULL)
			return arena_printf(im->c->a, "%s: %s", name, why);
	}
	if (im->s.client_id == NULL)
		return "client_id: is missing";
	return take_names(im);
}

/* The id stands in a DN and in addresses; a client_id may be anything. */
static const char *id_of(struct arena *a, const char *client_id)
{
	struct buf b = buf_new(a);
	for (const char *p = client_id; p != NULL && *p != '\0' && b.n < 64; p++) {
		bool alnum = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
		if (alnum || b.n > 0)
			buf_char(&b, alnum || strchr("._-", *p) != NULL ? *p : '-');
	}
	return buf_cstr(&b);
}

static int import_one(struct ctl *c, json_t *client, size_t number, struct buf *out)
{
	struct import im = { .c = c, .client = client };
	if (!json_is_object(client))
		return refuse("client %zu: must be a JSON object", number);
	const char *why = take_all(&im);
	if (why == NULL) {
		im.s.id = opt(c, "id") != NULL ? opt(c, "id") : id_of(c->a, im.s.client_id);
		why = service_record(c, &im.s, out);
	}
	return why == NULL ? DONE : refuse("client %zu%s%s: %s", number, im.s.client_id ? " " : "", im.s.client_id ? im.s.client_id : "", why);
}

static bool is_xml(struct slice text)
{
	struct slice bom = S("\xef\xbb\xbf");
	size_t i = slice_starts(text, bom) ? bom.n : 0;
	while (i < text.n && strchr(" \t\r\n", text.p[i]) != NULL && text.p[i] != '\0')
		i++;
	return i < text.n && text.p[i] == '<';
}

static int import_run(struct ctl *c)
{
	struct slice text;
	struct buf out = buf_new(c->a);
	const char *why = NULL, *path = c->operands[0];
	json_t *root;
	int rc = need(c, c->set.services_base, "base");
	if (rc != DONE)
		return rc;
	if (read_file(c->a, path, 1 << 20, &text) != OK)
		return REFUSED;
	if (is_xml(text))
		return refuse("%s is XML, most likely SAML metadata → SAML services are not yet supported; OpenID Connect client metadata is JSON", path);
	if (json_parse(c->a, text, &root, &why) != OK)
		return refuse("%s is no JSON: %s", path, why);
	bool many = json_is_array(root);
	if (many && json_array_size(root) == 0)
		return refuse("%s names no client", path);
	if (many && json_array_size(root) > 1 && opt(c, "id") != NULL)
		return usage(c, "--id is for a file with one client; %s has %zu", path, json_array_size(root));
	for (size_t i = 0; rc == DONE && i < (many ? json_array_size(root) : 1); i++)
		rc = import_one(c, many ? json_array_get(root, i) : root, i + 1, &out);
	return rc == DONE ? print(&out) : rc;
}

static const struct opt import_opts[] = {
	{ "id", "ID", "short name of the service (default: from its client_id)", 0, 0 },
	{ "ignore", "MEMBER", "do without this member of the metadata", OPT_MANY, 0 },
	{ "ca", "FILE", "PEM file of the authority of jwks_uri's certificate (default: the system's)", 0, 0 },
	{ 0 },
};

const struct command cmd_service_import = {
	.path = "service import", .operands = "FILE.json", .noperands = 1, .opts = import_opts, .run = import_run,
	.what = "LDIF of services from OpenID Connect client metadata (RFC 7591)",
	.more = "One JSON object or an array of them; client_id and client_secret stay as they are. Members that cannot be honoured\n"
	    "are errors; nothing is printed then. default_acr_values with one value is the level of the service. A jwks_uri is\n"
	    "fetched now, and its keys are kept: idpd itself asks no address of a service.",
	.examples = "  csamctl service import client.json | ldapmodify -H ldapi:/// -Y EXTERNAL\n",
};
