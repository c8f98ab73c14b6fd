/* What the commands about the audit trail share. */
#include <errno.h>
#include "base/conf.h"
#include "csamctl/audit.h"
#include "svc/keyring.h"
#include "svc/keyring_audit.h"

enum { PEM_MAX = 16384, WITNESS_MAX = 256 * 1024 * 1024, KEYS_MOST = 64 };

int audit_dir(struct ctl *c, unsigned operand, const char **out)
{
	*out = c->operands[operand];
	if (*out == NULL && c->set.conf != NULL)
		*out = c->set.conf->server_audit_dir;
	return *out != NULL ? DONE : usage(c, "DIR is missing, and there is no configuration file to take it from (-c FILE)");
}

/* Public keys in PEM, one behind the other. */
static int key_file(struct ctl *c, const char *path, struct audit_public *keys, size_t *n)
{
	struct slice rest;
	size_t before = *n;
	if (read_file(c->a, path, PEM_MAX, &rest) != OK)
		return TROUBLE;
	while (*n < KEYS_MOST && audit_public_read(c->a, &rest, &keys[*n]) == OK)
		++*n;
	if (*n == before) {
		say("%s is no public key in PEM", path);
		return TROUBLE;
	}
	return DONE;
}

static int keyring_keys(struct ctl *c, struct audit_public *keys, size_t *n)
{
	struct slice text;
	json_t *root, *key;
	size_t i;
	if (c->set.keyring_socket == NULL)
		return usage(c, "--key is missing, and there is no keyring to ask (-c FILE or -k PATH)");
	keyring_open(c->set.keyring_socket);
	if (keyring_audit_public(c->a, &text) != OK || json_parse(c->a, text, &root, NULL) != OK) {
		say("the keyring at %s does not answer → is idpd running, and may you open its control socket? Or give the public key with --key",
		    c->set.keyring_socket);
		return TROUBLE;
	}
	json_array_foreach(json_object_get(root, "keys"), i, key)
		if (*n < KEYS_MOST && json_str(key, "kid") != NULL && json_str(key, "pem") != NULL)
			keys[(*n)++] = (struct audit_public){ json_str(key, "kid"), json_str(key, "pem") };
	return DONE;
}

int audit_keys(struct ctl *c, struct audit_public **out, size_t *n)
{
	struct audit_public *keys = ARENA_ARRAY(c->a, struct audit_public, KEYS_MOST);
	*n = 0;
	*out = keys;
	if (opt(c, "key") == NULL)
		return keyring_keys(c, keys, n);
	for (const char *const *file = opt_all(c, "key"); *file != NULL && *n < KEYS_MOST; file++) {
		int rc = key_file(c, *file, keys, n);
		if (rc != DONE)
			return rc;
	}
	return DONE;
}

static bool read_seen(struct ctl *c, struct slice line, const char *node, struct audit_seen *out)
{
	static const char mark[] = "csam-audit-head ";
	const char *at = memmem(line.p, line.n, mark, sizeof mark - 1);
	unsigned long long seq;
	if (at == NULL)
		return false;
	line = slice_mem(at, (size_t)(line.p + line.n - at));
	struct slice chain = slice_behind(line, " chain=", ' ');
	if (!slice_is(slice_behind(line, " node=", ' '), node) || slice_number(slice_behind(line, " seq=", ' '), INT64_MAX, &seq) != OK || chain.n != CHAIN_HEX)
		return false;
	*out = (struct audit_seen){ .seq = seq, .time = arena_str(c->a, slice_behind(line, " time=", ' ')) };
	memcpy(out->chain.hex, chain.p, CHAIN_HEX);
	return true;
}

static size_t count_lines(struct slice text)
{
	size_t n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

int audit_seen(struct ctl *c, const char *node, struct audit_seen **out, size_t *n)
{
	*out = NULL;
	*n = 0;
	if (opt(c, "witness") == NULL)
		return DONE;
	struct slice text, line;
	if (read_file(c->a, opt(c, "witness"), WITNESS_MAX, &text) != OK)
		return TROUBLE;
	*out = ARENA_ARRAY(c->a, struct audit_seen, count_lines(text));
	while (slice_cut(&text, '\n', &line))
		*n += read_seen(c, line, node, &(*out)[*n]);
	if (*n == 0) {
		say("%s holds no head of the node %s", opt(c, "witness"), node);
		return TROUBLE;
	}
	return DONE;
}
