/* AUTO(pkey_free_p) EVP_PKEY *k: OpenSSL's objects that end with their block, whether they came to be or not. */
#ifndef CSAM_OPENSSL_H
#define CSAM_OPENSSL_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include "base/arena.h"

#define OPENSSL_FREE_P(name, type, end) static inline void name(type **p) { end(*p); }
OPENSSL_FREE_P(pkey_free_p, EVP_PKEY, EVP_PKEY_free)
OPENSSL_FREE_P(pctx_free_p, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OPENSSL_FREE_P(md_free_p, EVP_MD_CTX, EVP_MD_CTX_free)
OPENSSL_FREE_P(cipher_free_p, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
OPENSSL_FREE_P(ecdsa_free_p, ECDSA_SIG, ECDSA_SIG_free)
OPENSSL_FREE_P(bio_free_p, BIO, BIO_free)
OPENSSL_FREE_P(bn_free_p, BIGNUM, BN_free)
OPENSSL_FREE_P(bld_free_p, OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
OPENSSL_FREE_P(params_free_p, OSSL_PARAM, OSSL_PARAM_free)

#endif
