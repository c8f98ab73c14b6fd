/* Entries of services to structs. A service that cannot be understood whole is no service: half a rule is a hole. */
#include <strings.h>
#include "base/buf.h"
#include "svc/directory_parts.h"

const char *const parse_service_attributes[] = {
	"objectClass", "cn", "displayName", "csamServiceState", "csamServiceLevel", "csamServiceKeyKind", "csamServiceAllow",
	"csamServiceNotice", "csamClientId", "csamClientSecret", "csamRedirectURI", "csamPostLogoutURI", "csamScope", "csamGrant",
	"csamClientJWKS", "csamTokenAuthMethod", "csamIdTokenAlg", "csamUserinfoAlg", "csamSectorIdentifier", "labeledURI",
	"csamBackchannelLogoutURI", "csamPolicyURI", "csamTermsURI", "csamSubjectType", "csamConsentRequired", "csamApplicationType", "csamRequirePKCE", NULL,
};

enum { MAX_JWKS = 64 * 1024 };

static int bad(const char **why, const char *what)
{
	*why = what;
	return E_INPUT;
}

static const char *string_or(const struct entry *e, const char *attribute, const char *absent)
{
	const char *s = entry_string(e, attribute);
	return s == NULL ? absent : s;
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* { "": displayName, "fr": displayName;lang-fr, ... } (RFC 3866) */
static const json_t *names(struct arena *a, const struct entry *e)
{
	static const char tag[] = "displayName;lang-";
	json_t *all = json_own(a, json_object());
	for (size_t i = 0; i < e->n; i++) {
		const struct attribute *v = &e->attributes[i];
		bool tagged = strncasecmp(v->name, tag, sizeof tag - 1) == 0;
		if (v->n == 0 || (!tagged && strcasecmp(v->name, "displayName") != 0))
			continue;
		json_object_set_new(all, tagged ? v->name + sizeof tag - 1 : "", json_stringn(v->values[0].p, v->values[0].n));
	}
	return all;
}

/* TRUE or FALSE (RFC 4517 3.3.3); nothing else passes for either. */
static int truth(const struct entry *e, const char *attribute, bool *out)
{
	const char *s = entry_string(e, attribute);
	*out = s != NULL && strcmp(s, "TRUE") == 0;
	return s == NULL || *out || strcmp(s, "FALSE") == 0 ? OK : E_INPUT;
}

/* The host of scheme://[user@]host[:port]/…; empty for private-use schemes (RFC 8252 7.1). */
static struct slice host_of(const char *uri)
{
	const char *p = strstr(uri, "://");
	if (p == NULL)
		return S_NONE;
	p += 3;
	size_t n = strcspn(p, "/?#");
	const char *at = memchr(p, '@', n);
	if (at != NULL) {
		n -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	const char *end = p[0] == '[' ? memchr(p, ']', n) : memchr(p, ':', n);
	return slice_mem(p, end == NULL ? n : (size_t)(end - p) + (p[0] == '['));
}

/* Many programs return to the machine they run on: that is no sector (RFC 8252 7.3). */
static bool is_loopback(struct slice host)
{
	return slice_is(host, "127.0.0.1") || slice_is(host, "[::1]") || (host.n == 9 && strncasecmp(host.p, "localhost", 9) == 0);
}

/* OpenID Connect Core 8.1: with redirect URIs on several hosts the sector must be named; else the same person would be another
 * one as soon as somebody reorders the URIs. */
static int sector(struct arena *a, const struct entry *e, struct service *s, const char **why)
{
	struct slice host = S_NONE;
	s->sector = entry_string(e, "csamSectorIdentifier");
	if (s->sector != NULL)
		return OK;
	for (const char *const *u = s->redirect_uris; *u != NULL; u++) {
		struct slice h = host_of(*u);
		if (h.n == 0 || is_loopback(h))
			continue;
		if (host.n > 0 && (host.n != h.n || strncasecmp(host.p, h.p, h.n) != 0) && s->subject_type == SUBJECT_PAIRWISE)
			return bad(why, "redirect URIs on several hosts need csamSectorIdentifier");
		host = h;
	}
	s->sector = host.n > 0 ? arena_str(a, host) : arena_printf(a, "client:%s", s->client_id);
	return OK;
}

/* RFC 6749 3.1.2: absolute, without fragment. Schemes that run code are no places to return to. */
static bool is_return_uri(const char *uri)
{
	static const char *const never[] = { "javascript:", "data:", "vbscript:", "file:", "blob:" };
	size_t n = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	for (const char *p = uri; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '#' || *p == '\\')
			return false;
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (strncasecmp(uri, never[i], strlen(never[i])) == 0)
			return false;
	return n > 0 && uri[n] == ':' && uri[n + 1] != '\0';
}

static int uris(struct arena *a, const struct entry *e, struct service *s, const char **why)
{
	s->redirect_uris = entry_strings(a, e, "csamRedirectURI");
	s->post_logout_uris = entry_strings(a, e, "csamPostLogoutURI");
	for (const char *const *u = s->redirect_uris; *u != NULL; u++)
		if (!is_return_uri(*u))
			return bad(why, arena_printf(a, "csamRedirectURI %s is not absolute, or has a fragment", *u));
	for (const char *const *u = s->post_logout_uris; *u != NULL; u++)
		if (!is_return_uri(*u))
			return bad(why, arena_printf(a, "csamPostLogoutURI %s is not absolute, or has a fragment", *u));
	/* labeledURI is a URI, a space and a label (RFC 2079) */
	const char *home = entry_string(e, "labeledURI");
	s->client_uri = home == NULL ? NULL : arena_str(a, slice_mem(home, strcspn(home, " ")));
	s->policy_uri = entry_string(e, "csamPolicyURI");
	s->tos_uri = entry_string(e, "csamTermsURI");
	return OK;
}

static int jwks(struct arena *a, const struct entry *e, struct service *s, const char **why)
{
	const struct attribute *v = entry_attribute(e, "csamClientJWKS");
	const char *reason = "?";
	json_t *set;
	if (v == NULL)
		return OK;
	if (v->values[0].n > MAX_JWKS)
		return bad(why, "csamClientJWKS is too long");
	if (json_parse(a, v->values[0], &set, &reason) != OK)
		return bad(why, arena_printf(a, "csamClientJWKS: %s", reason));
	if (!json_is_array(json_object_get(set, "keys")))	/* RFC 7517 5.1 */
		return bad(why, "csamClientJWKS has no array \"keys\"");
	s->jwks = set;
	return OK;
}

static int client(struct arena *a, const struct entry *e, struct service *s, const char **why)
{
	static const char *const methods[] = { "none", "client_secret_basic", "client_secret_post", "client_secret_jwt",
		"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", NULL };
	static const char *const algs[] = { "RS256", "PS256", "ES256", "EdDSA", NULL }, *const types[] = { "pairwise", "public", NULL };
	static const char *const applications[] = { "web", "native", NULL };
	const char *type = string_or(e, "csamSubjectType", "pairwise"), *application = string_or(e, "csamApplicationType", "web");
	/* Of a web client what OpenID Connect Registration 2 says; a host has no metadata that could say otherwise. */
	bool host = s->host && !entry_is_a(e, "csamOidcClient");
	s->auth_method = string_or(e, "csamTokenAuthMethod", host ? "private_key_jwt" : "client_secret_basic");
	s->id_token_alg = string_or(e, "csamIdTokenAlg", host ? "ES256" : "RS256");
	s->userinfo_alg = entry_string(e, "csamUserinfoAlg");
	s->secrets = entry_strings(a, e, "csamClientSecret");
	s->backchannel_uri = entry_string(e, "csamBackchannelLogoutURI");
	s->scopes = entry_strings(a, e, "csamScope");
	s->grants = entry_strings(a, e, "csamGrant");
	if (!is_one_of(s->auth_method, methods))
		return bad(why, "csamTokenAuthMethod is none we know");
	if (!is_one_of(s->id_token_alg, algs) || (s->userinfo_alg != NULL && !is_one_of(s->userinfo_alg, algs)))
		return bad(why, "csamIdTokenAlg or csamUserinfoAlg is none we know");
	if (!is_one_of(type, types) || !is_one_of(application, applications))
		return bad(why, "csamSubjectType or csamApplicationType is none we know");
	s->subject_type = strcmp(type, "public") == 0 ? SUBJECT_PUBLIC : SUBJECT_PAIRWISE;
	s->native = strcmp(application, "native") == 0;
	if (truth(e, "csamConsentRequired", &s->ask_consent) != OK || truth(e, "csamRequirePKCE", &s->require_pkce) != OK)
		return bad(why, "csamConsentRequired or csamRequirePKCE is neither TRUE nor FALSE");
	if (strcmp(s->auth_method, "none") == 0)	/* RFC 9700 2.1.1 */
		s->require_pkce = true;
	return jwks(a, e, s, why) != OK ? E_INPUT : sector(a, e, s, why);
}

static int level(const struct entry *e, struct service *s)
{
	const struct attribute *v = entry_attribute(e, "csamServiceLevel");
	unsigned long long n = 0;
	if (v != NULL && slice_number(v->values[0], 500, &n) != OK)
		return E_INPUT;
	s->level = (unsigned)n;
	return OK;
}

/* A value that is no string would be passed over: a rule of who may enter, and with which keys, must not become "everyone". */
static const struct attribute *unreadable(const struct entry *e)
{
	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->attributes[i].n; k++)
			if (memchr(e->attributes[i].values[k].p, '\0', e->attributes[i].values[k].n) != NULL)
				return &e->attributes[i];
	return NULL;
}

int parse_service(struct arena *a, const struct entry *e, struct service *out, const char **why)
{
	const struct attribute *nul = unreadable(e);
	if (nul != NULL)
		return bad(why, arena_printf(a, "%s cannot be read", nul->name));
	*out = (struct service){ .dn = e->dn, .id = entry_string(e, "cn"), .names = names(a, e),
		.state = entry_string(e, "csamServiceState"), .kinds = entry_strings(a, e, "csamServiceKeyKind"),
		.allow = entry_strings(a, e, "csamServiceAllow"), .notice = entry_string(e, "csamServiceNotice"),
		.client_id = entry_string(e, "csamClientId"), .host = entry_is_a(e, "csamHost") };
	bool oidc = entry_is_a(e, "csamOidcClient");
	/* The name stands in lists that are separated by spaces (csamConsent). */
	if (out->id == NULL || out->id[0] == '\0' || strchr(out->id, ' ') != NULL)
		return bad(why, "cn must be one word");
	if (out->client_id == NULL && (oidc || entry_attribute(e, "csamClientId") != NULL))
		return bad(why, "csamClientId is missing or cannot be read");
	if (level(e, out) != OK)
		return bad(why, "csamServiceLevel is no level");
	if (uris(a, e, out, why) != OK)
		return E_INPUT;
	if (out->client_id != NULL)
		return client(a, e, out, why);
	out->secrets = out->scopes = out->grants = entry_strings(a, e, "-");
	return OK;
}
