/* A code that is sent, and typed back by who could read it. */
#include "base/clock.h"
#include "base/digest.h"
#include "core/code_sent.h"
#include "core/pack.h"
#include "svc/texts.h"

enum { MEMORY_VERSION = 1, MODULUS = 1000000 };

/* What the conversation remembers: the one code that is under way. */
struct code_out {
	const char *digits, *to;	/* NULL: none */
	time_t expires;
	unsigned tries;			/* wrong ones */
};

static void fields(struct pack *p, struct code_out *c)
{
	pack_str(p, &c->digits);
	pack_str(p, &c->to);
	pack_time(p, &c->expires);
	pack_uint(p, &c->tries);
}

static void remember(struct step *s, struct code_out *c)
{
	struct pack p = pack_writer(s->a, MEMORY_VERSION);
	fields(&p, c);
	s->memory = buf_slice(&p.out);
}

/* The code that is under way: not too old, not tried too often, and sent to where this key still sends. */
static bool under_way(const struct step *s, struct code_out *out)
{
	struct pack p = pack_reader(s->a, MEMORY_VERSION, s->memory);
	struct code_out c = { 0 };
	if (s->memory.n > 0)
		fields(&p, &c);
	*out = c;
	return s->memory.n > 0 && pack_done(&p) == OK && c.digits != NULL && s->when < c.expires && c.tries < CODE_SENT_TRIES &&
	    slice_is(slice_of(s->key->address), c.to);
}

/* Every code as likely as any other: what does not divide evenly is drawn again. */
static const char *draw(struct arena *a)
{
	uint32_t n;
	do
		random_bytes(&n, sizeof n);
	while (n >= UINT32_MAX - UINT32_MAX % MODULUS);
	return arena_printf(a, "%0*u", CODE_SENT_DIGITS, n % MODULUS);
}

static void make(struct step *s, const struct code_sent *how, struct code_out *c)
{
	struct message *m = ARENA_NEW(s->a, struct message);
	struct text_arg *args = ARENA_ARRAY(s->a, struct text_arg, 2);
	*c = (struct code_out){ .digits = draw(s->a), .to = s->key->address, .expires = s->when + CODE_SENT_LIFE_S };
	args[0] = (struct text_arg){ "code", c->digits };
	args[1] = (struct text_arg){ "minutes", arena_printf(s->a, "%d", CODE_SENT_LIFE_S / 60) };
	*m = (struct message){ .channel = how->channel, .to = c->to, .text_id = s->adding ? how->new_id : how->text_id, .args = args, .nargs = 2, .expires = c->expires };
	s->send = m;
	remember(s, c);
}

static enum verdict ask(struct step *s, const struct code_sent *how)
{
	struct code_out c;
	bool there = under_way(s, &c);
	if ((s->enter && !there) || s->again) {
		make(s, how, &c);
		there = true;
	}
	s->ask = (struct prompt){ .ask = ASK_CODE, .hint_id = there ? how->hint_id : "hint.not-sent", .may_ask_again = true,
		.what = there ? outbox_masked(s->a, how->channel, c.to) : NULL };
	return V_MORE;
}

static enum verdict check(struct step *s)
{
	struct code_out c;
	if (!under_way(s, &c)) {
		s->memory = S_NONE;
		s->why = "note.code-ended";
		return V_MORE;
	}
	if (slice_same_secret(step_digits(s), slice_of(c.digits))) {
		s->memory = S_NONE;
		return V_ALLOW;
	}
	c.tries++;
	remember(s, &c);
	s->why = "wrong-code";
	return V_DENY;
}

enum verdict code_sent_verify(struct step *s, const struct code_sent *how)
{
	return s->answer.n == 0 ? ask(s, how) : check(s);
}

void code_sent_tell(struct arena *a, struct message *m, const struct code_asked *by)
{
	struct text_arg *args = ARENA_ARRAY(a, struct text_arg, OUTBOX_ARGS);
	m->lang = texts_choose_locales(slice_of(by->lang));
	size_t n = 0;
	for (; n < m->nargs; n++)
		args[n] = m->args[n];
	args[n++] = (struct text_arg){ "service", by->service != NULL ? service_name(by->service, by->lang) : "CSAM" };
	args[n++] = (struct text_arg){ "time", text_time(a, m->lang, now()) };
	args[n++] = (struct text_arg){ "place", by->agent != NULL && *by->agent != '\0' ? arena_printf(a, "%s, %s", by->peer, by->agent) : by->peer };
	args[n++] = (struct text_arg){ "host", kinds_conf()->host };
	m->args = args;
	m->nargs = n;
}

bool code_sent_by_mail(void)
{
	return outbox_carries(CHANNEL_MAIL);
}

bool code_sent_by_sms(void)
{
	return outbox_carries(CHANNEL_SMS);
}
