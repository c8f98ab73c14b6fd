/* An audit trail that somebody hands over: csamctl audit verify reads it to its end, and proves nothing that no key of ours has signed.
 *
 * The input is two segments, with a line "--" between them. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fuzz.h"
#include "svc/audit_archive.h"
#include "svc/audit_verify.h"

static char dir[64];
static uint64_t said;

static void say(void *arg, const struct audit_finding *f)
{
	(void)arg;
	promise(f->what != NULL && *f->what != '\0');
	said += f->broken;
}

static void segment(struct arena *a, const char *name, struct slice text)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");
	promise(f != NULL && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0);
}

static void fuzz(struct slice in)
{
	static const char key[] = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
	    "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n";
	static const struct audit_public keys = { "k1", key };
	AUTO_ARENA a = arena_new();
	const char *why = NULL;
	if (dir[0] == '\0')
		snprintf(dir, sizeof dir, "/tmp/fuzz-audit.%d", (int)getpid());
	mkdir(dir, 0700);
	char *cut = memmem(in.p, in.n, "\n--\n", 4);
	size_t first = cut != NULL ? (size_t)(cut - in.p) + 1 : in.n;
	segment(a, "00000001.log", slice_mem(in.p, first));
	segment(a, "00000002.log", cut != NULL ? slice_mem(cut + 4, in.n - first - 3) : S(""));
	struct audit_verify v = { .dir = dir, .keys = &keys, .nkeys = 1, .say = say };
	said = 0;
	if (audit_verify(a, &v, &why) == OK)
		promise(v.proven == 0 && v.broken == said);
	else
		promise(why != NULL);
	unlink(arena_printf(a, "%s/00000001.log", dir));
	unlink(arena_printf(a, "%s/00000002.log", dir));
	rmdir(dir);
}
