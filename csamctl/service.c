/* csamctl service new, list: services that a login opens. */
#include "base/digest.h"
#include "base/json.h"
#include "csamctl/fields.h"
#include "csamctl/ldap.h"
#include "csamctl/ldif.h"
#include "csamctl/secrets.h"
#include "csamctl/service.h"

static const char *const none[] = { NULL };

static const char *const *list(const char *const *l)
{
	return l != NULL ? l : none;
}

static bool one_of(const char *word, const char *words)
{
	return slice_has_word(slice_of(words), slice_of(word));
}

static const char *why_value(struct arena *a, const char *what, const char *value, const char *words)
{
	return value == NULL || one_of(value, words) ? NULL : arena_printf(a, "%s '%s' is none of: %s", what, value, words);
}

static const char *why_list(struct arena *a, const char *what, const char *const *values, const char *words)
{
	const char *why = NULL;
	for (values = list(values); why == NULL && *values != NULL; values++)
		why = why_value(a, what, *values, words);
	return why;
}

static const char *why_closed_sets(struct ctl *c, const struct service_new *s)
{
	const struct { const char *what, *value, *words; } sets[] = {
		{ "level", s->level, "100 200 300 400 450 500" },
		{ "authentication method", s->auth_method, "none client_secret_basic client_secret_post private_key_jwt" },
		{ "ID token algorithm", s->id_token_alg, "RS256 PS256 ES256 EdDSA" },
		{ "userinfo algorithm", s->userinfo_alg, "RS256 PS256 ES256 EdDSA" },
		{ "subject type", s->subject_type, "pairwise public" },
		{ "application type", s->application_type, "web native" },
	};
	const char *why = why_list(c->a, "kind of key", s->kinds, "eid itsme eidas passkey app token sms mail password apppass");
	if (why == NULL)
		why = why_list(c->a, "grant", s->grants, "authorization_code refresh_token urn:ietf:params:oauth:grant-type:device_code");
	for (size_t i = 0; why == NULL && i < sizeof sets / sizeof *sets; i++)
		why = why_value(c->a, sets[i].what, sets[i].value, sets[i].words);
	return why;
}

/* Is it sent people by their browser? A device alone (RFC 8628) is not. */
static bool has_browser(const struct service_new *s)
{
	const char *const *g = list(s->grants);
	bool any = *g == NULL;
	for (; *g != NULL; g++)
		any = any || strcmp(*g, "authorization_code") == 0;
	return any;
}

static const char *why_uris(struct ctl *c, const struct service_new *s)
{
	bool native = s->application_type != NULL && strcmp(s->application_type, "native") == 0;
	if (*list(s->redirect_uris) == NULL && has_browser(s))
		return "a service needs at least one redirect URI";
	const char *const *both[] = { list(s->redirect_uris), list(s->post_logout_uris) };
	for (size_t i = 0; i < 2; i++)
		for (const char *const *u = both[i]; *u != NULL; u++) {
			bool loopback = c->set.loopback_http && strncmp(*u, "http://", 7) == 0;
			const char *why = field_redirect(slice_of(*u), native || loopback);
			if (why != NULL)
				return arena_printf(c->a, "%s: %s", *u, why);
		}
	const char *pages[] = { s->client_uri, s->policy_uri, s->terms_uri, s->backchannel_uri };
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		const char *why = pages[i] != NULL ? field_web(slice_of(pages[i])) : NULL;
		if (why != NULL)
			return arena_printf(c->a, "%s: %s", pages[i], why);
	}
	return NULL;
}

/* What proves the client must be there, and nothing that it does not use (OpenID Connect Core 9). */
static const char *why_proof(const struct service_new *s)
{
	const char *method = s->auth_method ? s->auth_method : "client_secret_basic";
	if (strcmp(method, "private_key_jwt") == 0)
		return s->jwks == NULL ? "private_key_jwt needs the client's public keys (jwks)" : s->secret != NULL ?
		    "private_key_jwt uses no client secret" : NULL;
	if (strcmp(method, "none") == 0)
		return s->secret != NULL ? "a client without authentication has no secret" : NULL;
	return s->secret == NULL ? "this authentication method needs a client secret" : slice_of(s->secret).n < 16 ?
	    "a client secret has at least 16 characters" : NULL;
}

static const char *why_texts(const struct service_new *s)
{
	const char *why = field_id(slice_of(s->id));
	if (why == NULL && (!slice_is_text(slice_of(s->client_id), "") || *s->client_id == '\0' || strlen(s->client_id) > 256))
		why = "a client_id is 1 to 256 bytes of text";
	if (why == NULL && s->names->text == NULL)
		why = "a service needs a name";
	for (const struct local_text *n = s->names; why == NULL && n->text != NULL; n++) {
		why = field_text(slice_of(n->text));
		if (why == NULL && *n->lang != '\0')
			why = field_language(slice_of(n->lang));
	}
	for (const char *const *scope = list(s->scopes); why == NULL && *scope != NULL; scope++)
		if (**scope == '\0' || strpbrk(*scope, " \"\\") != NULL || !slice_is_text(slice_of(*scope), ""))
			why = "a scope is a word (RFC 6749 3.3)";
	return why;
}

static void str_list(struct buf *b, const char *name, const char *const *values)
{
	for (values = list(values); *values != NULL; values++)
		ldif_str(b, name, *values);
}

const char *service_begin(struct ctl *c, const struct service_new *s, struct buf *b)
{
	const char *why = why_texts(s);
	if (why == NULL)
		why = why_closed_sets(c, s);
	if (why != NULL)
		return why;
	ldif_record(b, dn_below(c->a, "cn", s->id, c->set.services_base), "add");
	ldif_str(b, "objectClass", "csamService");
	ldif_str(b, "cn", s->id);
	for (const struct local_text *n = s->names; n->text != NULL; n++)
		ldif_str(b, *n->lang ? arena_printf(c->a, "displayName;lang-%s", n->lang) : "displayName", n->text);
	ldif_str(b, "csamServiceLevel", s->level);
	str_list(b, "csamServiceKeyKind", s->kinds);
	ldif_str(b, "csamClientId", s->client_id);
	return NULL;
}

static void write_client(const struct ctl *c, const struct service_new *s, struct buf *b)
{
	ldif_str(b, "objectClass", "csamOidcClient");
	if (s->secret != NULL)
		ldif_str(b, "csamClientSecret", client_secret_hash(c->a, slice_of(s->secret)));
	str_list(b, "csamRedirectURI", s->redirect_uris);
	str_list(b, "csamPostLogoutURI", s->post_logout_uris);
	ldif_str(b, "csamBackchannelLogoutURI", s->backchannel_uri);
	ldif_str(b, "csamClientJWKS", s->jwks);
	ldif_str(b, "csamTokenAuthMethod", s->auth_method);
	str_list(b, "csamScope", s->scopes);
	str_list(b, "csamGrant", s->grants);
	ldif_str(b, "csamSubjectType", s->subject_type);
	ldif_str(b, "csamSectorIdentifier", s->sector);
	ldif_str(b, "csamIdTokenAlg", s->id_token_alg);
	ldif_str(b, "csamUserinfoAlg", s->userinfo_alg);
	ldif_str(b, "csamConsentRequired", s->ask_consent ? "TRUE" : NULL);
	ldif_str(b, "csamApplicationType", s->application_type);
	ldif_str(b, "csamRequirePKCE", s->require_pkce ? "TRUE" : NULL);
	ldif_str(b, "labeledURI", s->client_uri);
	ldif_str(b, "csamPolicyURI", s->policy_uri);
	ldif_str(b, "csamTermsURI", s->terms_uri);
	ldif_end(b);
}

const char *service_record(struct ctl *c, const struct service_new *s, struct buf *out)
{
	/* Nothing is written of a service that is refused. */
	const char *why = why_uris(c, s);
	if (why == NULL)
		why = why_proof(s);
	if (why == NULL)
		why = service_begin(c, s, out);
	if (why == NULL)
		write_client(c, s, out);
	return why;
}

/* "Tax-on-web" or "fr=Ma déclaration". */
const struct local_text *service_names(struct ctl *c)
{
	const char *const *all = opt_all(c, "name");
	size_t n = 0;
	while (all[n] != NULL)
		n++;
	struct local_text *out = ARENA_ARRAY(c->a, struct local_text, n + 1);
	for (size_t i = 0; i < n; i++) {
		bool lang = strlen(all[i]) > 3 && all[i][2] == '=';
		out[i] = lang ? (struct local_text){ arena_str(c->a, slice_mem(all[i], 2)), all[i] + 3 } : (struct local_text){ "", all[i] };
	}
	return out;
}

static int read_jwks(struct ctl *c, const char *path, const char **out)
{
	struct slice text;
	json_t *set;
	const char *why = "no member \"keys\"";
	if (path == NULL)
		return DONE;
	if (read_file(c->a, path, 65536, &text) != OK)
		return REFUSED;
	if (json_parse(c->a, text, &set, &why) != OK || !json_is_array(json_object_get(set, "keys")))
		return refuse("%s is no JWK set: %s", path, why);
	*out = json_text(c->a, set).p;
	return DONE;
}

static int service_new_run(struct ctl *c)
{
	struct buf out = buf_new(c->a);
	const char *jwks = NULL, *method = opt_on(c, "public") ? "none" : opt(c, "auth-method");
	bool secret = method == NULL || strncmp(method, "client_secret", 13) == 0, native = opt_on(c, "native");
	int rc = need(c, c->set.services_base, "base");
	if (rc == DONE)
		rc = read_jwks(c, opt(c, "jwks-file"), &jwks);
	if (rc != DONE)
		return rc;
	struct service_new s = {
		.id = opt(c, "id"), .client_id = opt(c, "client-id"), .secret = secret ? random_id(c->a, 32) : NULL, .names = service_names(c),
		.redirect_uris = opt_all(c, "redirect-uri"), .post_logout_uris = opt_all(c, "post-logout-uri"),
		.kinds = opt_all(c, "kind"), .scopes = opt_all(c, "scope"), .grants = opt_all(c, "grant"), .level = opt(c, "level"),
		.auth_method = method, .id_token_alg = opt(c, "alg"), .userinfo_alg = opt(c, "userinfo-alg"), .jwks = jwks,
		.subject_type = opt(c, "subject-type"), .sector = opt(c, "sector"), .application_type = native ? "native" : NULL,
		.client_uri = opt(c, "home"), .policy_uri = opt(c, "policy"), .terms_uri = opt(c, "terms"),
		.require_pkce = opt_on(c, "require-pkce"), .ask_consent = opt_on(c, "consent"),
	};
	if (s.client_id == NULL)
		s.client_id = s.id;
	if (s.id_token_alg == NULL)
		s.id_token_alg = "ES256";
	const char *why = service_record(c, &s, &out);
	if (why != NULL)
		return refuse("%s: %s", s.id, why);
	rc = print(&out);
	if (rc == DONE && s.secret != NULL)
		fprintf(stderr, "client_id:     %s\nclient_secret: %s\nThe secret is shown this once: give it to the service.\n", s.client_id, s.secret);
	return rc;
}

static int show_service(void *ctx, struct arena *a, const struct ldap_entry *e)
{
	(void)ctx;
	const char *state = entry_str(e, "csamServiceState"), *method = entry_str(e, "csamTokenAuthMethod");
	bool oidc = entry_str(e, "csamClientId") != NULL, saml = entry_str(e, "csamEntityId") != NULL;
	if (oidc && method == NULL)
		method = "client_secret_basic";
	printf("%-20s %-9s %-5s %-9s %-20s %s\n", harmless(a, entry_str(e, "cn")), harmless(a, state ? state : "active"),
	    harmless(a, entry_str(e, "csamServiceLevel")), oidc ? "oidc" : saml ? "saml" : "host", harmless(a, method),
	    harmless(a, entry_str(e, "displayName")));
	return OK;
}

int service_table(struct ctl *c, const char *what, const char *filter, const char *head, entry_fn *show)
{
	struct dir *d;
	const char *why = NULL;
	int rc = dir_open(c, &d);
	if (rc != DONE)
		return rc;
	puts(head);
	struct search s = { c->set.services_base, SCOPE_TREE, filter, NULL };
	if (dir_each(d, &s, show, NULL, &why) != OK)
		return refuse("%s below %s cannot be read: %s", what, c->set.services_base, why);
	return DONE;
}

static int list_run(struct ctl *c)
{
	return service_table(c, "services", "(objectClass=csamService)",
	    "SERVICE              STATE     LEVEL PROTOCOL  AUTHENTICATION       NAME", show_service);
}

static const struct opt new_opts[] = {
	{ "id", "ID", "short name of the service, for ever", OPT_MUST, 0 },
	{ "name", "TEXT", "name that people read; fr=TEXT for one language", OPT_MUST | OPT_MANY, 0 },
	{ "redirect-uri", "URI", "where logins may return to, compared byte for byte", OPT_MUST | OPT_MANY, 0 },
	{ "post-logout-uri", "URI", "where logouts may return to", OPT_MANY, 0 },
	{ "level", "LEVEL", "lowest level that opens it: 100 200 300 400 450 500", 0, 0 },
	{ "kind", "KIND", "kind of key it accepts (without: all): eid app password ...", OPT_MANY, 0 },
	{ "client-id", "TEXT", "its client_id (default: the id)", 0, 0 },
	{ "alg", "ALG", "signature of ID tokens: ES256 (default) RS256 PS256 EdDSA", 0, 0 },
	{ "userinfo-alg", "ALG", "sign the userinfo answer, too", 0, 0 },
	{ "auth-method", "METHOD", "one of client_secret_basic (default) client_secret_post private_key_jwt none", 0, 0 },
	{ "jwks-file", "FILE", "the client's public keys, as a JWK set", 0, 0 },
	{ "public", NULL, "no secret, PKCE instead: for programs that people run", 0, 0 },
	{ "native", NULL, "an application on a device (RFC 8252): loopback and own schemes may be redirected to", 0, 0 },
	{ "scope", "SCOPE", "scope it may ask for (without: openid profile email address phone)", OPT_MANY, 0 },
	{ "grant", "GRANT", "one of authorization_code (default) refresh_token urn:ietf:params:oauth:grant-type:device_code", OPT_MANY, 0 },
	{ "subject-type", "TYPE", "pairwise (default) or public", 0, 0 },
	{ "sector", "HOST", "services of one sector see the same subject", 0, 0 },
	{ "consent", NULL, "people are asked before it learns anything", 0, 0 },
	{ "require-pkce", NULL, "refuse requests without code_challenge", 0, 0 },
	{ "home", "URI", "its home page", 0, 0 },
	{ "policy", "URI", "its privacy policy", 0, 0 },
	{ "terms", "URI", "its terms", 0, 0 },
	{ 0 },
};

const struct command cmd_service_new = {
	.path = "service new", .operands = "", .opts = new_opts, .run = service_new_run,
	.what = "LDIF of a new OpenID Connect service; its secret on standard error",
	.more = "The secret is made here and shown once; the directory gets a salted digest of it.",
	.examples =
	    "  csamctl service new --id tax --name 'Tax' --name fr='Impôts' --level 400 \\\n"
	    "      --redirect-uri https://tax.example.be/callback | ldapmodify -H ldapi:/// -Y EXTERNAL\n"
	    "  csamctl service new --id app --name App --public --native --redirect-uri http://127.0.0.1/callback > app.ldif\n",
};

const struct command cmd_service_list = {
	.path = "service list", .operands = "", .run = list_run,
	.what = "the services",
	.examples = "  csamctl service list\n",
};
