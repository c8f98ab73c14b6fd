/* What the identity provider answers to a turn. */
#include "agent/reply.h"

enum { SESSION_MAX = 4096, TOKEN_MAX = 8192, ID_MAX = 64, CHOICE_MAX = 256, WAIT_MAX = 3600, VALID_MAX = 604800, LINE_MAX_BYTES = 511, CHALLENGE_MAX = 2048, WORD_MAX = 32, SAY_MAX = 511 };	/* a line fits into one message of PAM */

static const char *text_of(const json_t *v, const char *name, size_t max)
{
	const char *s = json_str(v, name);
	return s != NULL && *s != '\0' && strlen(s) <= max ? s : NULL;
}

/* A number from 0 to max; 0 when it is absent, anything else, or beyond. */
static unsigned number_of(const json_t *v, const char *name, unsigned max)
{
	const json_t *n = json_object_get(v, name);
	json_int_t i = json_is_integer(n) ? json_integer_value(n) : 0;
	return i > 0 && i <= (json_int_t)max ? (unsigned)i : 0;
}

int posix_name_read(const json_t *v, struct posix_name *out)
{
	struct posix_name who = { .name = text_of(v, "name", 256) };
	const json_t *uid = json_object_get(v, "uidNumber");
	if (who.name == NULL)
		return E_INPUT;
	if (uid != NULL) {
		/* (uid_t)-1 means "nobody" to the kernel's calls */
		if (!json_is_integer(uid) || json_integer_value(uid) < 0 || json_integer_value(uid) >= (json_int_t)0xffffffff)
			return E_INPUT;
		who.has_uid = true;
		who.uid = (unsigned long)json_integer_value(uid);
	}
	*out = who;
	return OK;
}

static unsigned ask_of(const json_t *words)
{
	unsigned ask = 0;
	size_t i;
	json_t *word;
	json_array_foreach(words, i, word) {
		unsigned bit = 0;
		while (bit < NASKS && (!json_is_string(word) || strcmp(json_string_value(word), ask_words[bit]) != 0))
			bit++;
		if (bit == NASKS)
			return 0;
		ask |= 1u << bit;
	}
	return ask;
}

/* An id goes over the wire before a colon. */
static bool read_choices(const json_t *list, struct prompt *p)
{
	size_t i;
	json_t *v;
	if (json_array_size(list) > CHOICES_MAX)
		return false;
	json_array_foreach(list, i, v) {
		const char *id = text_of(v, "id", ID_MAX), *label = text_of(v, "label", CHOICE_MAX);
		if (id == NULL || label == NULL || strchr(id, ':') != NULL || !slice_is_text(slice_of(id), ""))
			return false;
		p->choices[i].id = id;
		p->choices[i].label = label;
	}
	p->nchoices = i;
	return !(p->ask & ASK_CHOICE) == (i == 0);
}

static bool read_lines(const json_t *list, struct prompt *p)
{
	size_t i;
	json_t *v;
	if (json_array_size(list) > LINES_MAX)
		return false;
	json_array_foreach(list, i, v) {
		const char *line = json_string_value(v);
		if (line == NULL || *line == '\0' || strlen(line) > LINE_MAX_BYTES)
			return false;
		p->lines[i] = line;
	}
	p->nlines = i;
	return !(p->ask & ASK_DEVICE) == (i == 0);
}

/* What the card is to sign, and what may have to be said between person, card and reader. */
static bool read_signing(const json_t *prompt, struct prompt *p)
{
	const char *word;
	json_t *v;
	if (!(p->ask & ASK_SIGN))
		return true;
	p->challenge = text_of(prompt, "challenge", CHALLENGE_MAX);
	for (const char *c = p->challenge; c != NULL && *c != '\0'; c++)
		if (*c > '~' || (*c < ' ' && *c != '\n'))
			return false;
	json_object_foreach(json_object_get(prompt, "texts"), word, v) {
		const char *text = json_string_value(v);
		if (p->nsays == SAYS_MAX || *word == '\0' || strlen(word) > WORD_MAX || strspn(word, "abcdefghijklmnopqrstuvwxyz-") != strlen(word) ||
		    text == NULL || strlen(text) > SAY_MAX)
			return false;
		p->says[p->nsays].word = word;
		p->says[p->nsays++].text = text;
	}
	return p->challenge != NULL;
}

static void read_prompt(const json_t *v, unsigned can, struct reply *out)
{
	const json_t *prompt = json_object_get(v, "prompt");
	struct prompt p = {
		.ask = ask_of(json_object_get(prompt, "ask")), .label = json_str(prompt, "label"), .note = text_of(prompt, "note", MESSAGE_VALUE_MAX),
		.wait_s = number_of(prompt, "wait", WAIT_MAX),
	};
	const char *session = text_of(v, "auth_session", SESSION_MAX);
	out->why = "prompt";
	if (session == NULL || p.ask == 0 || (p.ask & ~can) != 0 || !read_choices(json_object_get(prompt, "choices"), &p) ||
	    !read_lines(json_object_get(prompt, "lines"), &p) || !read_signing(prompt, &p))
		return;
	p.label = p.label ? p.label : "";
	out->kind = REPLY_ASK;
	out->prompt = p;
	out->auth_session = session;
}

static void read_account(const json_t *v, struct reply *out)
{
	static const char *const words[] = { [ACCOUNT_NONE] = "", [ACCOUNT_ALLOWED] = "allowed", [ACCOUNT_SUSPENDED] = "suspended",
		[ACCOUNT_NOT_ALLOWED] = "not_allowed", [ACCOUNT_MUST_CHANGE] = "must_change_password", [ACCOUNT_UNKNOWN] = "unknown" };
	const char *word = json_str(v, "account");
	enum account found = ACCOUNT_NONE;
	for (enum account i = ACCOUNT_ALLOWED; i <= ACCOUNT_UNKNOWN; i++)
		if (strcmp(word, words[i]) == 0)
			found = i;
	out->why = "account";
	if (found == ACCOUNT_NONE || (posix_name_read(json_object_get(v, "csam_posix"), &out->who) != OK && found == ACCOUNT_ALLOWED))
		return;
	out->kind = REPLY_ACCOUNT;
	out->account = found;
	out->valid_for_s = number_of(v, "valid_for", VALID_MAX);
}

static void read_yes(const json_t *v, struct reply *out)
{
	const char *password = json_str(v, "password");
	out->why = "reply";
	if ((out->token = text_of(v, "id_token", TOKEN_MAX)) != NULL)
		out->kind = REPLY_TOKEN;
	else if (json_str(v, "account") != NULL)
		read_account(v, out);
	else if (password != NULL && strcmp(password, "changed") == 0)
		out->kind = REPLY_CHANGED;
}

static void read_no(const json_t *v, unsigned can, struct reply *out)
{
	static const char *const known[] = { "invalid_session", "invalid_request", "invalid_client", "temporarily_unavailable", NULL };
	const char *error = json_str(v, "error");
	out->why = "reply";
	if (error == NULL)
		return;
	if (strcmp(error, "insufficient_authorization") == 0) {
		read_prompt(v, can, out);
	} else if (strcmp(error, "access_denied") == 0 || strcmp(error, "unmet_authentication_requirements") == 0) {
		out->kind = REPLY_DENIED;
		out->message = text_of(v, "message", MESSAGE_VALUE_MAX);
		out->why = strcmp(error, "access_denied") == 0 ? "refused" : "level-out-of-reach";
	}
	for (size_t i = 0; known[i] != NULL; i++)
		if (strcmp(error, known[i]) == 0)
			out->why = known[i];
}

void reply_read(struct arena *a, long status, struct slice body, unsigned can, struct reply *out)
{
	json_t *v;
	*out = (struct reply){ .kind = REPLY_DOWN, .why = "reply", .away = status == 429 || status >= 500 };
	if (status >= 500 || status == 429) {
		out->why = "unavailable";
		return;
	}
	if (json_parse(a, body, &v, NULL) != OK || !json_is_object(v))
		return;
	if (status == 200)
		read_yes(v, out);
	else if (status == 400 || status == 401 || status == 403)
		read_no(v, can, out);
}
