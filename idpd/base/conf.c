/* The configuration file, read with libconfuse by the table of conf.def. */
#include <confuse.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/conf.h"

enum type { T_STR, T_PATH, T_INT, T_BOOL, T_LIST };
typedef const char *check_fn(const char *value);	/* NULL: fine; else what was expected */

static check_fn check_issuer, check_listen, check_address, check_words, check_text, check_log_level, check_ldap_uri, check_filter;

static const struct option {
	const char *section, *name, *path, *def, *help;
	enum type type;
	check_fn *check;
	long min, max;
	size_t offset;
} options[] = {
#define ROW(s, n, t, d, h, ...) { .section = #s, .name = #n, .path = #s "|" #n, .def = d, .help = h, .type = t, .offset = offsetof(struct conf, s##_##n), __VA_ARGS__ },
#define STR(s, n, d, c, h)	ROW(s, n, T_STR, d, h, .check = c)
#define PATH(s, n, d, h)	ROW(s, n, T_PATH, d, h, .check = check_text)
#define INT(s, n, d, lo, hi, h)	ROW(s, n, T_INT, d, h, .min = lo, .max = hi)
#define BOOL(s, n, d, h)	ROW(s, n, T_BOOL, d, h, .min = 0)
#define LIST(s, n, d, c, h)	ROW(s, n, T_LIST, d, h, .check = c)
#include "base/conf.def"
};
enum { NOPTIONS = sizeof options / sizeof *options };

static const char *check_text(const char *v)
{
	return slice_is_text(slice_of(v), "") ? NULL : "a text without control characters";
}

static const char *check_words(const char *v)
{
	return *v != '\0' && strspn(v, "abcdefghijklmnopqrstuvwxyz- ") == strlen(v) ? NULL : "languages in lower case, separated by spaces: \"fr en\"";
}

/* An origin: no path, no query, no user (OpenID Connect Discovery 1.0 section 3 allows a path; ours has none). */
static const char *check_issuer(const char *v)
{
	static const char want[] = "https://host or https://host:port, without a path or a final slash";
	const char *host = strncmp(v, "https://", 8) == 0 ? v + 8 : "";
	return *host != '\0' && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == strlen(host) ? NULL : want;
}

static const char *check_listen(const char *v)
{
	static const char want[] = "\"ADDRESS:PORT\", \"ADDRESS:PORT tls\" or \"unix:/PATH\"";
	if (strncmp(v, "unix:/", 6) == 0)
		return NULL;
	const char *colon = strrchr(v, ':');
	char *end;
	if (colon == NULL || colon == v)
		return want;
	long port = strtol(colon + 1, &end, 10);
	return port > 0 && port < 65536 && (*end == '\0' || strcmp(end, " tls") == 0) ? NULL : want;
}

static const char *check_address(const char *v)
{
	return *v != '\0' && strspn(v, "0123456789abcdefABCDEF.:/") == strlen(v) ? NULL : "an IPv4 or IPv6 address, or ADDRESS/BITS";
}

static const char *check_log_level(const char *v)
{
	return strcmp(v, "err") == 0 || strcmp(v, "warn") == 0 || strcmp(v, "info") == 0 || strcmp(v, "debug") == 0 ?
	    NULL : "err, warn, info or debug";
}

static const char *check_ldap_uri(const char *v)
{
	return strncmp(v, "ldap://", 7) == 0 || strncmp(v, "ldaps://", 8) == 0 || strncmp(v, "ldapi://", 8) == 0 ?
	    NULL : "ldap://host[:port], ldaps://host[:port] or ldapi://path with %2F for /";
}

static const char *check_filter(const char *v)
{
	size_t n = strlen(v);
	return n > 2 && v[0] == '(' && v[n - 1] == ')' ? NULL : "an LDAP filter in parentheses";
}

/* libconfuse tells errors through a function without context: one thread reads one file at a time, at start. */
static char complaint[512];
static const char *reading;	/* the file: sections do not know it */

static void complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[400];
	if (complaint[0] != '\0')
		return;		/* the first is the cause */
	vsnprintf(text, sizeof text, fmt, ap);
	snprintf(complaint, sizeof complaint, "%s:%d: %s", reading, cfg != NULL ? cfg->line : 0, text);
}

static const struct option *option_of(const char *section, const char *name)
{
	for (const struct option *o = options; o < options + NOPTIONS; o++)
		if (strcmp(o->section, section) == 0 && strcmp(o->name, name) == 0)
			return o;
	abort();
}

static int validate(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct option *o = option_of(cfg_name(cfg), cfg_opt_name(opt));
	unsigned last = cfg_opt_size(opt) - 1;
	if (o->type == T_INT) {
		long v = cfg_opt_getnint(opt, last);
		if (v >= o->min && v <= o->max)
			return 0;
		cfg_error(cfg, "%s.%s = %ld: expected a number from %ld to %ld", o->section, o->name, v, o->min, o->max);
		return -1;
	}
	if (o->check == NULL)
		return 0;
	const char *v = cfg_opt_getnstr(opt, last), *want = v ? o->check(v) : "a value";
	if (want == NULL)
		return 0;
	cfg_error(cfg, "%s.%s = \"%s\": expected %s", o->section, o->name, v ? v : "", want);
	return -1;
}

static cfg_opt_t describe(const struct option *o)
{
	switch (o->type) {
	case T_INT:
		return (cfg_opt_t)CFG_INT(o->name, strtol(o->def, NULL, 10), CFGF_NONE);
	case T_BOOL:
		return (cfg_opt_t)CFG_BOOL(o->name, strcmp(o->def, "true") == 0 ? cfg_true : cfg_false, CFGF_NONE);
	case T_LIST:
		return (cfg_opt_t)CFG_STR_LIST(o->name, (char *)o->def, CFGF_NONE);
	default:
		return (cfg_opt_t)CFG_STR(o->name, o->def, CFGF_NONE);
	}
}

/* The table as libconfuse wants it: one array of options for each section, and one of sections. */
static cfg_opt_t *grammar(struct arena *a)
{
	cfg_opt_t *sections = ARENA_ARRAY(a, cfg_opt_t, NOPTIONS + 1);
	size_t nsections = 0;
	for (size_t i = 0, n; i < NOPTIONS; i += n) {
		cfg_opt_t *opts = ARENA_ARRAY(a, cfg_opt_t, NOPTIONS + 1);
		for (n = 0; i + n < NOPTIONS && strcmp(options[i + n].section, options[i].section) == 0; n++)
			opts[n] = describe(&options[i + n]);
		opts[n] = (cfg_opt_t)CFG_END();
		sections[nsections++] = (cfg_opt_t)CFG_SEC(options[i].section, opts, CFGF_NONE);
	}
	sections[nsections] = (cfg_opt_t)CFG_END();
	return sections;
}

static const char *resolve(struct arena *a, const char *dir, const char *path)
{
	return path == NULL || *path == '\0' || *path == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", dir, path);
}

static const char *const *list_of(struct arena *a, cfg_t *sec, const char *name)
{
	unsigned n = cfg_size(sec, name);
	const char **list = ARENA_ARRAY(a, const char *, n + 1);
	for (unsigned i = 0; i < n; i++)
		list[i] = arena_strdup(a, cfg_getnstr(sec, name, i));
	return list;
}

/* Copies one option out of libconfuse; false when it must be given and was not. */
static bool take(struct arena *a, cfg_t *cfg, const struct option *o, const char *dir, struct conf *c)
{
	cfg_t *sec = cfg_getsec(cfg, o->section);
	void *at = (char *)c + o->offset;
	switch (o->type) {
	case T_INT:
		*(long *)at = cfg_getint(sec, o->name);
		return true;
	case T_BOOL:
		*(bool *)at = cfg_getbool(sec, o->name);
		return true;
	case T_LIST:
		*(const char *const **)at = list_of(a, sec, o->name);
		return true;
	case T_PATH:
		*(const char **)at = resolve(a, dir, cfg_getstr(sec, o->name));
		return true;
	default:
		*(const char **)at = arena_strdup(a, cfg_getstr(sec, o->name));
		return *(const char **)at != NULL;
	}
}

/* Places in the tree that are under base unless said otherwise. */
static void fill_in(struct arena *a, struct conf *c)
{
	if (*c->directory_people_base == '\0')
		c->directory_people_base = arena_printf(a, "ou=people,%s", c->directory_base);
	if (*c->directory_services_base == '\0')
		c->directory_services_base = arena_printf(a, "ou=services,%s", c->directory_base);
	if (*c->directory_decoy_dn == '\0')
		c->directory_decoy_dn = arena_printf(a, "cn=decoy,ou=system,%s", c->directory_base);
}

static void free_cfg(cfg_t **cfg)
{
	if (*cfg != NULL)
		cfg_free(*cfg);
}

int conf_read(struct arena *a, const char *file, const struct conf **out, const char **why)
{
	char full[PATH_MAX];
	if (realpath(file, full) == NULL) {
		*why = arena_printf(a, "%s: cannot be read: %s", file, strerror(errno));
		return E_INPUT;
	}
	complaint[0] = '\0';
	reading = full;
	AUTO(free_cfg) cfg_t *cfg = cfg_init(grammar(a), CFGF_NONE);
	if (cfg == NULL)
		abort();
	cfg_set_error_function(cfg, complain);
	for (const struct option *o = options; o < options + NOPTIONS; o++)
		cfg_set_validate_func(cfg, o->path, validate);
	if (cfg_parse(cfg, full) != CFG_SUCCESS) {
		*why = complaint[0] ? arena_strdup(a, complaint) : arena_printf(a, "%s: cannot be read: %s", full, strerror(errno));
		return E_INPUT;
	}
	struct conf *c = ARENA_NEW(a, struct conf);
	c->file = arena_strdup(a, full);
	const char *dir = dirname(full);
	for (const struct option *o = options; o < options + NOPTIONS; o++)
		if (!take(a, cfg, o, dir, c)) {
			*why = arena_printf(a, "%s: %s.%s is missing: %s", c->file, o->section, o->name, o->help);
			return E_INPUT;
		}
	fill_in(a, c);
	*out = c;
	return OK;
}

static void print_quoted(const char *s, FILE *to)
{
	fputc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', to);
		fputc(*s, to);
	}
	fputc('"', to);
}

static void print_value(const struct option *o, const void *at, FILE *to)
{
	switch (o->type) {
	case T_INT:
		fprintf(to, "%ld", *(const long *)at);
		return;
	case T_BOOL:
		fputs(*(const bool *)at ? "true" : "false", to);
		return;
	case T_LIST:
		fputc('{', to);
		for (const char *const *v = *(const char *const *const *)at; *v != NULL; v++) {
			print_quoted(*v, to);
			fputs(v[1] ? ", " : "", to);
		}
		fputc('}', to);
		return;
	default:
		print_quoted(*(const char *const *)at, to);
	}
}

void conf_print(const struct conf *c, FILE *to)
{
	const char *section = "";
	for (const struct option *o = options; o < options + NOPTIONS; o++) {
		if (strcmp(section, o->section) != 0)
			fprintf(to, "%s%s {\n", *section ? "}\n" : "", o->section);
		section = o->section;
		fprintf(to, "\t%s = ", o->name);
		print_value(o, (const char *)c + o->offset, to);
		fputc('\n', to);
	}
	fputs("}\n", to);
}

void conf_manual(FILE *to)
{
	const char *section = "";
	for (const struct option *o = options; o < options + NOPTIONS; o++) {
		if (strcmp(section, o->section) != 0)
			fprintf(to, "%s.Ss %s\n.Bl -tag -width Ds\n", *section ? ".El\n" : "", o->section);
		section = o->section;
		static const char *const kinds[] = { "text", "path", "number", "true or false", "list of texts" };
		fprintf(to, ".It Cm %s No = Ar %s\n%s\n", o->name, kinds[o->type], o->help);
		if (o->type == T_INT)
			fprintf(to, "From %ld to %ld.\n", o->min, o->max);
		if (o->def == NULL)
			fputs("Must be given.\n", to);
		else if (*o->def != '\0')
			fprintf(to, "Default: %s.\n", o->def);
	}
	fputs(".El\n", to);
}
