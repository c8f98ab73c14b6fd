/* JSON Web Signatures and the keys they are checked with, both as strangers send them.
 *
 * The input is lines: a JWK set; then either "." and a compact token, or header, payload and signature, which are put into base64url here. */
#include "fuzz.h"
#include "base/codec.h"
#include "base/json.h"
#include "oidc/jose.h"

static struct slice compact(struct arena *a, struct slice in)
{
	struct buf b = buf_new(a);
	if (slice_starts(in, S(".")))
		return slice_mem(in.p + 1, in.n - 1);
	buf_b64url(&b, line_of(&in));
	buf_char(&b, '.');
	buf_b64url(&b, line_of(&in));
	buf_char(&b, '.');
	buf_b64url(&b, in);
	return buf_slice(&b);
}

/* Whoever is believed has named an algorithm of the list, and brought no key of his own. */
static void is_sound(struct arena *a, struct slice token)
{
	static const char *const never[] = { "crit", "jwk", "jku", "x5c", "x5u", NULL };
	struct slice head, raw, rest = token;
	json_t *h;
	slice_cut(&rest, '.', &head);
	promise(b64url_decode(a, head, &raw) == OK && json_parse(a, raw, &h, NULL) == OK);
	for (size_t i = 0; never[i] != NULL; i++)
		promise(json_object_get(h, never[i]) == NULL);
	bool listed = false;
	for (size_t i = 0; jose_algs[i] != NULL; i++)
		listed = listed || strcmp(jose_algs[i], json_str(h, "alg")) == 0;
	promise(listed);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	json_t *jwks, *claims;
	const char *why = NULL;
	struct slice set = line_of(&in);
	if (json_parse(a, set, &jwks, NULL) != OK)
		return;
	struct slice token = compact(a, in);
	if (jose_verify(a, token, jwks, &claims, &why) == OK) {
		promise(json_is_object(claims));
		is_sound(a, token);
	} else {
		promise(why != NULL);
	}
}
