/* One conversation with one plug-in: its requests become questions to the identity provider, and what comes back is believed only when it is proven. */
#include <poll.h>
#include <sys/socket.h>
#include "agent/conversation.h"
#include "agent/decision.h"
#include "agent/identity.h"
#include "agent/nss.h"
#include "agent/starts.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

enum { FIRST_S = 5, LIFE_S = 900, DEVICE_S = 300, TURNS_MAX = 64 };

struct conversation {
	const struct host *h;
	struct memory *memory;
	struct arena *a;		/* lives as long as the conversation; what a person types never gets into it */
	int fd;
	struct caller caller;
	struct message start;
	const char *user, *nonce, *auth_session;
	struct unix_user unix_user;
	time_t since;			/* wall time of the first message */
	uint64_t end;			/* ticks_ms: it must be over */
	unsigned asked;			/* enum ask of the last prompt */
};

/* --- messages --- */

static int receive(const struct conversation *c, struct arena *a, unsigned patience_s, struct message *out)
{
	uint64_t t = ticks_ms(), ms = (uint64_t)patience_s * 1000;
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char *message = arena_alloc(a, MESSAGE_MAX);
	if (t >= c->end || poll(&p, 1, (int)(ms < c->end - t ? ms : c->end - t)) <= 0)
		return E_NOENT;
	ssize_t n = recv(c->fd, message, MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (n <= 0)
		return E_NOENT;
	return n > MESSAGE_MAX ? E_INPUT : message_parse(slice_mem(message, (size_t)n), out);
}

static bool send_reply(const struct conversation *c, const struct buf *b)
{
	return send(c->fd, b->p, b->n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)b->n;
}

/* Those who ask about themselves choose no address: a line with somebody else's would get that one banned. */
static void say(const struct conversation *c, const char *what, const char *reason)
{
	decision_write(&(struct decision){ .what = what, .user = c->start.user, .service = c->start.service, .reason = reason,
	    .rhost = c->caller.may == MAY_OWN ? S_NONE : c->start.rhost });
}

/* The end. `what` is the word for the log, result that for the plug-in. */
static void finish(const struct conversation *c, struct arena *a, const char *result, const char *what, const char *reason)
{
	struct buf b = message_reply(a, result);
	say(c, what, reason);
	send_reply(c, &b);
}

static void deny(const struct conversation *c, struct arena *a, const char *reason)
{
	finish(c, a, "deny", "denied", reason);
}

static void down(const struct conversation *c, struct arena *a, const char *reason)
{
	finish(c, a, "down", "down", reason);
}

static void allow(const struct conversation *c, struct arena *a, const struct identity *id, const char *reason)
{
	struct buf b = message_reply(a, "allow");
	message_put(&b, "name", slice_of(id->who.name));
	if (id->who.has_uid)
		message_put(&b, "uid", slice_of(arena_printf(a, "%lu", id->who.uid)));
	if (id->level > 0)
		message_put(&b, "level", slice_of(arena_printf(a, "%u", id->level)));
	say(c, "allowed", reason);	/* before they are in */
	send_reply(c, &b);
}

/* What the plug-in needs beside the challenge: which module, how long, and what to say. */
static void put_signing(const struct conversation *c, struct arena *a, struct buf *b, const struct prompt *p)
{
	const struct agent_conf *conf = c->h->conf;
	message_put_lines(b, "challenge", p->challenge);
	message_put(b, "module", slice_of(conf->card_module));
	message_put(b, "card_s", slice_of(arena_printf(a, "%ld", conf->card_timeout)));
	for (size_t i = 0; i < p->nsays; i++)
		message_put(b, "say", slice_of(arena_printf(a, "%s:%s", p->says[i].word, p->says[i].text)));
}

static bool send_prompt(const struct conversation *c, struct arena *a, const struct prompt *p)
{
	struct buf b = message_reply(a, "ask"), words = buf_new(a);
	for (unsigned i = 0; i < NASKS; i++)
		if (p->ask & 1u << i)
			buf_printf(&words, "%s%s", words.n > 0 ? "," : "", ask_words[i]);
	message_put(&b, "ask", buf_slice(&words));
	message_put(&b, "label", slice_of(p->label));
	if (p->note != NULL)
		message_put(&b, "note", slice_of(p->note));
	if (p->wait_s > 0)
		message_put(&b, "wait", slice_of(arena_printf(a, "%u", p->wait_s)));
	for (size_t i = 0; i < p->nlines; i++)
		message_put(&b, "line", slice_of(p->lines[i]));
	if (p->ask & ASK_SIGN)
		put_signing(c, a, &b, p);
	for (size_t i = 0; i < p->nchoices; i++)
		message_put(&b, "choice", slice_of(arena_printf(a, "%s:%s", p->choices[i].id, p->choices[i].label)));
	return send_reply(c, &b);
}

/* --- questions --- */

struct slice conversation_locales(struct arena *a, struct slice lang)
{
	struct buf b = buf_new(a);
	for (struct slice one; slice_cut(&lang, ':', &one);) {
		size_t n = 0;
		while (n < one.n && one.p[n] != '.' && one.p[n] != '@')
			n++;
		one.n = n;
		if (one.n < 2 || one.n > 35 || slice_is(one, "POSIX"))	/* "C" */
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		for (size_t i = 0; i < one.n; i++)
			buf_char(&b, one.p[i] == '_' ? '-' : one.p[i]);
	}
	return b.n > 0 ? buf_slice(&b) : S_NONE;
}

static uint64_t turn_deadline(const struct conversation *c)
{
	return ticks_ms() + (uint64_t)c->h->conf->idp_timeout;
}

static void put_start(const struct conversation *c, struct arena *a, struct buf *form)
{
	const struct message *r = &c->start;
	struct buf can = buf_new(a);
	for (unsigned i = 0; i < NASKS; i++)
		if (r->can & 1u << i)
			buf_printf(&can, "%s%s", can.n > 0 ? " " : "", ask_words[i]);
	form_put(form, "user", r->user);
	form_put(form, "pam_service", r->service);
	form_put(form, "rhost", r->rhost);
	form_put(form, "tty", r->tty);
	form_put(form, "ui_locales", conversation_locales(a, r->lang));
	if (r->op != OP_ACCOUNT)
		form_put(form, "can", buf_slice(&can));
}

static void put_authenticate(struct conversation *c, struct arena *a, struct buf *form)
{
	c->nonce = random_id(c->a, 16);
	form_put(form, "response_type", S("id_token"));
	form_put(form, "scope", S("openid"));
	form_put(form, "nonce", slice_of(c->nonce));
	form_put(form, "acr_values", slice_of(arena_printf(a, "urn:be:fedict:iam:fas:citizen:Level%ld", c->h->conf->people_level)));
	if (c->start.publickey)
		form_put(form, "proven", S("publickey"));
}

static struct wanted wanted_of(const struct conversation *c)
{
	const struct agent_conf *conf = c->h->conf;
	return (struct wanted){ .issuer = conf->idp_issuer, .client_id = conf->idp_client_id, .nonce = c->nonce, .user = c->user,
	    .level = (unsigned)conf->people_level, .min_uid = (unsigned long)conf->people_min_uid, .unix_user = c->unix_user, .since = c->since, .now = now() };
}

/* A token is not yet a yes: it must be signed, and say who was wanted. */
static void take_token(const struct conversation *c, struct arena *a, const char *token, uint64_t deadline)
{
	struct wanted w = wanted_of(c);
	struct identity id;
	json_t *claims;
	const char *why = "token";
	int e = idp_verify(c->h->idp, a, slice_of(token), deadline, &claims, &why);
	w.now = now();
	if (e == E_INPUT)
		deny(c, a, arena_printf(a, "token-%s", why));
	else if (e != OK)
		down(c, a, "no-keys");
	else if ((why = identity_fault(claims, &w, &id)) != NULL)
		deny(c, a, why);
	else
		allow(c, a, &id, "proven");
}

static void refused(const struct conversation *c, struct arena *a, const struct reply *r)
{
	struct buf b = message_reply(a, "deny");
	if (r->message != NULL)
		message_put(&b, "message", slice_of(r->message));
	const char *at = c->asked & ASK_CODE ? "-at-code" : c->asked & ASK_SECRET ? "-at-secret" : "";
	say(c, "denied", arena_printf(a, "%s%s", r->why, at));
	send_reply(c, &b);
}

/* Asks; true when the person is to answer, and then another turn follows. */
static bool turn(struct conversation *c, struct arena *a, const struct buf *form)
{
	uint64_t deadline = turn_deadline(c);
	struct reply r;
	idp_challenge(c->h->idp, a, form, c->start.can, deadline, &r);
	switch (r.kind) {
	case REPLY_ASK:
		c->asked = r.prompt.ask;
		c->auth_session = arena_strdup(c->a, r.auth_session);
		return send_prompt(c, a, &r.prompt);
	case REPLY_TOKEN:
		if (c->start.op == OP_AUTHENTICATE)
			take_token(c, a, r.token, deadline);
		else
			down(c, a, "reply");
		return false;
	case REPLY_CHANGED:
		if (c->start.op == OP_PASSWORD)
			finish(c, a, "changed", "changed", "proven");
		else
			down(c, a, "reply");
		return false;
	case REPLY_DENIED:
		refused(c, a, &r);
		return false;
	case REPLY_ACCOUNT:
	case REPLY_DOWN:
		break;
	}
	down(c, a, r.why);
	return false;
}

static bool first_turn(struct conversation *c)
{
	AUTO_ARENA a = arena_new();
	struct buf form = buf_new(a);
	put_start(c, a, &form);
	if (c->start.op == OP_AUTHENTICATE)
		put_authenticate(c, a, &form);
	else
		form_put(&form, "operation", S("password"));
	return turn(c, a, &form);
}

/* What was not asked is not passed on. */
static bool answers(const struct conversation *c, const struct message *r)
{
	unsigned given = (r->secret.p ? ASK_SECRET : 0) | (r->code.p ? ASK_CODE : 0) | (r->text.p ? ASK_TEXT : 0) | (r->choice.p ? ASK_CHOICE : 0) |
	    (r->sign.p ? ASK_SIGN : 0);
	return r->op == OP_ANSWER && (given & ~c->asked) == 0 && (given != 0 || c->asked == ASK_SHOW);
}

/* Somebody may be about to approve on another device what nobody waits for any more. Best effort. */
static void leave(const struct conversation *c, struct arena *a)
{
	struct buf form = buf_new(a);
	struct reply r;
	form_put(&form, "operation", S("leave"));
	form_put(&form, "auth_session", slice_of(c->auth_session));
	idp_challenge(c->h->idp, a, &form, c->start.can, turn_deadline(c), &r);
}

/* A telephone must be found, and a key used there: as long as the code lives. A card must be found, and its PIN, three times perhaps. */
static unsigned patience_s(const struct conversation *c)
{
	unsigned s = (unsigned)c->h->conf->agent_answer_timeout;
	return c->asked & (ASK_DEVICE | ASK_SIGN) && s < DEVICE_S ? DEVICE_S : s;
}

static bool next_turn(struct conversation *c)
{
	AUTO_ARENA a = arena_new();	/* what the person typed is wiped at the end of the turn */
	struct buf form = buf_new(a);
	struct message r;
	int e = receive(c, a, patience_s(c), &r);
	if (e == E_NOENT) {
		say(c, "left", "no-answer");
		if (c->asked & ASK_DEVICE)
			leave(c, a);
		return false;
	}
	if (e != OK || !answers(c, &r)) {
		deny(c, a, "message");
		return false;
	}
	form_put(&form, "auth_session", slice_of(c->auth_session));
	form_put(&form, "secret", r.secret);
	form_put(&form, "code", r.code);
	form_put(&form, "text", r.text);
	form_put(&form, "choice", r.choice);
	form_put(&form, "sign", r.sign);
	return turn(c, a, &form);
}

/* --- may somebody enter who was proven otherwise? --- */

static bool remembered(const struct conversation *c, struct arena *a)
{
	struct identity id = { .who.name = c->user };
	struct wanted w = wanted_of(c);
	if (!memory_has(c->memory, c->start.user, c->start.service, (unsigned)c->h->conf->people_account_grace, &id.who) || posix_fault(&id.who, &w) != NULL)
		return false;
	allow(c, a, &id, "remembered-while-down");
	return true;
}

static void answer_account(const struct conversation *c, struct arena *a, const struct reply *r)
{
	static const struct { const char *result, *reason; } no[] = {
		[ACCOUNT_NONE] = { "deny", "reply" }, [ACCOUNT_ALLOWED] = { "deny", "reply" }, [ACCOUNT_SUSPENDED] = { "suspended", "suspended" },
		[ACCOUNT_NOT_ALLOWED] = { "not_allowed", "not-allowed" }, [ACCOUNT_MUST_CHANGE] = { "must_change_password", "must-change-password" },
		[ACCOUNT_UNKNOWN] = { "unknown", "unknown" },
	};
	struct wanted w = wanted_of(c);
	struct identity id = { .who = r->who };
	const char *fault = r->account == ACCOUNT_ALLOWED ? posix_fault(&r->who, &w) : NULL;
	if (r->account == ACCOUNT_ALLOWED && fault == NULL) {
		memory_keep(c->memory, c->start.user, c->start.service, &r->who, r->valid_for_s);
		allow(c, a, &id, "account");
		return;
	}
	memory_drop(c->memory, c->start.user, c->start.service);
	if (fault != NULL)
		deny(c, a, fault);
	else
		finish(c, a, no[r->account].result, "denied", no[r->account].reason);
}

static void account(struct conversation *c)
{
	AUTO_ARENA a = arena_new();
	struct buf form = buf_new(a);
	struct reply r;
	put_start(c, a, &form);
	idp_account(c->h->idp, a, &form, turn_deadline(c), &r);
	if (r.kind == REPLY_ACCOUNT) {
		answer_account(c, a, &r);
	} else if (r.kind == REPLY_DENIED) {
		memory_drop(c->memory, c->start.user, c->start.service);
		refused(c, a, &r);
	} else if (!r.away || !remembered(c, a)) {
		down(c, a, r.why);
	}
}

/* --- the whole --- */

/* May they ask that at all? NULL, or a word for the log. */
static const char *start_fault(struct conversation *c)
{
	const struct message *r = &c->start;
	const struct question q = { r->user, r->service, r->rhost, r->publickey };
	const char *fault = caller_fault(&c->caller, &q, c->caller.may == MAY_OWN ? nss_name(c->a, c->caller.uid) : NULL);
	if (fault != NULL)
		return fault;
	if (c->caller.may == MAY_OWN && !starts_take(c->caller.uid, r->op == OP_ACCOUNT ? START_ACCOUNT : START_LOGIN))
		return "too-many-starts";
	return c->unix_user.known && c->unix_user.uid < (unsigned long)c->h->conf->people_min_uid ? "reserved-uid" : NULL;
}

static void talk(struct conversation *c)
{
	bool more = first_turn(c);
	for (int turns = 1; more && turns < TURNS_MAX; turns++)
		more = next_turn(c);
}

static void run(struct conversation *c)
{
	const char *fault;
	int e = receive(c, c->a, FIRST_S, &c->start);
	if (e != OK || c->start.op == OP_ANSWER) {
		if (e != E_NOENT)
			log_info("user %u sent a message that is none of ours", (unsigned)c->caller.uid);
		return;
	}
	if (*c->h->conf->card_module == '\0')
		c->start.can &= ~(unsigned)ASK_SIGN;	/* no cards here */
	c->user = arena_str(c->a, c->start.user);
	if (nss_user(c->a, c->user, &c->unix_user) != OK)
		down(c, c->a, "name-services");
	else if ((fault = start_fault(c)) != NULL)
		deny(c, c->a, fault);
	else if (c->start.op == OP_ACCOUNT)
		account(c);
	else
		talk(c);
}

void conversation_run(const struct host *h, struct memory *memory, int fd, const struct caller *caller)
{
	AUTO_ARENA a = arena_new();
	struct conversation c = { .h = h, .memory = memory, .a = a, .fd = fd, .caller = *caller, .since = now(), .end = ticks_ms() + LIFE_S * 1000 };
	run(&c);
}
