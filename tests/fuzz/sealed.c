/* Texts that only we can make: none that we did not make is opened, and what is in one reads back as it was written. */
/* LINK: -Wl,--wrap=keyring_day_key,--wrap=now */
#include "fuzz.h"
#include "base/clock.h"
#include "oidc/grant.h"
#include "svc/keyring.h"
#include "svc/sealed.h"

time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return 1800000000;
}

int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN]);
int __wrap_keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	memset(out, (int)(day & 0xff), AEAD_KEY_LEN);
	out[0] = 0x5a;
	return OK;
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct slice plain, text;
	struct grant g;
	promise(sealed_open(a, "code", in, &plain) != OK);
	promise(sealed_make(a, "at", in, 1800000060, &text) == OK);
	promise(sealed_open(a, "at", text, &plain) == OK && slice_eq(plain, in));
	promise(sealed_open(a, "code", text, &plain) == E_INPUT);
	if (in.n > 0) {			/* one bit somewhere in it */
		char *bent = arena_str(a, text);
		bent[(unsigned char)in.p[0] % text.n] ^= 1;
		promise(sealed_open(a, "at", slice_of(bent), &plain) != OK);
	}
	if (grant_unpack(a, in, &g) == OK) {
		promise(g.client != NULL && g.subject != NULL && g.sid != NULL && g.scope != NULL && g.nonce != NULL);
		promise(slice_eq(grant_pack(a, &g), in));	/* one text for one grant */
	}
}
