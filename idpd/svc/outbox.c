/* What goes into the outbox. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "svc/outbox_parts.h"
#include "svc/texts.h"

static bool has_texts(const struct message *m)
{
	AUTO_ARENA a = arena_new();
	switch (m->channel) {
	case CHANNEL_MAIL:
		return texts_have(arena_printf(a, "%s.subject", m->text_id)) && texts_have(arena_printf(a, "%s.text", m->text_id));
	case CHANNEL_SMS:
		return texts_have(m->text_id);
	default:
		return true;
	}
}

static bool address_is_right(const struct message *m)
{
	struct slice to = slice_of(m->to);
	switch (m->channel) {
	case CHANNEL_MAIL:
		return outbox_mail_address(to);
	case CHANNEL_SMS:
		return outbox_phone_number(to);
	default:
		return slice_starts(to, S("https://")) || slice_starts(to, S("http://"));
	}
}

static int check(struct arena *a, const struct message *m)
{
	if (m->nargs > OUTBOX_ARGS || m->text_id == NULL || !has_texts(m))
		return fail(E_INPUT, "outbox: no text \"%s\", or more than %d arguments", m->text_id != NULL ? m->text_id : "", OUTBOX_ARGS);
	if (m->to == NULL || !address_is_right(m))
		return fail(E_INPUT, "outbox: %s for %s: no address that we send to", m->text_id, outbox_masked(a, m->channel, m->to));
	if (!outbox_carries(m->channel))
		return fail(E_DOWN, "outbox: %s is switched off", outbox_channel_name(m->channel));
	if (lanes_full(m->channel))
		return E_DOWN;
	return OK;
}

static int claiming(struct state_change *c)
{
	if (c->old.p != NULL)
		return E_EXISTS;
	return state_putting(c);
}

int outbox_acts(struct arena *a, const struct message *m, struct state_act acts[2], size_t *n)
{
	time_t at = now(), expires = m->expires < at + OUTBOX_LIFE_S ? m->expires : at + OUTBOX_LIFE_S;
	struct letter l = { .created = at, .text_id = m->text_id, .why = "" };
	struct ticket t = { .at = (uint64_t)now_ms(), .expires = (uint64_t)expires };
	struct state_value *v = ARENA_NEW(a, struct state_value), *mark = ARENA_NEW(a, struct state_value);
	int rc = check(a, m);
	if (rc == OK && expires <= at)
		rc = fail(E_INPUT, "outbox: %s has expired already", m->text_id);
	if (rc == OK)
		rc = letter_seal(a, m, expires, &l.sealed);
	if (rc != OK)
		return rc;
	random_bytes(t.id, sizeof t.id);
	l.to_masked = outbox_masked(a, m->channel, m->to);
	*v = (struct state_value){ letter_pack(a, &l), (unsigned)(expires - at) + OUTBOX_DEAD_S, false, S_NONE };
	acts[0] = (struct state_act){ queue_ns(m->channel, OUTBOX_WAITING), ticket_key(a, &t), state_putting, v };
	*n = 1;
	if (m->dedup != NULL) {
		*mark = (struct state_value){ S(""), (unsigned)(expires - at), false, S_NONE };
		acts[(*n)++] = (struct state_act){ "outbox.dedup",
			slice_of(arena_printf(a, "%s %s", outbox_channel_name(m->channel), m->dedup)), claiming, mark };
	}
	return OK;
}

int outbox_put(struct arena *a, const struct message *m)
{
	struct state_act acts[2];
	size_t n;
	int rc = outbox_acts(a, m, acts, &n);
	if (rc == OK)
		rc = state_update_all(acts, n);
	if (rc == OK)
		outbox_wake(m->channel);
	return rc;
}
