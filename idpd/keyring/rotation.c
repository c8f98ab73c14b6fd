/* What becomes of the keys: new ones follow, old ones go, another node's come in. */
#include <stdint.h>
#include "base/buf.h"
#include "base/clock.h"
#include "keyring/rotation.h"
#include "keyring/totp.h"

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* The same file with no keys in it; the array of the keys in *keys. */
static json_t *emptied(struct arena *a, const json_t *root, json_t **keys)
{
	json_t *next = json_own(a, json_copy((json_t *)root));
	*keys = json_array();
	json_object_set_new(next, "keys", *keys);
	return next;
}

static json_t *record(const json_t *root, size_t i)
{
	return json_array_get(json_object_get(root, "keys"), i);
}

static bool replaceable(const char *use)
{
	return is(use, "sign") || is(use, "day");
}

static bool meant(const char *kind, struct slice use)
{
	return use.n == 0 ? is(kind, "seal") || replaceable(kind) : slice_is(use, kind);
}

int rotation_next(struct arena *a, const struct keystore *s, struct slice use, bool at_once, const struct ring_terms *t, json_t **out)
{
	json_t *keys, *next = emptied(a, s->root, &keys);
	time_t at = now();
	if (use.n > 0 && !slice_is(use, "sign") && !slice_is(use, "seal") && !slice_is(use, "day"))
		return E_INPUT;
	for (size_t i = 0; i < s->n; i++) {
		const struct ring_key *k = &s->keys[i];
		bool of_use = meant(k->kind->use, use);
		if (of_use && !at_once && k->from > at)
			return E_EXISTS;
		if (!(of_use && at_once && replaceable(k->kind->use)))
			json_array_append(keys, record(s->root, i));
	}
	for (const struct ring_kind *k = ring_kinds; k->use != NULL; k++)
		if (meant(k->use, use))
			json_array_append(keys, ring_key_make(a, k, at_once ? at : at + (time_t)t->publish_s));
	if (json_array_size(keys) > KEYSTORE_KEYS_MAX)
		return E_LIMIT;
	*out = next;
	return OK;
}

int rotation_prune(struct arena *a, const struct keystore *s, time_t at, unsigned keep_s, json_t **out)
{
	json_t *keys, *next = emptied(a, s->root, &keys);
	for (size_t i = 0; i < s->n; i++)
		if (keystore_state(s, &s->keys[i], at, keep_s) != RING_GONE)
			json_array_append(keys, record(s->root, i));
	if (json_array_size(keys) == s->n)
		return E_NOENT;
	*out = next;
	return OK;
}

time_t rotation_due(const struct keystore *s, const struct ring_terms *t)
{
	time_t newest = 0;
	if (t->rotate_s == 0 || s->follows)
		return INT64_MAX;
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++)
		if (is(k->kind->use, "sign") && k->from > newest)
			newest = k->from;
	return newest + (time_t)t->rotate_s - (time_t)t->publish_s;
}

int rotation_retire(struct arena *a, const struct keystore *s, struct slice kid, time_t at, json_t **out)
{
	const struct ring_key *key = keystore_by_kid(s, kid);
	json_t *keys, *next = emptied(a, s->root, &keys);
	if (key == NULL)
		return E_NOENT;
	if (!is(key->kind->use, "seal") || keystore_state(s, key, at, 0) != RING_LEAVING)
		return E_EXISTS;
	for (size_t i = 0; i < s->n; i++)
		if (&s->keys[i] != key)
			json_array_append(keys, record(s->root, i));
	*out = next;
	return OK;
}

json_t *rotation_export(struct arena *a, const struct keystore *s, const json_t *audit)
{
	json_t *keys, *next = emptied(a, s->root, &keys);
	for (size_t i = 0; i < s->n; i++)
		if (!is(s->keys[i].kind->use, "node"))
			json_array_append(keys, record(s->root, i));
	json_object_del(next, "follows");
	if (audit != NULL)
		json_object_set_new(next, "audit", json_deep_copy(audit));
	return next;
}

/* The records of a given keyring, read: what is not in order is found before anything is taken from it. */
static int read_given(struct arena *a, const json_t *given, struct keystore *out)
{
	const json_t *keys = json_object_get(given, "keys");
	const char *why;
	size_t n = json_array_size(keys);
	if (n == 0 || n > KEYSTORE_KEYS_MAX)
		return E_INPUT;
	*out = (struct keystore){ .keys = ARENA_ARRAY(a, struct ring_key, n), .root = (json_t *)given };
	for (size_t i = 0; i < n; i++)
		if (ring_key_read(a, json_array_get(keys, i), &out->keys[out->n++], &why) != OK)
			return E_INPUT;
	return OK;
}

static bool knows(const struct keystore *s, const struct ring_key *key)
{
	return keystore_by_kid(s, slice_of(key->kid)) != NULL;
}

static const struct ring_key *newest(const struct keystore *s, const struct ring_kind *kind)
{
	const struct ring_key *best = NULL;
	for (const struct ring_key *k = s->keys; k < s->keys + s->n; k++)
		if (k->kind == kind && (best == NULL || k->from >= best->from))
			best = k;
	return best;
}

static bool would_undo(const struct keystore *ours, const struct keystore *theirs, const char **why)
{
	for (const struct ring_key *k = ours->keys; k < ours->keys + ours->n; k++)
		if (is(k->kind->use, "subject") && !knows(theirs, k)) {
			*why = "it is not of this family of nodes: every person would get another subject at every service";
			return true;
		}
	for (const struct ring_key *k = ours->keys; k < ours->keys + ours->n; k++) {
		const struct ring_key *t = newest(theirs, k->kind);
		if (knows(theirs, k))
			continue;
		if ((replaceable(k->kind->use) || is(k->kind->use, "seal")) && (t == NULL || k->from > t->from)) {
			*why = "it is older than what is here: this node has newer keys";
			return true;
		}
	}
	return false;
}

int rotation_import(struct arena *a, const struct keystore *s, const json_t *given, bool replace, json_t **out, const char **why)
{
	struct keystore theirs;
	json_t *keys, *next = emptied(a, given, &keys);
	if (read_given(a, given, &theirs) != OK)
		return E_INPUT;
	if (!replace && would_undo(s, &theirs, why))
		return E_EXISTS;
	for (size_t i = 0; i < theirs.n; i++)
		if (!is(theirs.keys[i].kind->use, "node"))
			json_array_append(keys, record(given, i));
	for (size_t i = 0; i < s->n; i++) {
		const char *use = s->keys[i].kind->use;
		json_t *ours = record(s->root, i);
		if (is(use, "seal") && !knows(&theirs, &s->keys[i])) {
			/* It opens what it sealed, and never seals again: it stands before whatever comes from there. */
			ours = json_own(a, json_copy(ours));
			json_object_set_new(ours, "from", json_integer(0));
		}
		if (is(use, "node") || (is(use, "seal") && !knows(&theirs, &s->keys[i])))
			json_array_append(keys, ours);
	}
	if (json_array_size(keys) > KEYSTORE_KEYS_MAX)
		return E_LIMIT;
	if (s->otp_after > theirs.otp_after)
		json_object_set_new(next, "otp_after", json_integer(s->otp_after));
	json_object_del(next, "audit");
	json_object_set_new(next, "follows", json_true());
	*out = next;
	return OK;
}

int rotation_restore(struct arena *a, const json_t *given, time_t at, json_t **out)
{
	struct keystore theirs;
	json_t *keys, *next = emptied(a, given, &keys);
	if (read_given(a, given, &theirs) != OK)
		return E_INPUT;
	for (size_t i = 0; i < theirs.n; i++)
		if (!is(theirs.keys[i].kind->use, "node") && !is(theirs.keys[i].kind->use, "day"))
			json_array_append(keys, record(given, i));
	for (const struct ring_kind *k = ring_kinds; k->use != NULL; k++)
		if (is(k->use, "node") || is(k->use, "day"))
			json_array_append(keys, ring_key_make(a, k, at));
	json_object_del(next, "audit");
	json_object_set_new(next, "otp_after", json_integer(at + TOTP_STEP_S));	/* the clock of the system that was lost may have been ahead */
	*out = next;
	return OK;
}
