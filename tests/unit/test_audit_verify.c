/* LINK: -Wl,--wrap=fstatat */
/* Every way to tamper with an audit trail is found, and where. The trail is a real one: several segments, some compressed, signed heads in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"
#include "svc/audit_parts.h"
#include "audit_fakes.h"

static char good[64], dir[64];
static unsigned broken;
static char findings[8192];

static void finding(void *arg, const struct audit_finding *f)
{
	(void)arg;
	broken += f->broken;
	size_t n = strlen(findings);
	snprintf(findings + n, sizeof findings - n, "%s %s:%d:%d %s\n", f->broken ? "BROKEN" : "note", f->file, (int)f->line, (int)f->seq, f->what);
}

static struct audit_verify check_as(struct arena *a, const char *node, struct audit_seen *seen, size_t n)
{
	struct audit_verify v = { .dir = dir, .node = node, .keys = &fake_public, .nkeys = 1, .say = finding, .seen = seen, .nseen = n };
	const char *why;
	broken = 0;
	findings[0] = '\0';
	assert_int_equal(audit_verify(a, &v, &why), OK);
	return v;
}

static struct audit_verify check(struct arena *a)
{
	return check_as(a, "idp1", NULL, 0);
}

static void sh(const char *command)
{
	AUTO_ARENA a = arena_new();
	char *line = arena_printf(a, "cd %s && { %s; }", dir, command);
	assert_int_equal(system(line), 0);
}

static void head(void)
{
	AUTO_ARENA a = arena_new();
	struct audit_where at;
	struct slice sig;
	const char *kid;
	struct buf b = buf_new(a);
	audit_where(&at);
	struct audit_head h = { .node = at.node, .boot = at.boot, .seq = at.seq, .chain = at.chain.hex };
	assert_int_equal(keyring_audit_head(a, &h, &sig, &kid), OK);
	buf_b64(&b, sig);
	assert_int_equal(audit_put(audit_body_of(a, EV_TRAIL_HEAD,
	    arena_printf(a, ",\"of\":%d,\"head\":\"%s\",\"at\":\"%s\",\"signatures\":%d,\"kid\":\"%s\",\"sig\":\"%s\"", (int)h.seq, h.chain,
		time_iso(a, h.time), (int)h.signatures, kid, buf_cstr(&b)))), OK);
}

static void lines(int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(AUDIT(.event = EV_LOGIN_OK, .subject = "s-1", .service = "tax-on-web", .level = 400), OK);
}

/* Four segments: 1 start + 8 lines + head = lines 1-10; 2: 11-20; 3: 21-30; 4: 31-40. The first two compressed. */
static void make(const char *where, const char *node)
{
	assert_int_equal(audit_open(&(struct audit_conf){ .dir = where, .node = node }), OK);
	for (int s = 0; s < 4; s++) {
		if (s > 0)
			audit_turn();
		lines(8);
		head();
	}
	audit_close();
	assert_int_equal(audit_pack(where, 1), OK);
	assert_int_equal(audit_pack(where, 2), OK);
}

static int once(void **s)
{
	(void)s;
	fake_key_make();
	strcpy(good, "/tmp/test_trail.XXXXXX");
	if (mkdtemp(good) == NULL)
		return 1;
	make(good, "idp1");
	return 0;
}

static int clean(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	return system(arena_printf(a, "rm -rf %s", good));
}

static int setup(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	strcpy(dir, "/tmp/test_trail.XXXXXX");
	return mkdtemp(dir) == NULL || system(arena_printf(a, "cp -r %s/. %s", good, dir)) != 0;
}

static int teardown(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	return system(arena_printf(a, "rm -rf %s", dir));
}

static void untouched(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct audit_verify v = check(a);
	assert_string_equal(findings, "");
	assert_int_equal(v.lines, 40);
	assert_int_equal(v.segments, 4);
	assert_int_equal(v.heads, 4);
	assert_int_equal(v.proven, 39);
	assert_int_equal(v.unproven, 0);
}

/* Any one byte, in any place: each of them is told. */
static void one_byte(void **s)
{
	(void)s;
	AUTO_ARENA tmp = arena_new();
	const char *path = arena_printf(tmp, "%s/00000003.log", dir);
	FILE *f = fopen(path, "r+");
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	for (long at = 0; at < size; at += 23) {
		AUTO_ARENA a = arena_new();
		fseek(f, at, SEEK_SET);
		int c = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(c ^ 1, f);
		fflush(f);
		check(a);
		if (broken == 0)
			print_error("the byte at %ld\n", at);
		assert_true(broken > 0);
		fseek(f, at, SEEK_SET);
		fputc(c, f);
		fflush(f);
	}
	fclose(f);
	check(tmp);
	assert_int_equal(broken, 0);
}

#define FOUND(text) do { if (strstr(findings, text) == NULL) print_error("not found: %s\nbut:\n%s", text, findings); assert_non_null(strstr(findings, text)); } while (0)

static void changed_line(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i '4s/tax-on-web/tax-on-wab/' 00000003.log");
	check(a);
	FOUND("BROKEN 00000003.log:5:25 does not rest on the line before it: line 24");
	/* and the last line that a head covers */
	sh("sed -i '4s/tax-on-wab/tax-on-web/; 9s/tax-on-web/tax-on-wab/' 00000003.log");
	check(a);
	FOUND("00000003.log:10:30 does not rest on the line before it: line 29");
	FOUND("00000003.log:10:30 the head that was signed here is of another trail");
}

static void dropped_line(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i 4d 00000003.log");
	check(a);
	FOUND("BROKEN 00000003.log:4:25 lines 24 to 24 are missing before it");
	FOUND("was cut off");
}

static void swapped_lines(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i '4{h;d};5{G}' 00000003.log");
	check(a);
	FOUND("BROKEN 00000003.log:4:25 lines 24 to 24 are missing before it");
	FOUND("BROKEN 00000003.log:5:24 was put in, moved or written twice");
}

static void inserted_line(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i '4{p;s/400/500/}' 00000003.log");
	check(a);
	FOUND("BROKEN 00000003.log:5:24 was put in, moved or written twice: line 25 should stand here");
	sh("cp 00000004.log x && sed -i '3i hello' 00000004.log");
	check(a);
	FOUND("BROKEN 00000004.log:3:0 is no line of a trail");
}

static void dropped_segment(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("rm 00000002.log.gz");
	check(a);
	FOUND("BROKEN 00000002.log:0:0 segments 2 to 2 are missing");
	FOUND("00000003.log:1:21 lines 11 to 20 are missing before it");
	sh("rm 00000001.log.gz");
	check(a);
	FOUND("segments 1 to 2 are missing");
	FOUND("00000003.log:1:21 the trail does not begin here");
}

static void swapped_segments(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("mv 00000003.log x; mv 00000004.log 00000003.log; mv x 00000004.log");
	check(a);
	FOUND("BROKEN 00000003.log:1:31 lines 21 to 30 are missing");
	FOUND("BROKEN 00000004.log:1:21 was put in, moved");
}

static void truncated(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i '6,$d' 00000003.log");			/* in the middle of the trail */
	check(a);
	FOUND("BROKEN 00000003.log:5:0 was cut off");
	FOUND("lines 26 to 30 are missing");
	setup(s);
	sh("truncate -s 700 00000001.log.gz");
	check(a);
	FOUND("BROKEN 00000001.log.gz");
	FOUND("cannot be read to its end");
	teardown(s);
}

/* At its end: without a witness nobody can tell; with one it is plain. */
static void cut_off(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct audit_seen seen[2] = { { .seq = 39, .time = "T4" }, { .seq = 29, .time = "T3" } };
	struct slice all = fake_read(a, dir), l;
	struct chain c = chain_start;
	for (int i = 0; slice_cut(&all, '\n', &l) && l.n > 0;) {
		c = chain_next(&c, slice_mem(l.p, l.n + 1));
		i++;
		if (i == 29 || i == 39)
			seen[i == 29].chain = c;
	}
	check_as(a, "idp1", seen, 2);
	assert_string_equal(findings, "");
	sh("rm 00000004.log");
	struct audit_verify v = check(a);
	assert_int_equal(broken, 0);
	assert_int_equal(v.proven, 29);
	check_as(a, "idp1", seen, 2);
	FOUND("BROKEN 00000003.log:10:0 the trail ends with line 30; a witness saw line 39 at T4: it was cut off");
	seen[0].chain.hex[5] ^= 1;
	check_as(a, "idp1", seen, 2);		/* sorted by now */
	assert_int_equal(broken, 2);
	FOUND("a witness was told another head of this line at T3");
}

/* Lines after the last head are only as good as the disk. */
static void unsigned_end(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i '$d' 00000004.log");
	struct audit_verify v = check(a);
	assert_int_equal(broken, 0);
	assert_int_equal(v.proven, 29);
	assert_int_equal(v.unproven, 9);
	assert_int_equal(strlen(v.unproven_since), 24);
	sh("printf '{\"seq\":40,\"ti' >> 00000004.log");
	check(a);
	assert_int_equal(broken, 0);
	FOUND("note 00000004.log:10:0 13 bytes of a line that was torn");
}

/* Somebody changes a line that was signed, and lets idpd start on it: it goes on, but what it set aside tells. */
static void changed_before_a_start(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sh("sed -i '4s/tax-on-web/tax-on-wab/' 00000004.log");
	assert_int_equal(audit_open(&(struct audit_conf){ .dir = dir, .node = "idp1" }), OK);
	lines(2);
	head();
	audit_close();
	check(a);
	FOUND("BROKEN 00000004.log");
	FOUND("was set aside: no crash does that");
}

/* Cut off within what was signed, and then a start: nothing but the witness tells. */
static void cut_before_a_start(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct audit_seen seen[1] = { { .seq = 39, .time = "T4" } };
	memset(seen[0].chain.hex, 'a', CHAIN_HEX);
	sh("sed -i '5,$d' 00000004.log");
	assert_int_equal(audit_open(&(struct audit_conf){ .dir = dir, .node = "idp1" }), OK);
	lines(10);
	head();
	audit_close();
	check(a);
	assert_int_equal(broken, 0);
	check_as(a, "idp1", seen, 1);
	FOUND("a witness was told another head of this line at T4: the trail was replaced");
}

static void of_another_node(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	teardown(s);
	strcpy(dir, "/tmp/test_trail.XXXXXX");
	assert_non_null(mkdtemp(dir));
	make(dir, "idp2");
	check_as(a, "idp2", NULL, 0);
	assert_string_equal(findings, "");
	check(a);
	FOUND("BROKEN 00000001.log.gz:1:1 is of the node idp2: this is the trail of idp1");
}

/* What idpd compresses while somebody lists and reads it is neither missing nor out of reach. */
static int pack_next;		/* this segment, before anybody looks at a file again */

int __real_fstatat(int at, const char *name, struct stat *st, int flags);
int __wrap_fstatat(int at, const char *name, struct stat *st, int flags);
int __wrap_fstatat(int at, const char *name, struct stat *st, int flags)
{
	int number = pack_next;
	pack_next = 0;
	if (number != 0)
		assert_int_equal(audit_pack(dir, (unsigned)number), OK);
	return __real_fstatat(at, name, st, flags);
}

static void compressed_meanwhile(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct audit_file *files;
	struct slice line;
	const char *why;
	size_t n;
	pack_next = 3;
	assert_int_equal(audit_files(a, dir, &files, &n, &why), OK);
	assert_int_equal(n, 4);
	assert_string_equal(files[2].path, arena_printf(a, "%s/00000003.log.gz", dir));
	assert_true(files[2].packed);
	assert_false(files[3].packed);
	assert_int_equal(audit_pack(dir, 4), OK);
	AUTO(audit_reader_close_p) struct audit_reader *r = audit_reader_open(files[3].path, &why);
	assert_non_null(r);
	assert_int_equal(audit_reader_line(r, &line), OK);
	assert_int_equal(line.p[0], '{');
	check(a);
	assert_string_equal(findings, "");
	assert_null(audit_reader_open(arena_printf(a, "%s/00000005.log", dir), &why));
}

/* Who can compute every hash anew still cannot sign. */
static void chained_anew(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	static const char *const names[] = { "00000001.log", "00000002.log", "00000003.log", "00000004.log" };
	struct chain c = chain_start;
	sh("gunzip 0000000[12].log.gz");
	for (int i = 0; i < 4; i++) {
		const char *path = arena_printf(a, "%s/%s", dir, names[i]), *why;
		struct buf out = buf_new(a);
		struct slice l;
		AUTO(audit_reader_close_p) struct audit_reader *r = audit_reader_open(path, &why);
		while (audit_reader_line(r, &l) == OK) {
			char *text = arena_str(a, l), *level = strstr(text, "\"level\":400"), *mark = strstr(text, ",\"chain\":\"");
			if (level != NULL)
				level[8] = '5';
			memcpy(mark + 10, c.hex, CHAIN_HEX);
			c = chain_next(&c, slice_of(text));
			buf_raw(&out, slice_of(text));
		}
		FILE *f = fopen(path, "w");
		fwrite(out.p, 1, out.n, f);
		fclose(f);
	}
	struct audit_verify v = check(a);
	assert_int_equal(broken, 4);
	FOUND("the head that was signed here is of another trail");
	assert_int_equal(v.proven, 0);
	/* and without the heads nothing is proven at all */
	struct audit_public other = { "kid-1", "-----BEGIN PUBLIC KEY-----\n" };
	struct audit_verify w = { .dir = good, .node = "idp1", .keys = &other, .nkeys = 1, .say = finding };
	const char *why;
	assert_int_equal(audit_verify(a, &w, &why), OK);
	assert_int_equal(w.broken, 4);
	FOUND("the signature of this head is wrong");
	other.kid = "kid-2";
	w = (struct audit_verify){ .dir = good, .node = "idp1", .keys = &other, .nkeys = 1, .say = finding };
	assert_int_equal(audit_verify(a, &w, &why), OK);
	FOUND("signed with a key that is not known: kid-1");
	assert_int_equal(w.proven, 0);
	assert_int_equal(w.unproven, 36);
}

/* The trail goes on; it tells of another key, and that one signs: before or after a head of the first covers the line. */
static void sign_with_another(struct arena *a, bool covered)
{
	EVP_PKEY *first = fake_key, *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	char pem[512] = "";
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_PUBKEY(b, other);
	BIO_read(b, pem, sizeof pem - 1);
	BIO_free(b);
	struct slice rest = slice_of(pem);
	struct audit_public named;
	struct buf line = buf_new(a);
	assert_int_equal(audit_public_read(a, &rest, &named), OK);
	assert_int_equal(rest.n, 0);
	assert_int_equal(audit_open(&(struct audit_conf){ .dir = dir, .node = "idp1" }), OK);
	buf_printf(&line, ",\"kid\":\"%s\",\"pem\":\"", named.kid);
	buf_json(&line, slice_of(named.pem));
	buf_char(&line, '"');
	assert_int_equal(audit_put(audit_body_of(a, EV_TRAIL_KEY, buf_cstr(&line))), OK);
	if (covered)
		head();
	fake_key = other;
	fake_kid = named.kid;
	lines(3);
	head();
	audit_close();
	fake_key = first;
	fake_kid = "kid-1";
	EVP_PKEY_free(other);
}

static void a_key_vouches_for_the_next(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sign_with_another(a, true);
	struct audit_verify v = check(a);
	assert_int_equal(broken, 0);
	FOUND("for which the one before vouches");
	assert_int_equal(v.heads, 6);
	assert_int_equal(v.unproven, 0);
}

static void a_key_does_not_vouch_for_itself(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	sign_with_another(a, false);
	struct audit_verify v = check(a);
	assert_int_equal(broken, 1);
	FOUND("signed with a key that is not known");
	assert_int_equal(v.proven, 39);
	assert_true(v.unproven > 0);
}

static void nothing_there(void **s)
{
	(void)s;
	AUTO_ARENA a = arena_new();
	struct audit_verify v = { .dir = "/nonexistent", .say = finding };
	const char *why = NULL;
	assert_int_equal(audit_verify(a, &v, &why), E_DOWN);
	v.dir = "tests/unit";		/* a folder without a trail */
	assert_int_equal(audit_verify(a, &v, &why), E_DOWN);
	assert_non_null(why);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	log_open("test_audit_verify", 2);
	const struct CMUnitTest tests[] = {
		T(untouched), T(one_byte), T(changed_line), T(dropped_line), T(swapped_lines), T(inserted_line), T(dropped_segment), T(swapped_segments),
		T(truncated), T(cut_off), T(unsigned_end), T(changed_before_a_start), T(cut_before_a_start), T(of_another_node), T(compressed_meanwhile), T(chained_anew),
		T(a_key_vouches_for_the_next), T(a_key_does_not_vouch_for_itself), T(nothing_there),
	};
	return cmocka_run_group_tests(tests, once, clean);
}
