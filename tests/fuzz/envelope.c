/* Keys on their way, as a file that somebody hands over (JWE): nothing opens that we did not make, and nothing takes the keyring long. */
#include "fuzz.h"
#include "base/json.h"
#include "keyring/envelope.h"
#include "keyring/keystore.h"
#include "keyring/rotation.h"

static const unsigned char node[ENVELOPE_KEY] = { 1, 2, 3, 4, 5, 6, 7, 8 };

/* What was inside is a file like keyring.json, of another node: the first byte says which of the two the input is. */
static void given_keys(struct arena *a, struct slice in)
{
	static struct keystore store;
	json_t *given, *root;
	const char *why = NULL;
	if (json_parse(a, in, &given, NULL) != OK)
		return;
	if (rotation_restore(a, given, 1800000000, &root) == OK)
		promise(json_array_size(json_object_get(root, "keys")) > 0 && json_object_get(root, "audit") == NULL);
	promise(rotation_import(a, &store, given, false, &root, &why) != E_EXISTS || why != NULL);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct slice plain;
	const char *why = NULL;
	if (slice_starts(in, S("{"))) {
		given_keys(a, in);
		return;
	}
	promise(envelope_open(a, in, node, S_NONE, &plain, &why) == E_INPUT && why != NULL && *why != '\0');
	/* Derived from a passphrase on purpose slowly: not for every input. */
	if (in.n > 0 && in.p[in.n - 1] == '~')
		promise(envelope_open(a, slice_mem(in.p, in.n - 1), NULL, S("a passphrase of a backup"), &plain, &why) == E_INPUT && why != NULL);
}
