/* Decoding of base64, base64url, hex and percent encoding. */
#include "base/codec.h"
#include "base/err.h"

/* Without branches: characters of a token are as good as random, and as secret. */
static int b64_value(unsigned char c, const char tail[2])
{
	int v = -1;
	v += -(int)((unsigned)c - 'A' < 26) & (c - 'A' + 1);
	v += -(int)((unsigned)c - 'a' < 26) & (c - 'a' + 27);
	v += -(int)((unsigned)c - '0' < 10) & (c - '0' + 53);
	v += -(int)(c == (unsigned char)tail[0]) & 63;
	v += -(int)(c == (unsigned char)tail[1]) & 64;
	return v;
}

/* n characters without padding. Spare bits must be zero (RFC 4648 3.5), so that a value has one text. */
static int decode(struct arena *a, struct slice in, const char tail[2], struct slice *out)
{
	if (in.n % 4 == 1)
		return E_INPUT;
	unsigned char *p = arena_alloc(a, in.n / 4 * 3 + 3);
	size_t n = 0;
	unsigned bits = 0, acc = 0;
	for (size_t i = 0; i < in.n; i++) {
		int v = b64_value((unsigned char)in.p[i], tail);
		if (v < 0)
			return E_INPUT;
		acc = acc << 6 | (unsigned)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			p[n++] = (unsigned char)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	if (acc != 0)
		return E_INPUT;
	*out = slice_mem(p, n);
	return OK;
}

int b64_decode(struct arena *a, struct slice in, struct slice *out)
{
	if (in.n % 4 != 0)
		return E_INPUT;
	for (int pad = 0; pad < 2 && in.n > 0 && in.p[in.n - 1] == '='; pad++)
		in.n--;
	return decode(a, in, "+/", out);
}

int b64url_decode(struct arena *a, struct slice in, struct slice *out)
{
	return decode(a, in, "-_", out);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int hex_byte(struct slice in, size_t i, char *out)
{
	if (i + 2 > in.n)
		return E_INPUT;
	int hi = hex_value(in.p[i]), lo = hex_value(in.p[i + 1]);
	if (hi < 0 || lo < 0)
		return E_INPUT;
	*out = (char)(hi << 4 | lo);
	return OK;
}

int hex_decode(struct arena *a, struct slice in, struct slice *out)
{
	char *p = arena_alloc(a, in.n / 2 + 1);
	for (size_t i = 0; i < in.n; i += 2)
		if (hex_byte(in, i, &p[i / 2]) != OK)
			return E_INPUT;
	*out = slice_mem(p, in.n / 2);
	return OK;
}

int form_decode(struct arena *a, struct slice in, struct slice *out)
{
	char *p = arena_alloc(a, in.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '+')
			c = ' ';
		else if (c == '%') {
			if (hex_byte(in, i + 1, &c) != OK)
				return E_INPUT;
			i += 2;
		}
		if (c == '\0')
			return E_INPUT;
		p[n++] = c;
	}
	*out = slice_mem(p, n);
	return OK;
}
