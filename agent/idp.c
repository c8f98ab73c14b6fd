/* The identity provider's endpoints and keys, remembered for an hour, and questions to it. */
#include <pthread.h>
#include <stdlib.h>
#include "agent/credential.h"
#include "agent/https.h"
#include "agent/idp.h"
#include "base/clock.h"
#include "base/jws.h"
#include "base/log.h"

enum standing { TURNS, ACCOUNT };
static const char *const endpoint_names[] = { [TURNS] = "authorization_challenge_endpoint", [ACCOUNT] = "csam_account_endpoint" };

enum { HOUR_MS = 3600 * 1000, MINUTE_MS = 60 * 1000, STANDING_S = 540, STANDING_MS = 480 * 1000 };

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* A document of the provider, and when it was fetched. Readers take a reference. */
struct document {
	json_t *v;			/* NULL: not yet */
	uint64_t at;			/* ticks_ms */
};

struct idp {
	const struct agent_conf *conf;
	struct credential *credential;
	struct https *https;
	pthread_mutex_t lock;		/* of what follows */
	struct document metadata, keys;
	struct document standing[2];	/* assertions that may be sent again, strings: one for each endpoint that takes them */
};

int idp_new(const struct agent_conf *conf, struct idp **out)
{
	struct credential *credential;
	int e = credential_open(conf->idp_key_file, conf->idp_client_id, &credential);
	if (e != OK)
		return e;
	struct idp *i = calloc(1, sizeof *i);
	if (i == NULL)
		abort();
	i->conf = conf;
	i->credential = credential;
	i->https = https_new(conf->idp_ca_file, conf->idp_connect_timeout);
	pthread_mutex_init(&i->lock, NULL);
	*out = i;
	return OK;
}

struct idp *idp_free(struct idp *i)
{
	if (i == NULL)
		return NULL;
	json_decref(i->metadata.v);
	json_decref(i->keys.v);
	for (size_t k = 0; k < sizeof i->standing / sizeof *i->standing; k++)
		json_decref(i->standing[k].v);
	pthread_mutex_destroy(&i->lock);
	https_free(i->https);
	credential_free(i->credential);
	free(i);
	return NULL;
}

void idp_rest(struct idp *i)
{
	https_rest(i->https);
}

/* --- documents --- */

/* The document while it is younger than max_ms; the caller's arena holds it. NULL else. */
static json_t *remembered(struct idp *i, struct arena *a, const struct document *d, uint64_t max_ms)
{
	pthread_mutex_lock(&i->lock);
	json_t *v = d->v != NULL && ticks_ms() - d->at < max_ms ? json_incref(d->v) : NULL;
	pthread_mutex_unlock(&i->lock);
	return v != NULL ? json_own(a, v) : NULL;
}

/* v NULL: forget it. */
static void remember(struct idp *i, struct document *d, json_t *v)
{
	pthread_mutex_lock(&i->lock);
	json_t *old = d->v;
	*d = (struct document){ json_incref(v), ticks_ms() };
	pthread_mutex_unlock(&i->lock);
	json_decref(old);
}

static int fetch(struct idp *i, struct arena *a, const char *url, uint64_t deadline, json_t **out)
{
	struct https_answer answer;
	json_t *v;
	int e = https_call(i->https, a, url, S_NONE, deadline, &answer);
	if (e != OK)
		return e;
	if (answer.status != 200 || json_parse(a, answer.body, &v, NULL) != OK || !json_is_object(v))
		return fail(E_DOWN, "%s: status %ld, or no JSON object", url, answer.status);
	*out = v;
	return OK;
}

static bool is_https(const json_t *v, const char *name)
{
	const char *s = json_str(v, name);
	return s != NULL && slice_starts(slice_of(s), S("https://"));
}

static bool speaks_profile_1(const json_t *v)
{
	const json_t *list = json_object_get(v, "csam_profiles_supported"), *one;
	for (size_t k = 0; (one = json_array_get(list, k)) != NULL; k++)
		if (json_integer_value(one) == 1 || slice_is(S("1"), json_string_value(one)))
			return true;
	return false;
}

static const char *metadata_fault(const struct agent_conf *conf, const json_t *v)
{
	if (!slice_is(slice_of(conf->idp_issuer), json_str(v, "issuer")))	/* Discovery 1.0 4.3: identical */
		return "it says that it is another issuer";
	if (!is_https(v, "authorization_challenge_endpoint") || !speaks_profile_1(v))
		return "it does not speak version 1 of the challenge profile";
	return is_https(v, "csam_account_endpoint") && is_https(v, "jwks_uri") ? NULL : "its endpoints are not all https";
}

static int metadata(struct idp *i, struct arena *a, uint64_t deadline, json_t **out)
{
	if ((*out = remembered(i, a, &i->metadata, HOUR_MS)) != NULL)
		return OK;
	const char *url = arena_printf(a, "%s/.well-known/openid-configuration", i->conf->idp_issuer), *fault;
	int e = fetch(i, a, url, deadline, out);
	if (e != OK)
		return e;
	if ((fault = metadata_fault(i->conf, *out)) != NULL)
		return fail(E_DOWN, "%s: %s", url, fault);
	remember(i, &i->metadata, *out);
	return OK;
}

static int keys(struct idp *i, struct arena *a, uint64_t max_ms, uint64_t deadline, json_t **out)
{
	json_t *m;
	if ((*out = remembered(i, a, &i->keys, max_ms)) != NULL)
		return OK;
	int e = metadata(i, a, deadline, &m);
	if (e != OK || (e = fetch(i, a, json_str(m, "jwks_uri"), deadline, out)) != OK)
		return e;
	remember(i, &i->keys, *out);
	return OK;
}

int idp_verify(struct idp *i, struct arena *a, struct slice token, uint64_t deadline, json_t **claims, const char **why)
{
	json_t *set;
	int e = keys(i, a, HOUR_MS, deadline, &set);
	if (e != OK)
		return e;
	if (jws_verify(a, token, set, claims, why) == OK)
		return OK;
	/* Signed with a key that came after we looked? */
	json_t *newer;
	if (strcmp(*why, "key") != 0 || (e = keys(i, a, MINUTE_MS, deadline, &newer)) != OK || newer == set)
		return e == OK ? E_INPUT : e;
	return jws_verify(a, token, newer, claims, why);
}

/* --- questions --- */

void form_put(struct buf *form, const char *name, struct slice value)
{
	if (value.p == NULL)
		return;
	if (form->n > 0)
		buf_char(form, '&');
	buf_raw(form, slice_of(name));
	buf_char(form, '=');
	buf_url(form, value);
}

/* The form with our proof of who we are. */
static struct slice proven(const struct idp *i, struct arena *a, struct slice assertion, const struct buf *form)
{
	struct buf b = buf_new(a);
	form_put(&b, "client_id", slice_of(i->conf->idp_client_id));
	form_put(&b, "client_assertion_type", S(ASSERTION_TYPE));	/* RFC 7523 2.2 */
	form_put(&b, "client_assertion", assertion);
	buf_char(&b, '&');
	buf_raw(&b, buf_slice(form));
	return buf_slice(&b);
}

static void say_refused(const struct idp *i, struct arena *a, const struct https_answer *answer)
{
	json_t *v;
	const char *error = NULL, *text = NULL;
	if (json_parse(a, answer->body, &v, NULL) == OK) {
		error = json_str(v, "error");
		text = json_str(v, "error_description");
	}
	log_err("%s answers %ld %s: %.200s", i->conf->idp_issuer, answer->status, error ? error : "without a reason", text ? text : "");
}

/* The profile lets this one be sent again: no signature for each question, and nothing for the other side to claim. */
static int standing_assertion(struct idp *i, struct arena *a, struct document *d, const char *url, struct slice *out)
{
	json_t *v = remembered(i, a, d, STANDING_MS);
	int e = v == NULL ? credential_assert(a, i->credential, url, STANDING_S, out) : OK;
	if (e != OK)
		return e;
	if (v == NULL)
		remember(i, d, v = json_own(a, json_stringn(out->p, out->n)));
	*out = slice_of(json_string_value(v));
	return OK;
}

static const struct reply unreachable = { .kind = REPLY_DOWN, .why = "unreachable", .away = true };

static void ask(struct idp *i, struct arena *a, enum standing which, const struct buf *form, unsigned can, uint64_t deadline, struct reply *out)
{
	struct https_answer answer;
	struct slice assertion;
	struct buf b = buf_new(a);
	json_t *m;
	*out = unreachable;
	form_put(&b, "csam_profile", S("1"));
	buf_char(&b, '&');
	buf_raw(&b, buf_slice(form));
	const char *url = metadata(i, a, deadline, &m) == OK ? json_str(m, endpoint_names[which]) : NULL;
	if (url == NULL || standing_assertion(i, a, &i->standing[which], url, &assertion) != OK ||
	    https_call(i->https, a, url, proven(i, a, assertion, &b), deadline, &answer) != OK)
		return;
	reply_read(a, answer.status, answer.body, can, out);
	if (out->kind == REPLY_DOWN)
		say_refused(i, a, &answer);
	if (answer.status == 401)
		remember(i, &i->standing[which], NULL);	/* our clock was set, or theirs */
}

void idp_challenge(struct idp *i, struct arena *a, const struct buf *form, unsigned can, uint64_t deadline, struct reply *out)
{
	ask(i, a, TURNS, form, can, deadline, out);
}

void idp_account(struct idp *i, struct arena *a, const struct buf *form, uint64_t deadline, struct reply *out)
{
	ask(i, a, ACCOUNT, form, 0, deadline, out);
}
