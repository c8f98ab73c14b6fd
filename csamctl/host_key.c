/* The key by which a host proves to be that host. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/openssl.h"
#include "csamctl/host_key.h"

enum { COORDINATE = 32, POINT = 1 + 2 * COORDINATE };

/* RFC 7638 3.2: the thumbprint is the digest of these members in this order, without any space. */
static const char *public_set(struct arena *a, const unsigned char point[POINT])
{
	unsigned char digest[SHA256_LEN];
	struct buf members = buf_new(a), set = buf_new(a);
	buf_lit(&members, "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	buf_b64url(&members, slice_mem((const char *)point + 1, COORDINATE));
	buf_lit(&members, "\",\"y\":\"");
	buf_b64url(&members, slice_mem((const char *)point + 1 + COORDINATE, COORDINATE));
	buf_lit(&members, "\"");
	sha256(slice_of(arena_printf(a, "{%s}", buf_cstr(&members))), digest);
	buf_lit(&set, "{\"keys\":[{\"alg\":\"ES256\",");
	buf_raw(&set, buf_slice(&members));
	buf_lit(&set, ",\"kid\":\"");
	buf_b64url(&set, slice_mem((const char *)digest, sizeof digest));
	buf_lit(&set, "\",\"use\":\"sig\"}]}");
	return buf_cstr(&set);
}

int host_key_make(struct arena *a, const char *path, const char **jwks, const char **why)
{
	unsigned char point[POINT];
	size_t n = 0;
	char *pem = NULL;
	AUTO(pkey_free_p) EVP_PKEY *key = EVP_EC_gen("P-256");
	AUTO(bio_free_p) BIO *out = BIO_new(BIO_s_secmem());
	*why = "OpenSSL makes no key";
	if (key == NULL || out == NULL || PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1)
		return E_BUG;
	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) != 1 || n != POINT || point[0] != 4)
		return E_BUG;
	long size = BIO_get_mem_data(out, &pem);
	int rc = file_create(AT_FDCWD, path, 0600, slice_mem(pem, (size_t)size));
	if (rc != OK)
		*why = rc == E_EXISTS ? "it is there already, and a key is never overwritten" : arena_strdup(a, strerror(errno));
	else
		*jwks = public_set(a, point);
	return rc;
}
