/* Style sheet and pictures: held in memory, cached by browsers for a year under an address that names their content. */
#include <dirent.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "http/http.h"
#include "web/static.h"

enum { MAX_FILES = 64, MAX_SIZE = 512 * 1024 };

struct file {
	const char *name, *type, *address;
	struct slice body;
};

static struct file files[MAX_FILES];
static size_t count;
static const char *hash = "";

static const char *type_of(const char *name)
{
	static const struct { const char *suffix, *type; } types[] = {
		{ ".css", "text/css; charset=utf-8" }, { ".svg", "image/svg+xml" }, { ".png", "image/png" },
		{ ".ico", "image/x-icon" }, { ".txt", "text/plain; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
	};
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
		if (strcmp(dot, types[i].suffix) == 0)
			return types[i].type;
	return NULL;
}

static int load(struct arena *a, const char *dir)
{
	AUTO(file_close_folder) DIR *d = opendir(dir);
	if (d == NULL)
		return fail(E_INPUT, "%s: cannot be opened", dir);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.' || type_of(e->d_name) == NULL)
			continue;
		if (count == MAX_FILES)
			return fail(E_INPUT, "%s: more than %d files", dir, MAX_FILES);
		struct file *f = &files[count++];
		f->name = arena_strdup(a, e->d_name);
		f->type = type_of(f->name);
		if (file_read(a, arena_printf(a, "%s/%s", dir, f->name), MAX_SIZE, &f->body) != OK)
			return E_INPUT;
	}
	return OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

int static_open(struct arena *a, const char *share_dir)
{
	count = 0;
	int e = load(a, arena_printf(a, "%s/css", share_dir));
	if (e == OK)
		e = load(a, arena_printf(a, "%s/js", share_dir));
	if (e != OK)
		return e;
	qsort(files, count, sizeof *files, by_name);
	struct buf all = buf_new(a), hex = buf_new(a);
	for (size_t i = 0; i < count; i++) {
		buf_printf(&all, "%s %zu ", files[i].name, files[i].body.n);
		buf_raw(&all, files[i].body);
	}
	unsigned char sum[SHA256_LEN];
	sha256(buf_slice(&all), sum);
	buf_hex(&hex, slice_mem(sum, 8));
	hash = buf_cstr(&hex);
	for (size_t i = 0; i < count; i++)
		files[i].address = arena_printf(a, "/static/%s/%s", hash, files[i].name);
	return OK;
}

static const struct file *find(const char *name)
{
	struct file key = { .name = name };
	return bsearch(&key, files, count, sizeof *files, by_name);
}

const char *static_address(const char *name)
{
	const struct file *f = find(name);
	return f != NULL ? f->address : NULL;
}

/* Another hash is another release's page, met while nodes are being renewed: it gets our file, but must not keep it. */
int web_static(struct request *r, struct response *resp)
{
	struct slice rest = slice_of(r->path), part;
	slice_cut(&rest, '/', &part);
	slice_cut(&rest, '/', &part);
	if (!slice_cut(&rest, '/', &part) || rest.p == NULL)
		return E_NOENT;
	const struct file *f = find(rest.p);
	if (f == NULL)
		return E_NOENT;
	resp->status = 200;
	resp->type = f->type;
	resp->body = f->body;
	resp->cacheable = slice_is(part, hash);
	if (resp->cacheable)
		http_set(r, resp, "Cache-Control", "public, max-age=31536000, immutable");
	http_set(r, resp, "X-Content-Type-Options", "nosniff");
	http_set(r, resp, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");	/* an SVG opened by itself runs nothing */
	http_set(r, resp, "Cross-Origin-Resource-Policy", "same-origin");
	return OK;
}
