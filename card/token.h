/* Cards behind one PKCS#11 module: which are there, and what the authentication key of one signs.
 *
 * The module is somebody else's code: what it says is bounded and checked, but it may do anything with this process. That is why it runs in one of its own
 * (main.c), which has nothing to lose but the PIN. */
#ifndef CSAM_CARD_TOKEN_H
#define CSAM_CARD_TOKEN_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_MAX = 8, TOKEN_CERT_MAX = 2560, TOKEN_KEY_ID_MAX = 64, TOKEN_LABEL_MAX = 96, TOKEN_ID = 32, TOKEN_SIGNATURE_MAX = 512 };

struct token {
	CK_SLOT_ID slot;
	CK_FLAGS flags;
	unsigned char cert[TOKEN_CERT_MAX], key_id[TOKEN_KEY_ID_MAX];
	size_t ncert, nkey_id;
	char id[TOKEN_ID + 1];		/* names card and certificate: hex of its SHA-256 */
	char label[TOKEN_LABEL_MAX + 1];	/* whose it is, as the certificate says: text */
};

struct tokens {
	struct token all[TOKEN_MAX];
	size_t n;
};

struct token_signature {
	const char *alg;		/* RFC 7518: RS256, ES256, ES384, ES512 */
	unsigned char bytes[TOKEN_SIGNATURE_MAX];
	size_t n;
};

/* Each returns a word: "ready", "signed", or what is wrong: "no-reader", "no-card", "no-certificate", "removed", "pin-wrong", "pin-final" (one try is left, and
 * last_try is not given), "pin-locked", "pin-cancelled", "pin-form", "broken". */
const char *token_find(CK_FUNCTION_LIST *p11, struct tokens *out);
/* pin NULL: it is entered on the reader. The card is asked for at most one PIN. */
const char *token_sign(CK_FUNCTION_LIST *p11, const struct token *t, const char *pin, bool last_try, const char *text, struct token_signature *out);

#endif
