/* Configuration files, read with libconfuse by a program's table of options. */
#include <confuse.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/option.h"

#define FOR_EACH(o, table) for (const struct option_row *o = (table)->rows; o < (table)->rows + (table)->n; o++)

const char *check_text(const char *v)
{
	return slice_is_text(slice_of(v), "") ? NULL : "a text without control characters";
}

/* An origin: no path, no query, no user (OpenID Connect Discovery 1.0 section 3 allows a path; ours has none). */
const char *check_issuer(const char *v)
{
	static const char want[] = "https://host or https://host:port, without a path or a final slash";
	const char *host = strncmp(v, "https://", 8) == 0 ? v + 8 : "";
	return *host != '\0' && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == strlen(host) ? NULL : want;
}

const char *check_log_level(const char *v)
{
	return strcmp(v, "err") == 0 || strcmp(v, "warn") == 0 || strcmp(v, "info") == 0 || strcmp(v, "debug") == 0 ?
	    NULL : "err, warn, info or debug";
}

/* libconfuse tells errors through a function without context: one thread reads one file at a time. */
static struct {
	const struct options *table;
	const char *file;		/* sections do not know it */
	char complaint[512];
} reading;

static void complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[400];
	if (reading.complaint[0] != '\0')
		return;		/* the first is the cause */
	vsnprintf(text, sizeof text, fmt, ap);
	snprintf(reading.complaint, sizeof reading.complaint, "%s:%d: %s", reading.file, cfg != NULL ? cfg->line : 0, text);
}

static const struct option_row *option_of(const char *section, const char *name)
{
	FOR_EACH(o, reading.table)
		if (strcmp(o->section, section) == 0 && strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static int validate(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct option_row *o = option_of(cfg_name(cfg), cfg_opt_name(opt));
	if (o == NULL) {		/* libconfuse also takes "section|name = value", and says it is of no section */
		cfg_error(cfg, "%s: expected in its section: section { %s = ... }", cfg_opt_name(opt), cfg_opt_name(opt));
		return -1;
	}
	unsigned last = cfg_opt_size(opt) - 1;
	if (o->type == OPTION_INT) {
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

static cfg_opt_t describe(const struct option_row *o)
{
	switch (o->type) {
	case OPTION_INT:
		return (cfg_opt_t)CFG_INT(o->name, strtol(o->def, NULL, 10), CFGF_NONE);
	case OPTION_BOOL:
		return (cfg_opt_t)CFG_BOOL(o->name, strcmp(o->def, "true") == 0 ? cfg_true : cfg_false, CFGF_NONE);
	case OPTION_LIST:
		return (cfg_opt_t)CFG_STR_LIST(o->name, (char *)o->def, CFGF_NONE);
	default:
		return (cfg_opt_t)CFG_STR(o->name, o->def, CFGF_NONE);
	}
}

/* The table as libconfuse wants it: one array of options for each section, and one of sections. */
static cfg_opt_t *grammar(struct arena *a, const struct options *table)
{
	const struct option_row *rows = table->rows;
	cfg_opt_t *sections = ARENA_ARRAY(a, cfg_opt_t, table->n + 1);
	size_t nsections = 0;
	for (size_t i = 0, n; i < table->n; i += n) {
		cfg_opt_t *opts = ARENA_ARRAY(a, cfg_opt_t, table->n + 1);
		for (n = 0; i + n < table->n && strcmp(rows[i + n].section, rows[i].section) == 0; n++)
			opts[n] = describe(&rows[i + n]);
		opts[n] = (cfg_opt_t)CFG_END();
		sections[nsections++] = (cfg_opt_t)CFG_SEC(rows[i].section, opts, CFGF_NONE);
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
static bool take(struct arena *a, cfg_t *cfg, const struct option_row *o, const char *dir, void *values)
{
	cfg_t *sec = cfg_getsec(cfg, o->section);
	void *at = (char *)values + o->offset;
	switch (o->type) {
	case OPTION_INT:
		*(long *)at = cfg_getint(sec, o->name);
		return true;
	case OPTION_BOOL:
		*(bool *)at = cfg_getbool(sec, o->name);
		return true;
	case OPTION_LIST:
		*(const char *const **)at = list_of(a, sec, o->name);
		return true;
	case OPTION_PATH:
		*(const char **)at = resolve(a, dir, cfg_getstr(sec, o->name));
		return true;
	default:
		*(const char **)at = arena_strdup(a, cfg_getstr(sec, o->name));
		return *(const char **)at != NULL;
	}
}

static void free_cfg(cfg_t **cfg)
{
	if (*cfg != NULL)
		cfg_free(*cfg);
}

static int parse(struct arena *a, const struct options *table, const char *full, cfg_t *cfg, const char **why)
{
	if (cfg == NULL)
		abort();
	reading.table = table;
	reading.file = full;
	reading.complaint[0] = '\0';
	cfg_set_error_function(cfg, complain);
	FOR_EACH(o, table)
		cfg_set_validate_func(cfg, o->path, validate);
	if (cfg_parse(cfg, full) == CFG_SUCCESS)
		return OK;
	*why = reading.complaint[0] ? arena_strdup(a, reading.complaint) : arena_printf(a, "%s: cannot be read: %s", full, strerror(errno));
	return E_INPUT;
}

int options_read(struct arena *a, const struct options *table, const char *file, void *out, const char **why)
{
	char full[PATH_MAX];
	if (realpath(file, full) == NULL) {
		*why = arena_printf(a, "%s: cannot be read: %s", file, strerror(errno));
		return E_INPUT;
	}
	AUTO(free_cfg) cfg_t *cfg = cfg_init(grammar(a, table), CFGF_NONE);
	int e = parse(a, table, full, cfg, why);
	if (e != OK)
		return e;
	const char *path = *(const char **)out = arena_strdup(a, full), *dir = dirname(full);
	FOR_EACH(o, table)
		if (!take(a, cfg, o, dir, out)) {
			*why = arena_printf(a, "%s: %s.%s is missing: %s", path, o->section, o->name, o->help);
			return E_INPUT;
		}
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

static void print_value(const struct option_row *o, const void *at, FILE *to)
{
	switch (o->type) {
	case OPTION_INT:
		fprintf(to, "%ld", *(const long *)at);
		return;
	case OPTION_BOOL:
		fputs(*(const bool *)at ? "true" : "false", to);
		return;
	case OPTION_LIST:
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

void options_print(const struct options *table, const void *values, FILE *to)
{
	const char *section = "";
	FOR_EACH(o, table) {
		if (strcmp(section, o->section) != 0)
			fprintf(to, "%s%s {\n", *section ? "}\n" : "", o->section);
		section = o->section;
		fprintf(to, "\t%s = ", o->name);
		print_value(o, (const char *)values + o->offset, to);
		fputc('\n', to);
	}
	fputs("}\n", to);
}

/* Each sentence on a line of its own, as mdoc wants it. */
static void print_sentences(const char *s, FILE *to)
{
	for (; *s != '\0'; s++) {
		fputc(*s, to);
		if (*s == '.' && s[1] == ' ') {
			fputc('\n', to);
			s++;
		}
	}
	fputc('\n', to);
}

void options_manual(const struct options *table, FILE *to)
{
	const char *section = "";
	FOR_EACH(o, table) {
		if (strcmp(section, o->section) != 0)
			fprintf(to, "%s.Ss %s\n.Bl -tag -width Ds\n", *section ? ".El\n" : "", o->section);
		section = o->section;
		static const char *const kinds[] = { "text", "path", "number", "true or false", "list of texts" };
		fprintf(to, ".It Cm %s No = Ar %s\n", o->name, kinds[o->type]);
		print_sentences(o->help, to);
		if (o->type == OPTION_INT)
			fprintf(to, "From %ld to %ld.\n", o->min, o->max);
		if (o->def == NULL)
			fputs("Must be given.\n", to);
		else if (*o->def != '\0')
			fprintf(to, "Default: %s.\n", o->def);
	}
	fputs(".El\n", to);
}
