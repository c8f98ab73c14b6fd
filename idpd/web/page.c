/* Pages: every template in every language, compiled at start; drawn with the headers that keep them safe. */
#include <dirent.h>
#include "base/file.h"
#include "base/log.h"
#include "core/eid.h"
#include "svc/texts.h"
#include "web/static.h"
#include "web/template.h"
#include "web/web.h"

enum { MAX_PAGES = 512 };

static struct arena *memory;
static struct page {
	const char *name, *lang;
	struct template *t;
} pages[MAX_PAGES];
static size_t count;

static int compile(const char *dir, const char *name)
{
	for (const char *const *lang = texts_languages(); *lang != NULL; lang++) {
		if (count == MAX_PAGES)
			return fail(E_INPUT, "%s: more than %d templates", dir, MAX_PAGES);
		struct page *p = &pages[count];
		*p = (struct page){ name, *lang, NULL };
		if (template_load(memory, dir, name, *lang, &p->t) != OK)
			return E_INPUT;
		count++;
	}
	return OK;
}

int web_open(const char *share_dir)
{
	memory = arena_free(memory);
	memory = arena_new();
	count = 0;
	if (static_open(memory, share_dir) != OK)
		return E_INPUT;
	const char *dir = arena_printf(memory, "%s/html", share_dir);
	AUTO(file_close_folder) DIR *d = opendir(dir);
	if (d == NULL)
		return fail(E_INPUT, "%s: cannot be opened", dir);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t n = strlen(e->d_name);
		if (e->d_name[0] == '.' || n < 6 || strcmp(e->d_name + n - 5, ".html") != 0)
			continue;
		if (compile(dir, arena_str(memory, slice_mem(e->d_name, n - 5))) != OK)
			return E_INPUT;
	}
	return OK;
}

static const struct template *find(const char *name, const char *lang)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(pages[i].name, name) == 0 && strcmp(pages[i].lang, lang) == 0)
			return pages[i].t;
	return NULL;
}

/* One of ours, and the very pointer: the default for NULL and for what is unknown. */
static const char *our_lang(const char *lang)
{
	const char *const *codes = texts_languages();
	for (size_t i = 0; lang != NULL && codes[i] != NULL; i++)
		if (strcmp(codes[i], lang) == 0)
			return codes[i];
	return codes[0];
}

/* Sources of a CSP directive come from redirect URIs of the directory: nothing in them may end the directive. */
static bool is_source_list(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e || *s == ';' || *s == ',' || *s == '\'' || *s == '"')
			return false;
	return true;
}

/* No Cross-Origin-Opener-Policy: services open us in a pop-up and wait for its return. The referrer policy keeps Origin on our own
 * forms (with no-referrer browsers send "null") and shows other sites no more than our origin. */
static void secure(struct request *r, struct response *resp, const char *form_action, bool scripts)
{
	const char *more = form_action != NULL && is_source_list(form_action) ? form_action : "";
	const char *forms = strcmp(more, WEB_ANYWHERE) == 0 ? "" : arena_printf(r->a, " form-action 'self'%s%s;", *more ? " " : "", more);
	http_set(r, resp, "Content-Security-Policy", arena_printf(r->a, "default-src 'none'; style-src 'self'; img-src 'self';%s%s"
	    " frame-ancestors 'none'; base-uri 'none'", scripts ? " script-src 'self';" : "", forms));
	http_set(r, resp, "X-Frame-Options", "DENY");
	http_set(r, resp, "X-Content-Type-Options", "nosniff");
	http_set(r, resp, "Referrer-Policy", "strict-origin-when-cross-origin");
}

static json_t *languages(struct request *r, const char *self, const char *lang)
{
	json_t *list = json_array();
	const char *sign = strchr(self, '?') != NULL ? "&" : "?";
	for (const char *const *code = texts_languages(); *code != NULL; code++) {
		const char *href = arena_printf(r->a, "%s%slang=%s", self, sign, *code);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "code", *code, "name", text(*code, "language"),
		    "href", href, "current", *code == lang));
	}
	return list;
}

/* Where our pages are, before their path: at another address of ours (the eID listener) they are not. */
static const char *home(const struct request *r)
{
	const char *ours = eid_conf.origin;
	return ours == NULL || r->origin == NULL || strcmp(r->origin, ours) == 0 ? "" : ours;
}

int web_page(struct request *r, struct response *resp, unsigned status, const char *name, const char *lang, json_t *values, const char *form_action)
{
	lang = our_lang(lang);
	const struct drawing d = { .outer = find("page", lang), .inner = find(name, lang), .lang = lang, .values = values,
		.common = json_own(r->a, json_pack("{s:s, s:s}", "lang", lang, "home", home(r))) };
	if (d.outer == NULL || d.inner == NULL)
		return fail(E_BUG, "no template page.html or %s.html in %s", name, lang);
	const char *self = json_str(values, "self");
	if (self == NULL && strcmp(r->method, "GET") == 0)
		self = web_self(r);
	if (self != NULL) {
		json_object_set_new((json_t *)d.common, "languages", languages(r, self, lang));
		json_object_set_new((json_t *)d.common, "has_languages", json_true());
	}
	struct buf b = buf_new(r->a);
	template_draw(&b, &d);
	resp->status = status;
	resp->type = "text/html; charset=utf-8";
	resp->body = buf_slice(&b);
	secure(r, resp, form_action, json_is_true(json_object_get(values, "scripts")));
	return OK;
}

int web_error(struct request *r, struct response *resp, unsigned status, const char *what, const char *lang)
{
	const char *title = arena_printf(r->a, "error.%s.title", what);
	if (!texts_have(title)) {
		log_warn("no text \"%s\"", title);
		what = "bad-request";
		title = "error.bad-request.title";
	}
	if (lang == NULL)
		lang = web_lang(r, resp, NULL);
	json_t *values = json_own(r->a, json_pack("{s:s, s:s, s:i}", "title", text(lang, title),
	    "text", text(lang, arena_printf(r->a, "error.%s.text", what)), "status", (int)status));
	if ((status == 503 || status == 429) && strcmp(r->method, "GET") == 0)
		json_object_set_new(values, "retry", json_string(web_self(r)));
	return web_page(r, resp, status, "error", lang, values, NULL);
}

int web_error_page(struct request *r, struct response *resp, int error)
{
	switch (error) {
	case E_INPUT: return web_error(r, resp, 400, "bad-request", NULL);
	case E_NOENT: return web_error(r, resp, 404, "not-found", NULL);
	case E_EXISTS: return web_error(r, resp, 409, "used", NULL);
	case E_LIMIT: return web_error(r, resp, 429, "too-many", NULL);
	case E_DOWN: return web_error(r, resp, 503, "down", NULL);
	default: return web_error(r, resp, 500, "bug", NULL);
	}
}
