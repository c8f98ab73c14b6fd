/* The file of the keys: what is made, what is refused and left alone, and which key of several is taken. */
#include <fcntl.h>
#include <liboath/oath.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail
#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/log.h"
#include "keyring/keystore.h"
#include "keyring/verbs.h"

static char home[64], dir[80], file[100];
static struct arena *a;
static struct slice good;	/* a file that is in order */

static struct slice contents(void)
{
	static char text[65536];
	FILE *f = fopen(file, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	fclose(f);
	return arena_copy(a, slice_mem(text, n));
}

static void write_file(struct slice text)
{
	unlink(file);
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
}

static int try_open(struct keystore *s)
{
	struct keystore here = { .lock = -1 };
	int e = keystore_open(a, dir, &here);
	if (e == OK)
		close(here.lock);
	if (s != NULL)
		*s = here;
	return e;
}

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	strcpy(home, "/tmp/test_keystore.XXXXXX");
	if (mkdtemp(home) == NULL)
		return -1;
	snprintf(dir, sizeof dir, "%s/store", home);
	snprintf(file, sizeof file, "%s/keyring.json", dir);
	if (keystore_make_dir(dir, (uid_t)-1, (gid_t)-1) != OK || try_open(NULL) != OK)
		return -1;
	good = contents();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	char cmd[100];
	a = arena_free(a);
	snprintf(cmd, sizeof cmd, "rm -rf %s", home);
	return system(cmd);
}

static int restore(void **state)
{
	(void)state;
	chmod(dir, 0700);
	write_file(good);
	return 0;
}

static void first_start_makes_keys(void **state)
{
	(void)state;
	struct stat st;
	struct keystore s, again;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(try_open(&s), OK);
	assert_int_equal(s.n, 8);
	assert_int_equal(try_open(&again), OK);
	assert_true(slice_eq(keystore_jwks(a, &s, now(), 0), keystore_jwks(a, &again, now(), 0)));
	assert_true(slice_eq(contents(), good));
}

static void refuses_wrong_rights(void **state)
{
	(void)state;
	static const mode_t modes[] = { 0640, 0604, 0620, 0660, 0644, 0601 };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		assert_int_equal(chmod(file, modes[i]), 0);
		assert_int_equal(try_open(NULL), E_INPUT);
	}
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(chmod(dir, 0750), 0);
	assert_int_equal(try_open(NULL), E_INPUT);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(try_open(NULL), OK);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(file, 65534, 0), 0);
	assert_int_equal(try_open(NULL), E_INPUT);
	assert_int_equal(chown(file, 0, 0), 0);
	assert_int_equal(chown(dir, 65534, 0), 0);
	assert_int_equal(try_open(NULL), E_INPUT);
	assert_int_equal(chown(dir, 0, 0), 0);
	assert_int_equal(try_open(NULL), OK);
}

static void refuses_what_is_no_file(void **state)
{
	(void)state;
	char other[120];
	snprintf(other, sizeof other, "%s/other", home);
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink(other, file), 0);
	assert_int_equal(try_open(NULL), E_INPUT);
	unlink(file);
	assert_int_equal(symlink("/nonexistent", file), 0);	/* a dangling one is not "there is no file" */
	assert_int_equal(try_open(NULL), E_INPUT);
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(try_open(NULL), E_INPUT);
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(try_open(NULL), E_INPUT);
	rmdir(file);
	assert_int_equal(rename(other, file), 0);
	struct keystore s;
	char link[120];
	snprintf(link, sizeof link, "%s/link", home);
	assert_int_equal(symlink(dir, link), 0);
	assert_int_equal(keystore_open(a, link, &s), E_INPUT);
	unlink(link);
	assert_int_equal(keystore_open(a, "/nonexistent/store", &s), E_INPUT);
}

static void refuses_damage(void **state)
{
	(void)state;
	for (size_t n = 0; n < good.n; n += n < 10 ? 1 : 97) {		/* cut anywhere */
		struct slice cut = { good.p, n };
		write_file(cut);
		assert_int_equal(try_open(NULL), E_INPUT);
		assert_true(slice_eq(contents(), cut));		/* and never replaced */
	}
}

/* Changes one member of key i (of keyring.json's order) and tries. */
static int with(size_t i, const char *member, json_t *value)
{
	json_t *root;
	assert_int_equal(json_parse(a, good, &root, NULL), OK);
	json_t *key = json_array_get(json_object_get(root, "keys"), i);
	if (value == NULL)
		json_object_del(key, member);
	else
		json_object_set_new(key, member, value);
	write_file(json_text(a, root));
	return try_open(NULL);
}

static const char *member(size_t i, const char *name)
{
	json_t *root;
	assert_int_equal(json_parse(a, good, &root, NULL), OK);
	return json_str(json_array_get(json_object_get(root, "keys"), i), name);
}

static int without(size_t i)
{
	json_t *root;
	assert_int_equal(json_parse(a, good, &root, NULL), OK);
	json_array_remove(json_object_get(root, "keys"), i);
	write_file(json_text(a, root));
	return try_open(NULL);
}

static int twice(const char *use, const char *alg)
{
	json_t *root;
	struct ring_kind kind = { use, alg, "oct" };
	assert_int_equal(json_parse(a, good, &root, NULL), OK);
	json_array_append(json_object_get(root, "keys"), ring_key_make(a, &kind, 1));
	write_file(json_text(a, root));
	return try_open(NULL);
}

static void refuses_wrong_members(void **state)
{
	(void)state;
	static const char *const names[] = { "kid", "use", "alg", "created" };
	for (size_t i = 0; i < 8; i++) {
		for (size_t m = 0; m < 4; m++) {
			assert_int_equal(with(i, names[m], NULL), E_INPUT);
			assert_int_equal(with(i, names[m], json_string("")), E_INPUT);
			assert_int_equal(with(i, names[m], json_true()), E_INPUT);
		}
		assert_int_equal(with(i, i < 4 ? "private" : "secret", NULL), E_INPUT);
		assert_int_equal(with(i, i < 4 ? "private" : "secret", json_string("AAAA")), E_INPUT);
		assert_int_equal(with(i, "kid", json_string(member((i + 1) % 8, "kid"))), E_INPUT);
	}
	assert_int_equal(with(0, "private", json_string(member(1, "private"))), E_INPUT);	/* the thumbprint tells */
	assert_int_equal(with(4, "secret", json_string(member(5, "secret"))), E_INPUT);
	assert_int_equal(with(2, "alg", json_string("RS256")), E_INPUT);
	assert_int_equal(with(0, "from", json_string("")), E_INPUT);
	assert_int_equal(with(0, "from", json_true()), E_INPUT);
	for (size_t i = 4; i < 8; i++)
		assert_int_equal(without(i), E_INPUT);		/* nothing left to seal with, … */
	assert_int_equal(without(2), OK);
	assert_int_equal(twice("subject", "HS256"), E_INPUT);	/* which of them? */
	assert_int_equal(twice("seal", "A256GCM"), OK);
	static const char *const roots[] = { "{}", "[]", "{\"format\":1,\"keys\":[]}", "{\"format\":1,\"keys\":{}}", "{\"format\":3,\"keys\":[{}]}",
		"{\"format\":1,\"keys\":[{}]}", "{\"format\":1,\"keys\":[1]}", "null" };
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		write_file(slice_of(roots[i]));
		assert_int_equal(try_open(NULL), E_INPUT);
	}
}

static void one_keyring_per_directory(void **state)
{
	(void)state;
	struct keystore s;
	assert_int_equal(keystore_open(a, dir, &s), OK);
	pid_t other = fork();
	if (other == 0)
		_exit(try_open(NULL) == E_EXISTS ? 0 : 1);
	int status;
	waitpid(other, &status, 0);
	assert_int_equal(status, 0);
	close(s.lock);
	assert_int_equal(try_open(NULL), OK);
}

/* A first start that was interrupted has made nothing: nobody ever saw those keys. */
static void interrupted_first_start(void **state)
{
	(void)state;
	char left[120];
	snprintf(left, sizeof left, "%s.new", file);
	assert_int_equal(rename(file, left), 0);
	assert_int_equal(try_open(NULL), OK);
	assert_int_equal(access(left, F_OK), -1);
	assert_false(slice_eq(contents(), good));
}

/* --- several keys of one use --- */

static json_t *grown(const char *use, const char *alg, const char *kty, time_t from)
{
	json_t *root;
	struct ring_kind kind = { use, alg, kty };
	assert_int_equal(json_parse(a, good, &root, NULL), OK);
	json_t *key = ring_key_make(a, &kind, from);
	json_array_append(json_object_get(root, "keys"), key);
	write_file(json_text(a, root));
	return key;
}

/* A key begins, is followed, leaves and is gone by the clock alone. */
static void the_clock_says_who_signs(void **state)
{
	(void)state;
	enum { KEEP = 600 };
	struct keystore s;
	const char *old = member(2, "kid");
	time_t t = now() + 1000;
	const char *kid = json_str(grown("sign", "ES256", "EC", t), "kid");
	assert_int_equal(try_open(&s), OK);
	const struct ring_key *was = keystore_by_kid(&s, slice_of(old)), *next = keystore_by_kid(&s, slice_of(kid));
	static const struct { int at; enum ring_state old, next; } when[] = {
		{ -1, RING_SIGNING, RING_PUBLISHED }, { 0, RING_LEAVING, RING_SIGNING }, { KEEP - 1, RING_LEAVING, RING_SIGNING },
		{ KEEP, RING_GONE, RING_SIGNING }, { 1000000, RING_GONE, RING_SIGNING }, { -1000000000, RING_SIGNING, RING_PUBLISHED },
	};
	for (size_t i = 0; i < sizeof when / sizeof *when; i++) {
		time_t at = t + when[i].at;
		struct slice jwks = keystore_jwks(a, &s, at, KEEP);
		assert_int_equal(keystore_state(&s, was, at, KEEP), when[i].old);
		assert_int_equal(keystore_state(&s, next, at, KEEP), when[i].next);
		assert_ptr_equal(keystore_current(&s, "sign", "ES256", at), when[i].old == RING_SIGNING ? was : next);
		assert_non_null(strstr(jwks.p, kid));		/* known before it signs */
		assert_int_equal(strstr(jwks.p, old) != NULL, when[i].old != RING_GONE);
	}
	const struct ring_key *other = keystore_current(&s, "sign", "RS256", t + 1000000);
	assert_int_equal(keystore_state(&s, other, t + 1000000, KEEP), RING_SIGNING);	/* nobody follows that one */
}

/* What was sealed yesterday opens today, and a sealing key stays until it is retired. */
static void secrets_stay(void **state)
{
	(void)state;
	struct keystore s;
	time_t t = now() + 1000;
	grown("seal", "A256GCM", "oct", t);
	assert_int_equal(try_open(&s), OK);
	assert_int_equal(keystore_state(&s, keystore_current(&s, "seal", NULL, t - 1), t + 100000000, 1), RING_LEAVING);
	grown("day", "HKDF-SHA256", "oct", t);
	assert_int_equal(try_open(&s), OK);
	const struct ring_key *day = keystore_current(&s, "day", NULL, t - 1);
	assert_int_equal(keystore_state(&s, day, t + 2 * 86400, 1), RING_LEAVING);
	assert_int_equal(keystore_state(&s, day, t + 4 * 86400, 1), RING_GONE);
}

/* A keyring of format 1 goes on, with the same keys, and gets a key of its node. */
static void takes_the_older_format(void **state)
{
	(void)state;
	struct keystore s, again;
	json_t *root, *key;
	size_t i;
	assert_int_equal(json_parse(a, good, &root, NULL), OK);
	json_object_set_new(root, "format", json_integer(1));
	json_array_remove(json_object_get(root, "keys"), 7);
	json_array_foreach(json_object_get(root, "keys"), i, key) {
		json_object_del(key, "from");
		json_object_set_new(key, "state", json_string("signing"));
	}
	write_file(json_text(a, root));
	assert_int_equal(try_open(&s), OK);
	assert_int_equal(s.n, 8);
	assert_string_equal(s.keys[2].kid, member(2, "kid"));
	assert_int_equal(try_open(&again), OK);
	assert_string_equal(s.keys[7].kid, again.keys[7].kid);
}

static int ask(const struct keystore *s, enum wire_verb verb, struct wire in, struct wire *out)
{
	in.code = verb;
	struct call c = { .a = a, .store = s, .asker = ASKER_FRONT, .in = &in };
	int e = verb_run(&c);
	*out = c.out;
	return e;
}

/* A secret sealed before a rotation opens after it, and new ones are sealed with the new key. */
static void sealed_secrets_name_their_key(void **state)
{
	(void)state;
	struct keystore before, after;
	struct wire sealed, again, r;
	unsigned char when[8], zero[8], one[8];
	struct wire plain = { .n = 2, .field = { S("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), S("ad") } };
	assert_int_equal(try_open(&before), OK);
	assert_int_equal(ask(&before, WIRE_SEAL, plain, &sealed), OK);
	grown("seal", "A256GCM", "oct", now());
	assert_int_equal(try_open(&after), OK);
	assert_int_equal(ask(&after, WIRE_SEAL, plain, &again), OK);
	assert_memory_not_equal(sealed.field[0].p, again.field[0].p, 6 + 12);	/* mark, version and key id */
	char code[7];
	assert_int_equal(oath_totp_generate("12345678901234567890", 20, now(), 30, 0, 6, code), OATH_OK);
	struct wire otp = { .n = 7, .field = { sealed.field[0], S("ad"), slice_of(code), wire_put_number(when, (uint64_t)now()),
		wire_put_number(one, 1), wire_put_number(one, 1), wire_put_number(zero, 0) } };
	assert_int_equal(ask(&after, WIRE_OTP, otp, &r), OK);
	otp.field[0] = again.field[0];
	assert_int_equal(ask(&after, WIRE_OTP, otp, &r), OK);
	assert_int_equal(ask(&before, WIRE_OTP, otp, &r), E_INPUT);
}

/* RFC 8037 A.2 to A.4: key, thumbprint and signature. */
static void matches_rfc8037(void **state)
{
	(void)state;
	struct slice d, want, sig;
	const char *why = NULL;
	assert_int_equal(b64url_decode(a, S("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), &d), OK);
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)d.p, d.n);
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(pem, k, NULL, NULL, 0, NULL, NULL), 1);
	long n = BIO_get_mem_data(pem, &text);
	json_t *rec = json_own(a, json_pack("{s:s, s:s, s:s, s:s, s:i, s:s%}", "kid", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	    "use", "sign", "alg", "EdDSA", "typ", "x", "created", 1, "private", text, (size_t)n));
	BIO_free(pem);
	EVP_PKEY_free(k);
	struct ring_key key;
	assert_int_equal(ring_key_read(a, rec, &key, &why), OK);
	assert_int_equal(ring_key_sign(a, &key, S("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), &sig), OK);
	assert_int_equal(b64url_decode(a, S("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"), &want), OK);
	assert_true(slice_eq(sig, want));
	json_object_set_new(rec, "alg", json_string("ES256"));
	assert_int_equal(ring_key_read(a, rec, &key, &why), E_INPUT);
}

int main(void)
{
	log_open("test", getenv("SHOW") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR - 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_start_makes_keys, restore), cmocka_unit_test_setup(refuses_wrong_rights, restore),
		cmocka_unit_test_setup(refuses_what_is_no_file, restore), cmocka_unit_test_setup(refuses_damage, restore),
		cmocka_unit_test_setup(refuses_wrong_members, restore), cmocka_unit_test_setup(one_keyring_per_directory, restore),
		cmocka_unit_test_setup(interrupted_first_start, restore), cmocka_unit_test_setup(the_clock_says_who_signs, restore),
		cmocka_unit_test_setup(secrets_stay, restore), cmocka_unit_test_setup(takes_the_older_format, restore),
		cmocka_unit_test_setup(sealed_secrets_name_their_key, restore), cmocka_unit_test(matches_rfc8037),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
