/* Is that who was asked for? */
#include "agent/identity.h"

enum { SKEW_S = 60 };

#define ACR "urn:be:fedict:iam:fas:citizen:Level"

/* OpenID Connect Core 3.1.3.7 (3): we are the audience, and nobody besides. */
static bool audience_is(const json_t *aud, const char *client_id)
{
	if (json_array_size(aud) == 1)
		aud = json_array_get(aud, 0);
	return slice_is(slice_of(client_id), json_string_value(aud));
}

static bool number(const json_t *claims, const char *name, json_int_t *out)
{
	const json_t *v = json_object_get(claims, name);
	*out = json_integer_value(v);
	return json_is_integer(v) && *out > 0 && *out < ((json_int_t)1 << 40);
}

/* Core 3.1.3.7 (9, 10), and auth_time: made just now, for a login of this conversation. */
static const char *time_fault(const json_t *claims, const struct wanted *w)
{
	json_int_t exp, iat, auth;
	if (!number(claims, "exp", &exp) || exp <= w->now - SKEW_S)
		return "token-expired";
	if (!number(claims, "iat", &iat) || iat > w->now + SKEW_S || iat < w->since - SKEW_S)
		return "token-time";
	if (!number(claims, "auth_time", &auth) || auth > w->now + SKEW_S || auth < w->since - SKEW_S)
		return "login-time";
	return NULL;
}

static unsigned level_of(const char *acr)
{
	unsigned long long n = 0;
	struct slice s = slice_of(acr);
	if (!slice_starts(s, S(ACR)) || slice_number(slice_mem(s.p + sizeof ACR - 1, s.n - (sizeof ACR - 1)), 500, &n) != OK)
		return 0;
	return (unsigned)n;
}

/* A person without a number may use services that know no system users (mail); a system user must be that person by its number. */
const char *posix_fault(const struct posix_name *who, const struct wanted *w)
{
	if (!slice_is(slice_of(w->user), who->name))
		return "other-user";
	if (w->unix_user.known && (!who->has_uid || who->uid != w->unix_user.uid))
		return "other-uid";
	return who->has_uid && who->uid < w->min_uid ? "reserved-uid" : NULL;
}

const char *identity_fault(const json_t *claims, const struct wanted *w, struct identity *out)
{
	struct identity id = { 0 };
	const char *fault;
	if (!slice_is(slice_of(w->issuer), json_str(claims, "iss")))		/* Core 3.1.3.7 (2) */
		return "token-issuer";
	if (!audience_is(json_object_get(claims, "aud"), w->client_id))
		return "token-audience";
	if (!slice_same_secret(slice_of(w->nonce), slice_of(json_str(claims, "nonce"))))	/* (11) */
		return "token-nonce";
	if ((fault = time_fault(claims, w)) != NULL)
		return fault;
	id.level = level_of(json_str(claims, "acr"));				/* (12) */
	if (id.level == 0 || id.level < w->level)
		return "level";
	if (posix_name_read(json_object_get(claims, "csam_posix"), &id.who) != OK)
		return "no-user";
	if ((fault = posix_fault(&id.who, w)) != NULL)
		return fault;
	*out = id;
	return NULL;
}
