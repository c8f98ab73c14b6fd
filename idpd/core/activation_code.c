/* What the directory holds of an activation's link and code. */
#include "core/activation.h"

void activation_digests(struct slice link, const char *code, unsigned char of_link[SHA256_LEN], unsigned char of_code[SHA256_LEN])
{
	sha256(link, of_link);
	hmac_sha256(link, slice_of(code), of_code);
}
