/* Writes requests to the agent and reads its replies; believes nothing. */
#include <string.h>
#include "wire.h"

static const struct { const char *word; unsigned bit; } asks[] = {
	{ "secret", CSAM_SECRET }, { "code", CSAM_CODE }, { "text", CSAM_TEXT }, { "choice", CSAM_CHOICE }, { "show", CSAM_SHOW },
	{ "device", CSAM_DEVICE }, { "sign", CSAM_SIGN },
};

static const struct { const char *word; enum csam_result result; } results[] = {
	{ "ask", CSAM_ASK }, { "allow", CSAM_ALLOW }, { "deny", CSAM_DENY }, { "down", CSAM_DOWN }, { "suspended", CSAM_SUSPENDED },
	{ "not_allowed", CSAM_NOT_ALLOWED }, { "unknown", CSAM_UNKNOWN }, { "must_change_password", CSAM_MUST_CHANGE }, { "changed", CSAM_CHANGED },
};

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

static void put_bytes(struct wire_out *w, const char *p, size_t n)
{
	if (w->bad || n > sizeof w->data - w->n) {
		w->bad = true;
		return;
	}
	memcpy(w->data + w->n, p, n);
	w->n += n;
}

void wire_put(struct wire_out *w, const char *name, const char *value)
{
	if (value == NULL)
		return;
	size_t n = strnlen(value, CSAM_MAX_VALUE + 1);
	if (n > CSAM_MAX_VALUE)
		w->bad = true;
	put_bytes(w, name, strlen(name));
	put_bytes(w, "=", 1);
	put_bytes(w, value, n);
	put_bytes(w, "", 1);
}

void wire_begin(struct wire_out *w, const char *op)
{
	w->n = 0;
	w->bad = false;
	wire_put(w, "csam", "1");
	wire_put(w, "op", op);
}

void wire_put_ask(struct wire_out *w, const char *name, unsigned ask)
{
	const char *between = "=";

	put_bytes(w, name, strlen(name));
	for (size_t i = 0; i < COUNT(asks); i++) {
		if (!(ask & asks[i].bit))
			continue;
		put_bytes(w, between, 1);
		put_bytes(w, asks[i].word, strlen(asks[i].word));
		between = ",";
	}
	put_bytes(w, ask ? "" : "=", ask ? 1 : 2);
}

/* The length of the character at s when it is one of UTF-8 and no control character, else 0 (RFC 3629 4; ISO 6429: C0, DEL, C1). */
static size_t plain_char(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	unsigned long c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	static const unsigned long least[] = { 0, 0x20, 0xa0, 0x800, 0x10000 };

	if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c == 0x7f || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff ? 0 : n;
}

bool wire_plain(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t n; *s != '\0'; s += n)
		if ((n = plain_char(s)) == 0)
			return false;
	return true;
}

static bool number(const char *s, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || v > (max - (unsigned long)(*s - '0')) / 10)
			return false;
		v = v * 10 + (unsigned long)(*s - '0');
	}
	*out = v;
	return true;
}

static bool take_result(struct csam_turn *t, char *value)
{
	for (size_t i = 0; i < COUNT(results); i++)
		if (strcmp(value, results[i].word) == 0) {
			t->result = results[i].result;
			return true;
		}
	return false;
}

static bool take_ask(struct csam_turn *t, char *value)
{
	for (char *word; (word = strsep(&value, ",")) != NULL;) {
		size_t i = 0;
		while (i < COUNT(asks) && strcmp(word, asks[i].word) != 0)
			i++;
		if (i == COUNT(asks))
			return false;
		t->ask |= asks[i].bit;
	}
	return true;
}

static bool take_wait(struct csam_turn *t, char *value)
{
	unsigned long v;

	if (!number(value, 3600, &v))
		return false;
	t->wait_s = (unsigned)v;
	return true;
}

static bool take_uid(struct csam_turn *t, char *value)
{
	return t->has_uid = number(value, 0xfffffffeUL, &t->uid);	/* (uid_t)-1 is nobody's */
}

static bool take_choice(struct csam_turn *t, char *value)
{
	char *label = strchr(value, ':');

	if (label == NULL || label == value || t->nchoices == CSAM_MAX_CHOICES || !wire_plain(value))
		return false;
	*label++ = '\0';
	t->choices[t->nchoices].id = value;
	t->choices[t->nchoices++].label = label;
	return true;
}

static bool take_line(struct csam_turn *t, char *value)
{
	if (t->nlines == CSAM_MAX_LINES || strlen(value) > CSAM_MAX_LINE)
		return false;
	return wire_plain(t->lines[t->nlines++] = value);
}

/* A word and what it says: of what happens between person, card and reader. */
static bool take_say(struct csam_turn *t, char *value)
{
	char *text = strchr(value, ':');

	if (text == NULL || text == value || t->nsays == CSAM_MAX_SAYS || !wire_plain(value))
		return false;
	*text++ = '\0';
	t->says[t->nsays].word = value;
	t->says[t->nsays++].text = text;
	return true;
}

/* In lines: the only value with line feeds in it. */
static bool take_challenge(struct csam_turn *t, char *value)
{
	t->challenge = value;
	for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++)
		if (*p > '~' || (*p < ' ' && *p != '\n'))
			return false;
	return *value != '\0';
}

static bool take_module(struct csam_turn *t, char *value)
{
	t->module = value;
	return *value == '/';
}

static bool take_patience(struct csam_turn *t, char *value)
{
	unsigned long v;

	if (!number(value, 300, &v) || v == 0)
		return false;
	t->card_s = (unsigned)v;
	return true;
}

static bool take_label(struct csam_turn *t, char *value)
{
	return wire_plain(t->label = value);
}

static bool take_note(struct csam_turn *t, char *value)
{
	return wire_plain(t->note = value);
}

static bool take_message(struct csam_turn *t, char *value)
{
	return wire_plain(t->message = value);
}

static bool take_name(struct csam_turn *t, char *value)
{
	t->name = value;
	return *value != '\0' && wire_plain(value);
}

static const struct { const char *name; bool (*take)(struct csam_turn *t, char *value); bool repeats; } fields[] = {
	{ "result", take_result, false },	/* first: complete() asks for its bit */
	{ "ask", take_ask, false }, { "label", take_label, false }, { "note", take_note, false }, { "message", take_message, false },
	{ "wait", take_wait, false }, { "choice", take_choice, true }, { "line", take_line, true }, { "name", take_name, false }, { "uid", take_uid, false },
	{ "challenge", take_challenge, false }, { "module", take_module, false }, { "card_s", take_patience, false }, { "say", take_say, true },
};

static bool take(struct csam_turn *t, char *field, unsigned *seen)
{
	char *value = strchr(field, '=');

	if (value == NULL || value == field || strspn(field, "abcdefghijklmnopqrstuvwxyz_") != (size_t)(value - field))
		return false;
	*value++ = '\0';
	if (strnlen(value, CSAM_MAX_VALUE + 1) > CSAM_MAX_VALUE)
		return false;
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (strcmp(field, fields[i].name) != 0)
			continue;
		bool again = *seen & 1u << i;
		*seen |= 1u << i;
		return (!again || fields[i].repeats) && fields[i].take(t, value);
	}
	return strcmp(field, "csam") != 0;	/* the rest may be something newer */
}

static bool complete(const struct csam_turn *t, unsigned seen)
{
	if (!(seen & 1))
		return false;
	if (t->result == CSAM_ASK)
		return t->ask != 0 && !(t->ask & CSAM_CHOICE) == (t->nchoices == 0) && !(t->ask & CSAM_DEVICE) == (t->nlines == 0) &&
		    !(t->ask & CSAM_SIGN) == (t->challenge == NULL) && (!(t->ask & CSAM_SIGN) || (t->module != NULL && t->card_s > 0));
	return t->result != CSAM_ALLOW || t->name != NULL;
}

void wire_read(char *data, size_t n, struct csam_turn *out)
{
	static const char first[] = "csam=1";
	struct csam_turn t = { .result = CSAM_DENY };
	unsigned seen = 0;
	bool good = n > sizeof first && data[n - 1] == '\0' && memcmp(data, first, sizeof first) == 0;

	for (size_t at = sizeof first, len; good && at < n; at += len) {
		len = strlen(data + at) + 1;
		good = take(&t, data + at, &seen);
	}
	*out = good && complete(&t, seen) ? t : (struct csam_turn){ .result = CSAM_DOWN };
}
