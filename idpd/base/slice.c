/* A piece of memory that somebody else owns. */
#include <openssl/crypto.h>
#include "base/err.h"
#include "base/slice.h"

bool slice_same_secret(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool slice_cut(struct slice *rest, char sep, struct slice *part)
{
	if (rest->p == NULL)
		return false;
	const char *at = rest->n > 0 ? memchr(rest->p, sep, rest->n) : NULL;
	if (at == NULL) {
		*part = *rest;
		*rest = S_NONE;
		return true;
	}
	size_t n = (size_t)(at - rest->p);
	*part = (struct slice){ rest->p, n };
	*rest = (struct slice){ at + 1, rest->n - n - 1 };
	return true;
}

struct slice slice_behind(struct slice s, const char *mark, char end)
{
	const char *at = s.n > 0 ? memmem(s.p, s.n, mark, strlen(mark)) : NULL;
	struct slice rest, part;
	if (at == NULL)
		return S_NONE;
	at += strlen(mark);
	rest = slice_mem(at, (size_t)(s.p + s.n - at));
	return slice_cut(&rest, end, &part) ? part : S_NONE;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

struct slice slice_trim(struct slice s, const char *blanks)
{
	while (s.n > 0 && is_one_of(s.p[s.n - 1], blanks))
		s.n--;
	for (; s.n > 0 && is_one_of(s.p[0], blanks); s.n--)
		s.p++;
	return s;
}

bool slice_has_word(struct slice list, struct slice word)
{
	for (struct slice part; slice_cut(&list, ' ', &part);)
		if (part.n > 0 && slice_eq(part, word))
			return true;
	return false;
}

int slice_number(struct slice s, unsigned long long max, unsigned long long *out)
{
	unsigned long long v = 0;
	if (s.n == 0)
		return E_INPUT;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';
		if (d > 9 || v > (max - d) / 10 || d > max)
			return E_INPUT;
		v = v * 10 + d;
	}
	*out = v;
	return OK;
}

size_t slice_utf8_len(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	if (s.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond U+10FFFF */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool is_control(const unsigned char *p, size_t len)
{
	return len == 1 ? p[0] < 0x20 || p[0] == 0x7f : len == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

/* C0 and DEL, C1 (ECMA-48: U+009B begins a sequence as ESC [ does), and bytes that are no UTF-8, some of which a terminal of eight bits takes for C1. */
void slice_tame(char *text, const char *allowed)
{
	for (struct slice rest = slice_of(text); rest.n > 0;) {
		size_t len = slice_utf8_len(rest);
		char *p = text + (rest.p - text);
		bool separator = len == 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0);
		if (len == 0)
			len = 1, *p = '?';
		else if (separator || !slice_is_text(slice_mem(p, len), allowed))
			memset(p, '?', len);
		rest = slice_mem(p + len, rest.n - len);
	}
}

bool slice_is_text(struct slice s, const char *allowed)
{
	const unsigned char *p = (const unsigned char *)s.p;
	for (size_t i = 0, len; i < s.n; i += len) {
		len = slice_utf8_len(slice_mem(s.p + i, s.n - i));
		if (len == 0 || p[i] == 0)
			return false;
		if (is_control(p + i, len) && (len > 1 || strchr(allowed, p[i]) == NULL))
			return false;
	}
	return true;
}
