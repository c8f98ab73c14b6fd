/* A code that people copy by hand (RFC 8628 6.1). */
#include "base/digest.h"
#include "base/user_code.h"

enum { LETTERS = 20, DRAWN = 256 / LETTERS * LETTERS };

static const char letters[LETTERS + 1] = "BCDFGHJKLMNPQRSTVWXZ";

const char *user_code_new(struct arena *a, size_t n)
{
	char *code = arena_alloc(a, n + 1);
	unsigned char byte;
	for (size_t i = 0; i < n;) {
		random_bytes(&byte, 1);
		if (byte < DRAWN)	/* else some letters would come more often */
			code[i++] = letters[byte % LETTERS];
	}
	return code;
}

const char *user_code_typed(struct arena *a, struct slice typed, size_t n)
{
	char *code = arena_alloc(a, n + 1);
	size_t have = 0;
	for (size_t i = 0; i < typed.n; i++) {
		char c = typed.p[i];
		if (c == '-' || c == ' ')
			continue;
		if (c >= 'a' && c <= 'z')
			c += 'A' - 'a';
		if (have == n || c == '\0' || strchr(letters, c) == NULL)
			return NULL;
		code[have++] = c;
	}
	return have == n ? code : NULL;
}

const char *user_code_spelled(struct arena *a, const char *code)
{
	size_t n = strlen(code);
	return arena_printf(a, "%.*s-%s", (int)(n / 2), code, code + n / 2);
}
