/* The code of another device, as somebody typed it into a page: what is read as one is one, and is the same however it is written. */
#include "fuzz.h"
#include "core/rendezvous.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	const char *code = rendezvous_typed(a, in);
	if (code == NULL)
		return;
	promise(strlen(code) == RENDEZVOUS_CODE_CHARS && strspn(code, "BCDFGHJKLMNPQRSTVWXZ") == RENDEZVOUS_CODE_CHARS);
	const char *again = rendezvous_typed(a, slice_of(rendezvous_spelled(a, code)));
	promise(again != NULL && strcmp(code, again) == 0);
}
