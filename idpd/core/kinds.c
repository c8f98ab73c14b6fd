/* The table of key kinds, and what the engine lends to a kind that must not call services itself. */
#include "base/buf.h"
#include "core/kinds.h"
#include "svc/keyring.h"
#include "svc/sealed.h"

static const struct key_kind *const kinds[] = {
#define KEY_KIND(name) &key_##name,
#include "core/kinds.def"
#undef KEY_KIND
	NULL
};

const struct key_kind *const *kinds_all(void)
{
	return kinds;
}

bool kind_offered(const struct key_kind *kind)
{
	return kind->ready == NULL || kind->ready();
}

const struct key_kind *kind_by_name(struct slice name)
{
	for (size_t i = 0; kinds[i] != NULL; i++)
		if (slice_is(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

static struct kinds_conf conf;		/* zero until it is opened: only what comes next */

void kinds_open(const struct kinds_conf *c)
{
	conf = *c;
}

const struct kinds_conf *kinds_conf(void)
{
	return &conf;
}

/* What an administrator's seed is sealed for. */
static struct slice bound_to(const struct step *s)
{
	return slice_of(arena_printf(s->a, "%s|%s", s->person->subject, s->key->id));
}

static enum verdict judged(struct step *s, int rc)
{
	switch (rc) {
	case OK:
		return V_ALLOW;
	case E_NOENT:
		s->why = "wrong-code";
		return V_DENY;
	case E_INPUT:
		s->why = "unreadable-secret";
		return V_DENY;
	default:
		return V_DOWN;
	}
}

enum verdict step_otp(struct step *s, unsigned back, unsigned fwd)
{
	struct otp otp = { .secret = s->key->secret, .code = s->answer, .when = s->when, .ad = bound_to(s), .back = back, .fwd = fwd };
	enum verdict verdict = judged(s, keyring_otp(&otp));
	s->exposed = otp.exposed;
	if (verdict == V_ALLOW)
		s->spend = otp.step;
	return verdict;
}

struct slice step_digits(const struct step *s)
{
	struct buf b = buf_new(s->a);
	for (size_t i = 0; i < s->answer.n; i++)
		if (s->answer.p[i] != ' ' && s->answer.p[i] != '-')
			buf_char(&b, s->answer.p[i]);
	return buf_slice(&b);
}

enum verdict step_code(struct step *s, const struct code_range *r, uint64_t *number)
{
	struct code code = { .secret = s->key->secret, .code = step_digits(s), .ad = bound_to(s), .alg = r->alg,
		.digits = r->digits, .first = r->first, .last = r->last };
	enum verdict verdict = judged(s, keyring_code(&code));
	s->exposed = code.exposed;
	if (verdict == V_ALLOW)
		*number = code.number;
	return verdict;
}

int step_opened(struct step *s, const char *purpose, struct slice sealed, struct slice *out)
{
	return sealed_open(s->a, purpose, sealed, out);
}
