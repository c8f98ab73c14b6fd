/* The keys of the audit trail and their file. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/openssl.h"
#include "keyring/audit_store.h"

enum { FILE_MAX = 256 * 1024, FORMAT = 1 };
static const char file_name[] = "audit.json";

/* One reading of the file. Another one comes after it when a key is added, and it stays: who reads it needs no lock. */
struct reading {
	struct audit_pair *pairs;
	size_t n;
	const json_t *root;
};
static const struct reading nothing;
static const struct reading *_Atomic store = &nothing;

const json_t *audit_store_root(void)
{
	return store->root;
}

/* A clock that went back must not stop us: before the first of them the first one signs. */
const struct audit_pair *audit_store_current(time_t at)
{
	const struct reading *r = store;
	const struct audit_pair *best = r->n > 0 ? r->pairs : NULL;
	for (size_t i = 1; i < r->n; i++)
		if (r->pairs[i].from <= at)
			best = &r->pairs[i];
	return best;
}

const struct audit_pair *audit_store_all(size_t *n)
{
	const struct reading *r = store;
	*n = r->n;
	return r->pairs;
}

static void free_signer(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static struct slice bio_text(struct arena *a, BIO *b)
{
	char *text;
	long n = BIO_get_mem_data(b, &text);
	return arena_copy(a, slice_mem(text, (size_t)n));
}

static json_t *make_pair(struct arena *a, time_t from)
{
	AUTO(pkey_free_p) EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	AUTO(bio_free_p) BIO *pem = BIO_new(BIO_s_secmem());
	unsigned char *secret = arena_alloc(a, AEAD_KEY_LEN);
	struct buf b64 = buf_new(a);
	if (k == NULL || pem == NULL || PEM_write_bio_PKCS8PrivateKey(pem, k, NULL, NULL, 0, NULL, NULL) != 1)
		abort();	/* a broken library */
	random_bytes(secret, AEAD_KEY_LEN);
	buf_b64(&b64, slice_mem(secret, AEAD_KEY_LEN));
	struct slice private = bio_text(a, pem);
	return json_pack("{sI sI ss% ss}", "created", (json_int_t)now(), "from", (json_int_t)from, "private", private.p, private.n, "secret", buf_cstr(&b64));
}

static struct slice make(struct arena *a)
{
	return json_text(a, json_own(a, json_pack("{si s[o]}", "format", FORMAT, "keys", make_pair(a, 0))));
}

static int save(int dirfd, struct slice text)
{
	return file_replace(dirfd, file_name, text) == OK ? OK : fail(E_DOWN, "keyring: %s cannot be written: %s", file_name, strerror(errno));
}

static int load(struct arena *a, int dirfd, struct slice *out)
{
	AUTO(file_close) int fd = openat(dirfd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	if (fd < 0 && errno == ENOENT)
		return E_NOENT;
	if (fd < 0 || fstat(fd, &st) != 0)
		return fail(E_INPUT, "keyring: %s: %s", file_name, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return fail(E_INPUT, "keyring: %s must be a regular file of user %d, mode 0600", file_name, (int)geteuid());
	int e = file_read_rest(a, fd, FILE_MAX, out);
	return e == OK ? OK : fail(e, "keyring: %s cannot be read: %s", file_name, strerror(errno));
}

static int name_pair(struct arena *a, EVP_PKEY *k, struct audit_pair *out)
{
	AUTO(bio_free_p) BIO *der = BIO_new(BIO_s_mem());
	AUTO(bio_free_p) BIO *pem = BIO_new(BIO_s_mem());
	unsigned char hash[SHA256_LEN];
	struct buf kid = buf_new(a);
	if (der == NULL || pem == NULL || i2d_PUBKEY_bio(der, k) != 1 || PEM_write_bio_PUBKEY(pem, k) != 1)
		return E_INPUT;
	sha256(bio_text(a, der), hash);
	memcpy(out->id, hash, AUDIT_ID);
	buf_hex(&kid, slice_mem(hash, sizeof hash));
	out->kid = buf_cstr(&kid);
	out->pem = arena_str(a, bio_text(a, pem));
	return OK;
}

static int read_pair(struct arena *a, const json_t *record, struct audit_pair *out)
{
	const char *private = json_str(record, "private"), *secret = json_str(record, "secret");
	AUTO(bio_free_p) BIO *in = BIO_new_mem_buf(private != NULL ? private : "", -1);
	AUTO(pkey_free_p) EVP_PKEY *k = in != NULL ? PEM_read_bio_PrivateKey_ex(in, NULL, NULL, (void *)"", NULL, NULL) : NULL;
	struct slice raw;
	if (k == NULL || !EVP_PKEY_is_a(k, "EC") || secret == NULL || b64_decode(a, slice_of(secret), &raw) != OK || raw.n != AEAD_KEY_LEN)
		return E_INPUT;
	memcpy(out->secret, raw.p, AEAD_KEY_LEN);
	out->from = (time_t)json_integer_value(json_object_get(record, "from"));	/* the first key of a node says nothing of it */
	out->signer = EVP_MD_CTX_new();
	if (out->signer == NULL || EVP_DigestSignInit(out->signer, NULL, EVP_sha256(), NULL, k) != 1)
		return E_INPUT;
	arena_defer(a, free_signer, out->signer);
	return name_pair(a, k, out);
}

static int parse(struct arena *a, const json_t *root, const struct reading **out)
{
	const json_t *keys = json_object_get(root, "keys");
	size_t n = json_array_size(keys);
	if (json_integer_value(json_object_get(root, "format")) != FORMAT || n == 0 || n > AUDIT_STORE_MOST)
		return E_INPUT;
	struct audit_pair *pairs = ARENA_ARRAY(a, struct audit_pair, n);
	for (size_t i = 0; i < n; i++)
		if (read_pair(a, json_array_get(keys, i), &pairs[i]) != OK)
			return E_INPUT;
	struct reading *r = ARENA_NEW(a, struct reading);
	*r = (struct reading){ pairs, n, root };
	*out = r;
	return OK;
}

int audit_store_open(struct arena *a, const char *dir)
{
	AUTO_ARENA tmp = arena_new();
	AUTO(file_close) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct slice text;
	if (dirfd < 0)
		return fail(E_INPUT, "keyring: %s: %s", dir, strerror(errno));
	int e = load(tmp, dirfd, &text);
	if (e == E_NOENT && (e = save(dirfd, make(tmp))) == OK) {
		log_info("keyring: no %s in %s: keys of the audit trail are made", file_name, dir);
		e = load(tmp, dirfd, &text);
	}
	json_t *root;
	const struct reading *r;
	if (e == OK && (json_parse(a, text, &root, NULL) != OK || parse(a, root, &r) != OK))
		e = fail(E_INPUT, "keyring: %s/%s is not in order", dir, file_name);
	if (e == OK)
		store = r;
	return e;
}

int audit_store_next(struct arena *a, time_t from, json_t **root)
{
	const struct reading *r = store;
	if (r->n == 0 || r->n == AUDIT_STORE_MOST)
		return r->n == 0 ? E_NOENT : E_LIMIT;
	if (r->pairs[r->n - 1].from > now())
		return E_EXISTS;
	json_t *next = json_own(a, json_deep_copy(r->root));
	json_array_append_new(json_object_get(next, "keys"), make_pair(a, from));
	*root = next;
	return OK;
}

int audit_store_change(int dirfd, json_t *root)
{
	AUTO_ARENA tmp = arena_new();
	struct arena *a = arena_new();		/* to the end: none of its keys ever goes */
	const struct reading *r;
	int e = parse(a, json_own(a, json_incref(root)), &r);
	if (e == OK)
		e = save(dirfd, json_text(tmp, root));
	if (e == OK)
		store = r;
	else
		arena_free(a);
	return e;
}

int audit_store_plant(const char *dir, const json_t *root, uid_t uid, gid_t gid)
{
	AUTO_ARENA a = arena_new();
	AUTO(file_close) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dirfd < 0)
		return fail(E_DOWN, "%s: %s", dir, strerror(errno));
	if (faccessat(dirfd, file_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fail(E_EXISTS, "%s/%s: exists and is not replaced", dir, file_name);
	const struct reading *unused;
	if (parse(a, root, &unused) != OK)
		return fail(E_INPUT, "%s: keys of the audit trail are not in order", dir);
	int e = save(dirfd, json_text(a, root));
	if (e == OK && uid != (uid_t)-1 && uid != geteuid() && fchownat(dirfd, file_name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(E_DOWN, "%s/%s: %s", dir, file_name, strerror(errno));
	return e;
}
