/* The code that goes with an activation link, and what the directory holds of both. */
#include <string.h>
#include "core/activation.h"

enum { LETTERS = 20, DRAWN = 256 / LETTERS * LETTERS };

static const char letters[LETTERS + 1] = "BCDFGHJKLMNPQRSTVWXZ";	/* RFC 8628 6.1: no vowels, no digits: no words, nothing that looks like another */

const char *activation_typed(struct arena *a, struct slice typed)
{
	char *code = arena_alloc(a, ACTIVATION_CODE_CHARS + 1);
	size_t n = 0;
	for (size_t i = 0; i < typed.n; i++) {
		char c = typed.p[i];
		if (c == '-' || c == ' ')
			continue;
		if (c >= 'a' && c <= 'z')
			c += 'A' - 'a';
		if (n == ACTIVATION_CODE_CHARS || c == '\0' || strchr(letters, c) == NULL)
			return NULL;
		code[n++] = c;
	}
	code[n] = '\0';
	return n == ACTIVATION_CODE_CHARS ? code : NULL;
}

const char *activation_spelled(struct arena *a, const char *code)
{
	return arena_printf(a, "%.5s-%s", code, code + ACTIVATION_CODE_CHARS / 2);
}

/* Every letter as likely as any other: bytes that do not divide evenly are drawn again. */
const char *activation_code(struct arena *a)
{
	char *code = arena_alloc(a, ACTIVATION_CODE_CHARS + 1);
	unsigned char byte;
	for (size_t n = 0; n < ACTIVATION_CODE_CHARS;) {
		random_bytes(&byte, 1);
		if (byte < DRAWN)
			code[n++] = letters[byte % LETTERS];
	}
	code[ACTIVATION_CODE_CHARS] = '\0';
	return code;
}

void activation_digests(struct slice link, const char *code, unsigned char of_link[SHA256_LEN], unsigned char of_code[SHA256_LEN])
{
	sha256(link, of_link);
	hmac_sha256(link, slice_of(code), of_code);
}
