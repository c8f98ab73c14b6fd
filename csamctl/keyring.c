/* csamctl keyring status, public, address, trail: what the keyring says about itself. */
#include "base/json.h"
#include "csamctl/keyring.h"
#include "keyring/trail.h"
#include "svc/keyring.h"

enum { TRAIL_MAX = 256 * 1024 * 1024 };

int keyring_reach(struct ctl *c)
{
	int rc = need(c, c->set.keyring_socket, "keyring");
	if (rc == DONE)
		keyring_open(c->set.keyring_socket);
	return rc;
}

int keyring_no_answer(const struct ctl *c)
{
	return refuse("the keyring at %s does not answer → is idpd running, and may you open its control socket?", c->set.keyring_socket);
}

static int status_run(struct ctl *c)
{
	struct slice text;
	json_t *root, *key;
	size_t i;
	int rc = keyring_reach(c);
	if (rc != DONE)
		return rc;
	if (keyring_status(c->a, &text) != OK || json_parse(c->a, text, &root, NULL) != OK)
		return keyring_no_answer(c);
	printf("%-44s %-8s %-12s %-10s %-20s %s\n", "KEY", "USE", "ALG", "STATE", "CREATED", "FROM");
	json_array_foreach(json_object_get(root, "keys"), i, key) {
		static const char *const members[] = { "kid", "use", "alg", "state", "created", "from" };
		const char *v[6];
		for (size_t m = 0; m < 6; m++) {
			v[m] = json_str(key, members[m]);
			v[m] = v[m] != NULL && *v[m] != '\0' ? v[m] : "-";
		}
		printf("%-44s %-8s %-12s %-10s %-20s %s\n", v[0], v[1], v[2], v[3], v[4], v[5]);
	}
	if (json_is_true(json_object_get(root, "follows")))
		puts("These keys come from another node, and are rotated there.");
	return DONE;
}

static int public_run(struct ctl *c)
{
	struct slice text;
	json_t *root;
	int rc = keyring_reach(c);
	if (rc != DONE)
		return rc;
	if (keyring_public(c->a, &text) != OK || json_parse(c->a, text, &root, NULL) != OK)
		return keyring_no_answer(c);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	return DONE;
}

static int address_run(struct ctl *c)
{
	struct slice jwk;
	int rc = keyring_reach(c);
	if (rc != DONE)
		return rc;
	if (keyring_address(c->a, &jwk) != OK)
		return keyring_no_answer(c);
	printf("%.*s\n", (int)jwk.n, jwk.p);
	return DONE;
}

static int trail_run(struct ctl *c)
{
	struct slice text;
	const char *why = NULL, *file = c->operands[0];
	size_t lines;
	if (read_file(c->a, file, TRAIL_MAX, &text) != OK)
		return REFUSED;
	if (trail_check(text, &lines, &why) != OK)
		return refuse("%s: line %zu %s", file, lines, why);
	printf("%zu lines, each resting on the one before\n", lines);
	return DONE;
}

const struct command cmd_keyring_status = {
	.path = "keyring status", .operands = "", .run = status_run,
	.what = "which keys the keyring has, and in what state",
	.examples = "  csamctl keyring status\n",
};

const struct command cmd_keyring_public = {
	.path = "keyring public", .operands = "", .run = public_run,
	.what = "the public keys that are published, as a JWK set (RFC 7517)",
	.examples = "  csamctl keyring public > jwks.json\n",
};

const struct command cmd_keyring_address = {
	.path = "keyring address", .operands = "", .run = address_run,
	.what = "the public key of this node, which keyring export --to wants",
	.examples = "  csamctl keyring address > node2.jwk\n",
};

const struct command cmd_keyring_trail = {
	.path = "keyring trail", .operands = "FILE", .noperands = 1, .run = trail_run,
	.what = "whether the keyring's own trail is whole",
	.more = "Each line rests on the one before it. What was cut off at the end shows in the log, which names the last line whenever keys change.",
	.examples = "  csamctl keyring trail /var/lib/csam/keyring/trail.log\n",
};
