/* Base32 (RFC 4648 6). */
#include "base/base32.h"
#include "base/buf.h"
#include "base/err.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const char *base32_text(struct arena *a, struct slice raw)
{
	struct buf b = buf_new(a);
	unsigned acc = 0, bits = 0;
	for (size_t i = 0; i < raw.n; i++) {
		acc = (acc << 8 | (unsigned char)raw.p[i]) & 0xffff;
		for (bits += 8; bits >= 5; bits -= 5)
			buf_char(&b, alphabet[acc >> (bits - 5) & 31]);
	}
	if (bits > 0)
		buf_char(&b, alphabet[acc << (5 - bits) & 31]);
	return buf_cstr(&b);
}

static int value(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
	return at != NULL ? (int)(at - alphabet) : -1;
}

int base32_bytes(struct arena *a, struct slice text, struct slice *out)
{
	struct buf b = buf_new(a);
	unsigned acc = 0, bits = 0;
	size_t n = 0;
	while (text.n > 0 && text.p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == ' ' || text.p[i] == '-')
			continue;
		int v = value(text.p[i]);
		if (v < 0)
			return E_INPUT;
		n++;
		acc = (acc << 5 | (unsigned)v) & 0xffff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			buf_char(&b, (char)(acc >> bits));
		}
	}
	/* A length that no bytes have, or spare bits that are not zero: a typing error. */
	if (n % 8 == 1 || n % 8 == 3 || n % 8 == 6 || (acc & ((1u << bits) - 1)) != 0)
		return E_INPUT;
	*out = buf_slice(&b);
	return OK;
}
