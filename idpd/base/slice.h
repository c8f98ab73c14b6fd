/* A piece of memory that somebody else owns: pointer and length, no NUL at the end. */
#ifndef CSAM_SLICE_H
#define CSAM_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define S(lit) ((struct slice){ "" lit, sizeof lit - 1 })	/* literals only */
#define S_NONE ((struct slice){ NULL, 0 })

static inline struct slice slice_of(const char *s)	/* NULL gives the empty slice */
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline struct slice slice_mem(const void *p, size_t n)
{
	return (struct slice){ p, n };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice a, const char *s)
{
	return s != NULL && slice_eq(a, slice_of(s));
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
	return a.n >= prefix.n && slice_eq((struct slice){ a.p, prefix.n }, prefix);
}

/* Equality of secrets, in time that depends on the lengths alone. */
bool slice_same_secret(struct slice a, struct slice b);

/* Takes the part of *rest before sep, and moves *rest behind it. False when *rest was used up (p NULL). */
bool slice_cut(struct slice *rest, char sep, struct slice *part);

/* What stands between `mark` and the next `end`, or the end of all; S_NONE where there is no mark. */
struct slice slice_behind(struct slice s, const char *mark, char end);

/* Without any of the characters of `blanks` around it. */
struct slice slice_trim(struct slice s, const char *blanks);

/* Is word one of the space-separated words of list? (OAuth lists: scope, prompt, acr_values.) */
bool slice_has_word(struct slice list, struct slice word);

/* Decimal digits only, no sign, at most max. OK or E_INPUT. */
int slice_number(struct slice s, unsigned long long max, unsigned long long *out);

/* Length of the well-formed UTF-8 sequence (RFC 3629 4) that s begins with; 0 when it begins with none. */
size_t slice_utf8_len(struct slice s);

/* Well-formed UTF-8 without NUL and without control characters (C0, DEL, C1) other than those in `allowed`. */
bool slice_is_text(struct slice s, const char *allowed);

/* Whatever is no such text becomes question marks, and line and paragraph separators with it: what is left does nothing to a terminal or to who reads lines. */
void slice_tame(char *text, const char *allowed);

#endif
