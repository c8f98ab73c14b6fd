/* The table of key kinds, and what the engine lends to a kind that must not call services itself. */
#include "core/kinds.h"
#include "svc/keyring.h"

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

const struct key_kind *kind_by_name(struct slice name)
{
	for (size_t i = 0; kinds[i] != NULL; i++)
		if (slice_is(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

enum verdict step_otp(struct step *s, unsigned back, unsigned fwd)
{
	struct otp otp = {
		.secret = s->key->secret, .code = s->answer, .when = s->when,
		.ad = slice_of(arena_printf(s->a, "%s|%s", s->person->subject, s->key->id)),
		.back = back, .fwd = fwd,
	};
	int rc = keyring_otp(&otp);
	s->exposed = otp.exposed;
	switch (rc) {
	case OK:
		s->spend = otp.step;
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
