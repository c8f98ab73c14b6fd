/* Passwords as they stand in the directory, and those that everybody knows. */
#include <argon2.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/digest.h"
#include "base/log.h"
#include "svc/passwords.h"

/* OWASP's and RFC 9106's smaller choice: what a login costs, about 20 ms. The decoy entry costs the same. */
enum { PASSES = 2, MEMORY_KIB = 19456, LANES = 1, SALT = 16, HASH = 32, LIST_MOST = 1 << 20, WORD_MOST = 64 };

const char *password_hash(struct arena *a, struct slice password)
{
	unsigned char salt[SALT];
	char text[160];
	random_bytes(salt, sizeof salt);
	if (argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.p, password.n, salt, sizeof salt, HASH, text, sizeof text) != ARGON2_OK)
		abort();	/* only memory can be missing */
	return arena_printf(a, "{ARGON2}%s", text);
}

/* The list as it lies in the file, and where its words begin. */
static char *list;
static struct slice *words;
static size_t nwords;

static int compare(const void *x, const void *y)
{
	const struct slice *a = x, *b = y;
	int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
	return c != 0 ? c : (a->n > b->n) - (a->n < b->n);
}

static int read_list(const char *file, size_t *n)
{
	FILE *f = fopen(file, "re");
	if (f == NULL)
		return fail(E_INPUT, "%s: %s", file, strerror(errno));
	char *text = calloc(1, LIST_MOST + 1);
	if (text == NULL)
		abort();
	*n = fread(text, 1, LIST_MOST + 1, f);
	bool bad = ferror(f) || *n > LIST_MOST;
	fclose(f);
	if (bad) {
		free(text);
		return fail(E_INPUT, "%s cannot be read, or has more than %d bytes", file, LIST_MOST);
	}
	free(list);
	free(words);
	list = text;		/* of the room behind the words no page was ever touched */
	words = NULL;
	nwords = 0;
	return OK;
}

int passwords_open(const char *file)
{
	size_t n, lines = 0;
	int rc = read_list(file, &n);
	if (rc != OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		lines += list[i] == '\n';
	words = calloc(lines + 1, sizeof *words);
	if (words == NULL)
		abort();
	struct slice rest = { list, n }, line;
	while (slice_cut(&rest, '\n', &line)) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (nwords > 0 && compare(&words[nwords - 1], &line) >= 0)
			return fail(E_INPUT, "%s: %.*s is not in its place (LC_ALL=C sort -u)", file, (int)line.n, line.p);
		words[nwords++] = line;
	}
	return nwords > 0 ? OK : fail(E_INPUT, "%s has no words", file);
}

static bool listed(struct slice word)
{
	return word.n > 0 && nwords > 0 && bsearch(&word, words, nwords, sizeof *words, compare) != NULL;
}

static bool is_sign(char c)
{
	return (unsigned char)c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
}

struct slice password_core(struct slice s)
{
	while (s.n > 0 && is_sign(s.p[0]))
		s = slice_mem(s.p + 1, s.n - 1);
	while (s.n > 0 && is_sign(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool all_one_character(struct slice s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] != s.p[0])
			return false;
	return true;
}

bool password_is_known(struct slice password)
{
	char lower[WORD_MOST];
	if (all_one_character(password))
		return true;
	if (password.n > sizeof lower)
		return false;
	for (size_t i = 0; i < password.n; i++)
		lower[i] = (char)(password.p[i] >= 'A' && password.p[i] <= 'Z' ? password.p[i] | 0x20 : password.p[i]);
	struct slice s = { lower, password.n }, core = password_core(s), half = { core.p, core.n / 2 };
	bool twice = core.n % 2 == 0 && slice_eq(half, slice_mem(core.p + half.n, half.n));
	bool known = listed(s) || listed(core) || (twice && listed(half));
	wipe(lower, sizeof lower);
	return known;
}
