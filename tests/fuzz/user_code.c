/* A code that people copy, as somebody typed it into a page: what is read as one is one, and is the same however it is written. */
#include "fuzz.h"
#include "base/user_code.h"
#include "core/activation.h"
#include "core/rendezvous.h"

static void of(struct arena *a, struct slice in, size_t n)
{
	const char *code = user_code_typed(a, in, n);
	if (code == NULL)
		return;
	promise(strlen(code) == n && strspn(code, "BCDFGHJKLMNPQRSTVWXZ") == n);
	const char *again = user_code_typed(a, slice_of(user_code_spelled(a, code)), n);
	promise(again != NULL && strcmp(code, again) == 0);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	of(a, in, RENDEZVOUS_CODE_CHARS);
	of(a, in, ACTIVATION_CODE_CHARS);
}
