/* csamctl audit search: lines of the audit trail, with what is personal in them when there is a reason. */
#include "csamctl/audit.h"

/* The personal fields beside the others; the rest of the line as it stands. */
static int show(void *unused, struct arena *a, const struct audit_found *l)
{
	struct buf b = buf_new(a);
	json_t *v, *personal, *value;
	const char *name;
	(void)unused;
	if (!l->wanted)
		return DONE;
	if (l->personal.n == 0 || json_parse(a, l->line, &v, NULL) != OK || json_parse(a, l->personal, &personal, NULL) != OK) {
		buf_raw(&b, l->line);
		return print(&b);
	}
	json_object_foreach(personal, name, value)
		if (strcmp(name, "salt") != 0)
			json_object_set(v, name, value);
	json_object_del(v, "sealed");
	buf_raw(&b, json_text(a, v));
	buf_char(&b, '\n');
	return print(&b);
}

static const struct opt search_opts[] = { AUDIT_FILTER_OPTS, { 0 } };

static int search_run(struct ctl *c)
{
	struct audit_filter f;
	const char *dir;
	int rc = audit_dir(c, 0, &dir);
	if (rc == DONE)
		rc = audit_filter(c, &f);
	return rc == DONE ? audit_each(c, dir, &f, show, NULL) : rc;
}

const struct command cmd_audit_search = {
	.path = "audit search", .operands = "[DIR]", .nmore = 1, .run = search_run, .opts = search_opts,
	.what = "lines of the audit trail, by person, service, event and time",
	.more = "With --reason the keyring opens personal fields; who asked and why stands in the trail before anything is shown.",
	.examples = "  csamctl audit search --event login. --since 2026-11-22 --service tax-on-web\n"
	    "  csamctl audit search --person alice --since 2026-11 --reason 'complaint 2026/117'\n",
};
