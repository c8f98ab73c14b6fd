/* csamctl audit verify, key: is the trail whole, and what is it checked with? */
#include <inttypes.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/conf.h"
#include "csamctl/audit.h"

enum { TOLD_MAX = 100, FRESH_S = 60, BAR = 40 };

struct told {
	struct ctl *c;
	uint64_t n;
	bool bar;
};

static void finding(void *arg, const struct audit_finding *f)
{
	struct told *t = arg;
	if (++t->n > TOLD_MAX) {
		if (t->n == TOLD_MAX + 1)
			printf("… and more\n");
		return;
	}
	if (t->bar)
		fprintf(stderr, "\r%*s\r", BAR + 8, "");
	printf("%s %s", f->broken ? "BROKEN" : "note  ", f->file);
	if (f->line != 0)
		printf(":%" PRIu64, f->line);
	if (f->seq != 0)
		printf(" (line %" PRIu64 " of the trail)", f->seq);
	printf(": %s\n", harmless(t->c->a, f->what));
}

static void bar(void *arg, uint64_t done, uint64_t total)
{
	const struct told *t = arg;
	int n = total > 0 ? (int)(done * BAR / total) : BAR;
	if (!t->bar)
		return;
	fprintf(stderr, done < total ? "\r[%.*s%*s] %3d %%" : "\r%*.0s%*s\r", n, "########################################", BAR - n, "", n * 100 / BAR);
}

/* Lines of the last seconds are never signed yet. */
static bool is_fresh(const char *since)
{
	struct tm tm = { 0 };
	if (strptime(since, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return false;
	time_t at = timegm(&tm), present = now();
	return at <= present + FRESH_S && present - at <= FRESH_S;
}

static int conclude(const struct audit_verify *v)
{
	printf("%" PRIu64 " lines in %" PRIu64 " segments of %s, %" PRIu64 " signed heads\n", v->lines, v->segments, v->last_node, v->heads);
	if (v->proven == 0)
		printf("nothing is proven: there is no signed head\n");
	else
		printf("%s up to line %" PRIu64 ", signed at %s\n", v->broken ? "signed" : "proven", v->proven, v->proven_at);
	bool late = v->unproven > 0 && !is_fresh(v->unproven_since);
	if (v->unproven > 0)
		printf("unproven since %s: %" PRIu64 " lines%s\n", v->unproven_since, v->unproven,
		    late ? ", and older than a minute: no head was signed since" : ", as always in the last seconds");
	if (v->broken > 0)
		printf("BROKEN in %" PRIu64 " places\n", v->broken);
	return v->broken == 0 && v->proven > 0 && !late ? DONE : REFUSED;
}

static int verify_run(struct ctl *c)
{
	struct told told = { .c = c, .bar = isatty(STDERR_FILENO) };
	struct audit_verify v = { .say = finding, .progress = bar, .arg = &told, .node = opt(c, "node") };
	struct audit_public *keys;
	const char *why = NULL;
	int rc = audit_dir(c, 0, &v.dir);
	if (rc == DONE)
		rc = audit_keys(c, &keys, &v.nkeys);
	if (rc != DONE)
		return rc;
	v.keys = keys;
	char host[AUDIT_NODE_MAX + 1] = "";
	if (v.node == NULL && c->set.conf != NULL)
		v.node = *c->set.conf->audit_node != '\0' ? c->set.conf->audit_node : gethostname(host, sizeof host - 1) == 0 ? host : NULL;
	if (v.node == NULL)
		return usage(c, "--node is missing: whose trail must it be?");
	rc = audit_seen(c, v.node, &v.seen, &v.nseen);
	if (rc != DONE)
		return rc;
	if (audit_verify(c->a, &v, &why) != OK) {
		say("%s: %s", v.dir, why);
		return TROUBLE;
	}
	return conclude(&v);
}

static int key_run(struct ctl *c)
{
	struct audit_public *keys;
	size_t n;
	int rc = audit_keys(c, &keys, &n);
	for (size_t i = 0; rc == DONE && i < n; i++)
		printf("# %s\n%s", keys[i].kid, keys[i].pem);
	return rc;
}

static const struct opt verify_opts[] = {
	{ "key", "FILE", "public keys that heads must be signed with (default: those of the keyring); the trail tells of those that followed", OPT_MANY, 0 },
	{ "node", "NAME", "whose trail it must be (default: audit.node, or this host)", 0, 0 },
	{ "witness", "FILE", "log of a witness: each head in it must be in the trail", 0, 0 },
	{ 0 },
};

static const struct opt key_opts[] = {
	{ "key", "FILE", "show this one instead of those of the keyring", OPT_MANY, 0 },
	{ 0 },
};

const struct command cmd_audit_verify = {
	.path = "audit verify", .operands = "[DIR]", .nmore = 1, .run = verify_run, .opts = verify_opts,
	.what = "is the audit trail whole, and up to when is that proven?",
	.more = "Exit codes: 0 proven, 1 broken or unproven for more than a minute, 2 it could not be checked. A trail cut off at its end is seen with --witness only.",
	.examples = "  csamctl audit verify\n"
	    "  csamctl audit verify --key audit.pem --node idp1 --witness /var/log/auth.log /mnt/backup/audit\n",
};

const struct command cmd_audit_key = {
	.path = "audit key", .operands = "", .run = key_run, .opts = key_opts,
	.what = "the public keys of signed heads, with their SHA-256; keep them apart from the trail",
	.examples = "  csamctl audit key > audit.pem\n",
};
