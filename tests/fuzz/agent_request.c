/* The agent between two worlds: requests from whoever may open its socket, answers of the identity provider, and what it passes on to plug-ins. */
#include "fuzz.h"
#include "agent/reply.h"
#include "libcsam/wire.h"

static void lies_within(struct slice s, struct slice in)
{
	promise(s.p == NULL || (s.p >= in.p && s.p + s.n <= in.p + in.n && memchr(s.p, '\0', s.n) == NULL));
}

static void request(struct slice in)
{
	struct message m;
	if (message_parse(in, &m) != OK)
		return;
	promise(m.op != OP_NONE && in.n <= MESSAGE_MAX && m.can < 1u << NASKS);
	lies_within(m.user, in), lies_within(m.service, in), lies_within(m.rhost, in), lies_within(m.tty, in), lies_within(m.lang, in);
	lies_within(m.secret, in), lies_within(m.code, in), lies_within(m.text, in), lies_within(m.choice, in);
	promise(m.op == OP_ANSWER || (m.user.n > 0 && m.service.n > 0));
}

/* Whatever text comes from far, a plug-in can read the message that carries it. */
static void passed_on(struct arena *a, struct slice text)
{
	struct csam_turn t;
	struct buf b = message_reply(a, "deny");
	message_put(&b, "message", text);
	wire_read(b.p, b.n, &t);
	promise(t.result == CSAM_DENY && t.message != NULL && strlen(t.message) <= CSAM_MAX_VALUE);
}

/* "STATUS\nBODY" */
static void answer(struct arena *a, struct slice in)
{
	struct reply r;
	unsigned long long status = 0;
	if (slice_number(line_of(&in), 999, &status) != OK)
		return;
	reply_read(a, (long)status, in, ASK_SECRET | ASK_CODE, &r);
	if (r.kind == REPLY_ASK)
		promise(r.auth_session != NULL && r.prompt.ask != 0 && (r.prompt.ask & ~(unsigned)(ASK_SECRET | ASK_CODE)) == 0);
	promise(r.prompt.nchoices <= CHOICES_MAX);
	promise(r.kind != REPLY_TOKEN || r.token != NULL);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	request(in);
	passed_on(a, in);
	answer(a, in);
}
