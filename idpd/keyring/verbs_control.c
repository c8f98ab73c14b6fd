/* The verbs by which administrators change keys. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "keyring/audit_store.h"
#include "keyring/envelope.h"
#include "keyring/trail.h"
#include "keyring/verbs_control.h"

enum { IMPORT_MAX = 60000, AUDIT_TOLD_S = 20 /* two heads of the key before */ };

static int reply(struct call *c, const char *why, struct slice result)
{
	c->out.field[0] = slice_of(why);
	c->out.field[1] = result;
	c->out.n = 2;
	return OK;
}

static int refuse(struct call *c, const char *verb, const char *why)
{
	log_warn("keyring: refused to %s: %s", verb, why);
	trail_line(&(struct trail_line){ .event = "refused", .verb = verb, .why = why, .peer = c->peer });
	return reply(c, why, S(""));
}

/* First the line, then the deed: what the disk does not take is not done. */
static int change(struct call *c, json_t *root, const struct trail_line *line)
{
	int e = trail_line(line);
	return e == OK ? ring_change(c->ring, root) : e;
}

static int not_done(struct call *c, int e)
{
	return e == E_DOWN ? reply(c, "the disk does not take it: nothing was changed (the log says why)", S("")) : e;
}

/* Keys of the audit trail have a file of their own. */
static int rotate(struct call *c, bool audit, json_t *root, const struct trail_line *line)
{
	int e = audit ? trail_line(line) : change(c, root, line);
	return audit && e == OK ? audit_store_change(c->ring->store->lock, root) : e;
}

int verb_rotate(struct call *c)
{
	struct slice use = c->in->field[0];
	bool audit = slice_is(use, "audit");
	uint64_t at_once;
	json_t *root;
	if (wire_get_number(c->in->field[1], 1, &at_once) != OK)
		return E_INPUT;
	time_t from = now() + (at_once ? 0 : audit && c->terms.publish_s < AUDIT_TOLD_S ? AUDIT_TOLD_S : (time_t)c->terms.publish_s);
	int e = audit ? audit_store_next(c->a, from, &root) : rotation_next(c->a, c->ring->store, use, at_once != 0, &c->terms, &root);
	if (e == E_EXISTS)
		return refuse(c, "rotate", "new keys are published already and wait for their time");
	if (e == E_LIMIT)
		return refuse(c, "rotate", audit ? "there are too many keys of the audit trail" : "there are too many keys: reseal, and retire old ones, first");
	if (e != OK)
		return e;
	e = rotate(c, audit, root, &(struct trail_line){ .event = "rotate", .why = at_once ? "at once" : "asked", .key = use, .peer = c->peer });
	return e == OK ? reply(c, "", slice_of(time_iso(c->a, from))) : not_done(c, e);
}

int verb_retire(struct call *c)
{
	json_t *root;
	int e = rotation_retire(c->a, c->ring->store, c->in->field[0], now(), &root);
	if (e == E_NOENT)
		return refuse(c, "retire", "there is no such key");
	if (e == E_EXISTS)
		return refuse(c, "retire", "only a sealing key that has been followed by another can be retired; the others go by themselves");
	if (e == OK)
		e = change(c, root, &(struct trail_line){ .event = "retire", .key = c->in->field[0], .peer = c->peer });
	return e == OK ? reply(c, "", S("")) : not_done(c, e);
}

int verb_export(struct call *c)
{
	struct slice node = c->in->field[0], passphrase = c->in->field[1], jwe;
	struct slice plain = json_text(c->a, rotation_export(c->a, c->ring->store, node.n > 0 ? NULL : audit_store_root()));
	if ((node.n == 0) == (passphrase.n == 0))
		return E_INPUT;
	int e = node.n > 0 ? envelope_to_node(c->a, node, plain, &jwe) : envelope_to_passphrase(c->a, passphrase, plain, &jwe);
	if (e != OK)
		return refuse(c, "export", node.n > 0 ? "that is no address of a node" : "a passphrase has 16 bytes or more");
	if (jwe.n > IMPORT_MAX)
		return refuse(c, "export", "there are too many keys: reseal, and retire old ones, first");
	e = trail_line(&(struct trail_line){ .event = "export", .why = node.n > 0 ? "to a node" : "by passphrase", .key = node, .peer = c->peer });
	return e == OK ? reply(c, "", jwe) : not_done(c, e);
}

int verb_import(struct call *c)
{
	const struct keystore *s = c->ring->store;
	const char *why = "it holds no keys that are in order";
	struct slice plain;
	uint64_t replace;
	json_t *given, *root;
	if (wire_get_number(c->in->field[2], 1, &replace) != OK)
		return E_INPUT;
	if (envelope_open(c->a, c->in->field[0], keystore_current(s, "node", NULL, now())->secret, c->in->field[1], &plain, &why) != OK)
		return refuse(c, "import", why);
	why = "it holds no keys that are in order";
	if (json_parse(c->a, plain, &given, NULL) != OK || rotation_import(c->a, s, given, replace != 0, &root, &why) != OK)
		return refuse(c, "import", why);
	int e = change(c, root, &(struct trail_line){ .event = "import", .why = replace ? "in place of all" : "", .peer = c->peer });
	if (e == E_INPUT)
		return refuse(c, "import", why);
	return e == OK ? reply(c, "", slice_of(arena_printf(c->a, "%zu", c->ring->store->n))) : not_done(c, e);
}
