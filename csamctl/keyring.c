/* csamctl keyring status, public: what the keyring says about its keys. */
#include "base/json.h"
#include "csamctl/ctl.h"
#include "svc/keyring.h"

static int no_answer(struct ctl *c)
{
	return refuse("the keyring at %s does not answer → is idpd running, and may you open its control socket?", c->set.keyring_socket);
}

static int status_run(struct ctl *c)
{
	struct slice text;
	json_t *root, *key;
	size_t i;
	int rc = need(c, c->set.keyring_socket, "keyring");
	if (rc != DONE)
		return rc;
	keyring_open(c->set.keyring_socket);
	if (keyring_status(c->a, &text) != OK || json_parse(c->a, text, &root, NULL) != OK)
		return no_answer(c);
	printf("%-24s %-8s %-6s %-10s %s\n", "KEY", "USE", "ALG", "STATE", "CREATED");
	json_array_foreach(json_object_get(root, "keys"), i, key) {
		static const char *const members[] = { "kid", "use", "alg", "state", "created" };
		const char *v[5];
		for (size_t m = 0; m < 5; m++) {
			v[m] = json_str(key, members[m]);
			v[m] = v[m] != NULL && *v[m] != '\0' ? v[m] : "-";
		}
		printf("%-24s %-8s %-6s %-10s %s\n", v[0], v[1], v[2], v[3], v[4]);
	}
	return DONE;
}

static int public_run(struct ctl *c)
{
	struct slice text;
	json_t *root;
	int rc = need(c, c->set.keyring_socket, "keyring");
	if (rc != DONE)
		return rc;
	keyring_open(c->set.keyring_socket);
	if (keyring_public(c->a, &text) != OK || json_parse(c->a, text, &root, NULL) != OK)
		return no_answer(c);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
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
