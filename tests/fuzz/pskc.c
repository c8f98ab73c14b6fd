/* PSKC containers (RFC 6030): whatever they hold, a token that is taken has a seed, and nothing encrypted is taken without a key. */
#include "fuzz.h"
#include "csamctl/pskc.c"

static void fuzz(struct slice in)
{
	static const struct { struct slice key, passphrase; } with[] = {
		{ S_NONE, S_NONE }, { { "\x12\x34\x56\x78\x90\x12\x34\x56\x78\x90\x12\x34\x56\x78\x90\x12", 16 }, S_NONE }, { S_NONE, { "qwerty", 6 } },
	};
	/* as many iterations as a container asks for would take the fuzzer's time */
	size_t n = memmem(in.p, in.n, "IterationCount", 14) != NULL ? 2 : 3;
	for (size_t i = 0; i < n; i++) {
		AUTO_ARENA a = arena_new();
		struct pskc_token *t = NULL;
		size_t found = 0;
		const char *why = NULL;
		if (pskc_read(a, in, with[i].key, with[i].passphrase, &t, &found, &why) != OK) {
			promise(why != NULL);
			continue;
		}
		for (size_t k = 0; k < found; k++)
			promise(t[k].why != NULL || (t[k].seed.n > 0 && t[k].serial != NULL && t[k].type != NULL));
	}
}
