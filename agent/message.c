/* Requests taken apart, replies put together. */
#include "agent/message.h"

enum { SHORT = 256, ANSWER_MAX = 512, SIGN_MAX = 4096, START = 1 << OP_AUTHENTICATE | 1 << OP_ACCOUNT | 1 << OP_PASSWORD, ANSWER = 1 << OP_ANSWER };

const char *const ask_words[NASKS + 1] = { "secret", "code", "text", "choice", "show", "device", "sign", NULL };

/* One row a field: with which requests it may come, how long it may be, and whether it must be text (a password may be anything). */
static const struct field {
	const char *name;
	size_t offset, max;
	unsigned ops;
	bool text;
} fields[] = {
#define FIELD(n, m, o, t) { #n, offsetof(struct message, n), m, o, t }
	FIELD(user, SHORT, START, true),
	FIELD(service, SHORT, START, true),
	FIELD(rhost, SHORT, START, true),
	FIELD(tty, SHORT, START, true),
	FIELD(lang, SHORT, START, true),
	FIELD(secret, ANSWER_MAX, ANSWER, false),
	FIELD(code, ANSWER_MAX, ANSWER, false),
	FIELD(text, ANSWER_MAX, ANSWER, false),
	FIELD(choice, SHORT, ANSWER, true),
	FIELD(sign, SIGN_MAX, ANSWER, true),
};
enum { NFIELDS = sizeof fields / sizeof *fields };

struct seen {
	unsigned fields;		/* bits: index in the table */
	bool op, can, proven;
};

static int take_op(struct slice value, struct message *out)
{
	static const char *const words[] = { [OP_AUTHENTICATE] = "authenticate", [OP_ANSWER] = "answer", [OP_ACCOUNT] = "account", [OP_PASSWORD] = "password" };
	for (enum op op = OP_AUTHENTICATE; op <= OP_PASSWORD; op++)
		if (slice_is(value, words[op])) {
			out->op = op;
			return OK;
		}
	return E_INPUT;
}

static int take_can(struct slice value, struct message *out)
{
	struct slice word;
	out->can = 0;
	while (value.n > 0 && slice_cut(&value, ',', &word)) {
		unsigned i = 0;
		while (i < NASKS && !slice_is(word, ask_words[i]))
			i++;
		if (i == NASKS)
			return E_INPUT;
		out->can |= 1u << i;
	}
	return OK;
}

static int take_field(struct slice name, struct slice value, struct message *out, struct seen *seen)
{
	for (unsigned i = 0; i < NFIELDS; i++) {
		if (!slice_is(name, fields[i].name))
			continue;
		if ((seen->fields & 1u << i) || value.n > fields[i].max || (fields[i].text && !slice_is_text(value, "")))
			return E_INPUT;
		seen->fields |= 1u << i;
		*(struct slice *)((char *)out + fields[i].offset) = value;
		return OK;
	}
	return E_INPUT;
}

static int take(struct slice field, struct message *out, struct seen *seen)
{
	struct slice name, value = field;
	bool *once = NULL;
	if (!slice_cut(&value, '=', &name) || value.p == NULL)
		return E_INPUT;
	once = slice_is(name, "op") ? &seen->op : slice_is(name, "can") ? &seen->can : slice_is(name, "proven") ? &seen->proven : NULL;
	if (once == NULL)
		return take_field(name, value, out, seen);
	if (*once)
		return E_INPUT;
	*once = true;
	if (once == &seen->op)
		return take_op(value, out);
	if (once == &seen->can)
		return take_can(value, out);
	out->publickey = slice_is(value, "publickey");
	return out->publickey ? OK : E_INPUT;
}

/* Is every field there that the request needs, and none that does not go with it? */
static int fits(const struct message *r, const struct seen *seen)
{
	for (unsigned i = 0; i < NFIELDS; i++)
		if ((seen->fields & 1u << i) && !(fields[i].ops & 1u << r->op))
			return E_INPUT;
	if (r->op == OP_NONE || (seen->proven && r->op != OP_AUTHENTICATE) || (seen->can && r->op == OP_ANSWER))
		return E_INPUT;
	return r->op == OP_ANSWER || (r->user.n > 0 && r->service.n > 0) ? OK : E_INPUT;
}

int message_parse(struct slice message, struct message *out)
{
	struct message r = { .can = ASK_SECRET | ASK_CODE | ASK_TEXT };
	struct seen seen = { 0 };
	struct slice field;
	if (message.n == 0 || message.n > MESSAGE_MAX || message.p[message.n - 1] != '\0')
		return E_INPUT;
	struct slice rest = slice_mem(message.p, message.n - 1);
	if (!slice_cut(&rest, '\0', &field) || !slice_is(field, "csam=1"))
		return E_INPUT;
	while (slice_cut(&rest, '\0', &field))
		if (take(field, &r, &seen) != OK)
			return E_INPUT;
	if (fits(&r, &seen) != OK)
		return E_INPUT;
	*out = r;
	return OK;
}

void message_put(struct buf *b, const char *name, struct slice value)
{
	buf_raw(b, slice_of(name));
	buf_char(b, '=');
	for (size_t i = 0, n; i < value.n; i += n) {
		struct slice rest = slice_mem(value.p + i, value.n - i);
		n = slice_utf8_len(rest);
		bool text = n > 0 && slice_is_text(slice_mem(rest.p, n), "");
		n = n > 0 ? n : 1;
		if (i + n > MESSAGE_VALUE_MAX)
			break;
		if (text)
			buf_raw(b, slice_mem(rest.p, n));
		else
			buf_char(b, ' ');
	}
	buf_char(b, '\0');
}

void message_put_lines(struct buf *b, const char *name, const char *lines)
{
	buf_printf(b, "%s=%s", name, lines);
	buf_char(b, '\0');
}

struct buf message_reply(struct arena *a, const char *result)
{
	struct buf b = buf_new(a);
	message_put(&b, "csam", S("1"));
	message_put(&b, "result", slice_of(result));
	return b;
}
