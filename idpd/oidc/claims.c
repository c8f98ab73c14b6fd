/* Which claims there are, which scope opens them, and how a person becomes JSON. */
#include "base/buf.h"
#include "core/policy.h"
#include "oidc/claims.h"

enum { CLAIMS_MAX_TEXT = 4096 };

struct claim {
	const char *name, *scope;
	json_t *(*get)(const struct claims_source *);	/* NULL when there is no value */
};

static json_t *text_or_none(const char *s)
{
	return s != NULL && s[0] != '\0' ? json_string(s) : NULL;
}

static json_t *name(const struct claims_source *f) { return text_or_none(f->person->display_name); }
static json_t *given_name(const struct claims_source *f) { return text_or_none(f->person->given_name); }
static json_t *family_name(const struct claims_source *f) { return text_or_none(f->person->family_name); }
static json_t *user_name(const struct claims_source *f) { return text_or_none(f->person->name); }
static json_t *locale(const struct claims_source *f) { return text_or_none(f->person->locale); }
static json_t *mail(const struct claims_source *f) { return text_or_none(f->person->mail); }
static json_t *mobile(const struct claims_source *f) { return text_or_none(f->person->mobile); }
static json_t *national_number(const struct claims_source *f) { return text_or_none(f->person->national_number); }
static json_t *level(const struct claims_source *f) { return f->level ? json_integer(f->level) : NULL; }

static json_t *updated_at(const struct claims_source *f)
{
	return f->person->modified > 0 ? json_integer(f->person->modified) : NULL;
}

static json_t *mail_verified(const struct claims_source *f)
{
	return f->person->mail ? json_boolean(f->person->mail_verified) : NULL;
}

static json_t *mobile_verified(const struct claims_source *f)
{
	return f->person->mobile ? json_boolean(f->person->mobile_verified) : NULL;
}

static json_t *address(const struct claims_source *f)		/* OpenID Connect Core 5.1.1 */
{
	json_t *formatted = text_or_none(f->person->address);
	return formatted ? json_pack("{so}", "formatted", formatted) : NULL;
}

static json_t *language(const struct claims_source *f)		/* fr of fr-BE: what FAS calls prefLanguage */
{
	if (f->person->locale == NULL)
		return NULL;
	return json_stringn(f->person->locale, strcspn(f->person->locale, "-_"));
}

/* Lines are only added at the end: their numbers are inside tokens. OpenID Connect Core 5.1 and 5.4; FAS. */
static const struct claim claims[] = {
	{ "name", "profile", name },
	{ "given_name", "profile", given_name },
	{ "family_name", "profile", family_name },
	{ "preferred_username", "profile", user_name },
	{ "locale", "profile", locale },
	{ "updated_at", "profile", updated_at },
	{ "email", "email", mail },
	{ "email_verified", "email", mail_verified },
	{ "phone_number", "phone", mobile },
	{ "phone_number_verified", "phone", mobile_verified },
	{ "address", "address", address },
	{ "egovNRN", "egovnrn", national_number },
	{ "surname", "fas", family_name },
	{ "givenName", "fas", given_name },
	{ "mail", "fas", mail },
	{ "prefLanguage", "fas", language },
	{ "assurance_level", "fas", level },
};
enum { CLAIMS = sizeof claims / sizeof *claims };
_Static_assert(CLAIMS <= 32, "a set of claims is a uint32_t");

/* Scopes without claims of their own come first. */
static const char *const plain_scopes[] = { "openid", "offline_access", NULL };

static bool first_of_scope(size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(claims[k].scope, claims[i].scope) == 0)
			return false;
	return true;
}

uint32_t claims_of_scope(const char *scope)
{
	uint32_t set = 0;
	for (size_t i = 0; i < CLAIMS; i++)
		if (slice_has_word(slice_of(scope), slice_of(claims[i].scope)))
			set |= UINT32_C(1) << i;
	return set;
}

uint32_t claims_of_service(const struct service *service)
{
	uint32_t set = 0;
	for (size_t i = 0; i < CLAIMS; i++)
		if (service_scope(service, slice_of(claims[i].scope)))
			set |= UINT32_C(1) << i;
	return set;
}

bool claims_scope_known(struct slice scope)
{
	for (size_t i = 0; plain_scopes[i] != NULL; i++)
		if (slice_is(scope, plain_scopes[i]))
			return true;
	for (size_t i = 0; i < CLAIMS; i++)
		if (slice_is(scope, claims[i].scope))
			return true;
	return false;
}

void claims_put(json_t *object, uint32_t set, const struct claims_source *from)
{
	for (size_t i = 0; i < CLAIMS; i++) {
		json_t *v = set & UINT32_C(1) << i ? claims[i].get(from) : NULL;
		if (v != NULL)
			json_object_set_new(object, claims[i].name, v);
	}
}

const char *claims_more_scopes(struct arena *a, uint32_t set, const char *scope)
{
	struct buf b = buf_new(a);
	for (size_t i = 0; i < CLAIMS; i++) {
		struct slice s = slice_of(claims[i].scope);
		if (!(set & UINT32_C(1) << i) || slice_has_word(slice_of(scope), s) || slice_has_word(buf_slice(&b), s))
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_raw(&b, s);
	}
	return buf_cstr(&b);
}

json_t *claims_names(void)
{
	json_t *list = json_pack("[s,s,s,s,s,s,s,s,s,s]", "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid");
	for (size_t i = 0; i < CLAIMS; i++)
		json_array_append_new(list, json_string(claims[i].name));
	return list;
}

json_t *claims_scopes(void)
{
	json_t *list = json_array();
	for (size_t i = 0; plain_scopes[i] != NULL; i++)
		json_array_append_new(list, json_string(plain_scopes[i]));
	for (size_t i = 0; i < CLAIMS; i++)
		if (first_of_scope(i))
			json_array_append_new(list, json_string(claims[i].scope));
	return list;
}

/* --- the claims parameter --- */

/* One member: { "name": null | { "essential": bool, "value": any, "values": [any], ... }, ... } (Core 5.5.1) */
static int take_set(const struct service *service, const json_t *wanted, uint32_t *set)
{
	if (wanted == NULL || json_is_null(wanted))
		return OK;
	if (!json_is_object(wanted))
		return E_INPUT;
	const char *key;
	json_t *how;
	json_object_foreach((json_t *)wanted, key, how)
		if (!json_is_null(how) && !json_is_object(how))
			return E_INPUT;
	for (size_t i = 0; i < CLAIMS; i++)
		if (json_object_get(wanted, claims[i].name) != NULL && service_scope(service, slice_of(claims[i].scope)))
			*set |= UINT32_C(1) << i;
	return OK;
}

static void add_level(struct claims_wanted *out, const json_t *value)
{
	size_t i = 0, most = sizeof out->acr_levels / sizeof *out->acr_levels - 1;
	unsigned l = json_is_string(value) ? policy_acr_level(slice_of(json_string_value(value))) : 0;
	while (i < most && out->acr_levels[i] != 0)
		i++;
	if (l != 0 && i < most)
		out->acr_levels[i] = l;
}

/* Core 5.5.1.1: an essential acr with values must be met, or the authentication has failed. */
static void take_acr(const json_t *acr, struct claims_wanted *out)
{
	const json_t *values = json_object_get(acr, "values"), *value = json_object_get(acr, "value");
	if (!json_is_true(json_object_get(acr, "essential")) || (values == NULL && value == NULL))
		return;
	out->acr = true;
	if (value != NULL)
		add_level(out, value);
	for (size_t i = 0; i < json_array_size(values); i++)
		add_level(out, json_array_get(values, i));
}

static int take_sub(struct arena *a, const json_t *object, struct claims_wanted *out)
{
	const json_t *value = json_object_get(json_object_get(object, "sub"), "value");
	if (value == NULL)
		return OK;
	if (!json_is_string(value) || (out->sub != NULL && strcmp(out->sub, json_string_value(value)) != 0))
		return E_INPUT;
	out->sub = arena_strdup(a, json_string_value(value));
	return OK;
}

int claims_parse(struct arena *a, const struct service *service, struct slice text, struct claims_wanted *out)
{
	json_t *v;
	*out = (struct claims_wanted){ .sub = NULL };
	if (text.n > CLAIMS_MAX_TEXT || json_parse(a, text, &v, NULL) != OK || !json_is_object(v))
		return E_INPUT;
	const json_t *userinfo = json_object_get(v, "userinfo"), *id_token = json_object_get(v, "id_token");
	if (take_set(service, userinfo, &out->userinfo) != OK || take_set(service, id_token, &out->id_token) != OK)
		return E_INPUT;
	if (take_sub(a, userinfo, out) != OK || take_sub(a, id_token, out) != OK)
		return E_INPUT;
	take_acr(json_object_get(id_token, "acr"), out);
	return OK;
}
