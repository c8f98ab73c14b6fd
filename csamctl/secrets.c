/* How secrets stand in the directory. */
#include "base/digest.h"
#include "csamctl/secrets.h"
#include "svc/keyring.h"

enum { SALT = 16 };

bool password_is_hash(struct slice text)
{
	static const struct slice schemes[] = { { "{ARGON2}$argon2", 15 }, { "{SSHA}", 6 }, { "{SHA}", 5 }, { "{CRYPT}$", 8 },
		{ "{SSHA256}", 9 }, { "{SSHA512}", 9 }, { "{PBKDF2", 7 } };
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (slice_starts(text, schemes[i]) && text.n > schemes[i].n + 16)
			return slice_is_text(text, "");
	return false;
}

const char *client_secret_hash(struct arena *a, struct slice secret)
{
	unsigned char stored[SALT + SHA256_LEN];
	struct buf salted = buf_new(a), b = buf_new(a);
	random_bytes(stored, SALT);
	buf_raw(&salted, slice_mem(stored, SALT));
	buf_raw(&salted, secret);
	sha256(buf_slice(&salted), stored + SALT);
	buf_lit(&b, "{SHA256}");
	buf_b64(&b, slice_mem(stored, sizeof stored));
	return buf_cstr(&b);
}

int seal_key_secret(struct ctl *c, const char *subject, const char *key_id, const char *secret, struct slice *out)
{
	int rc = need(c, c->set.keyring_socket, "keyring");
	if (rc != DONE)
		return rc;
	keyring_open(c->set.keyring_socket);
	if (keyring_seal(c->a, slice_of(secret), slice_of(arena_printf(c->a, "%s|%s", subject, key_id)), out) != OK)
		return refuse("the keyring at %s does not seal → is idpd running, and may you open its control socket?", c->set.keyring_socket);
	return DONE;
}
