/* Which language a page is drawn in, and its address in another one. */
#include "base/buf.h"
#include "svc/texts.h"
#include "web/web.h"

enum { YEAR = 365 * 24 * 3600 };

#define COOKIE "__Host-csam-lang"

struct slice web_lang_asked(const struct request *r)
{
	struct slice asked = http_param(r, "lang");
	return asked.n > 0 ? slice_of(texts_choose_locales(asked)) : S_NONE;
}

/* What the person chose here and now is above what the service asked for, and that is above what was chosen long ago. */
const char *web_lang(struct request *r, struct response *resp, const char *wanted)
{
	struct slice asked = web_lang_asked(r);
	if (asked.n > 0) {
		if (!slice_eq(http_cookie(r, COOKIE), asked))
			http_set_cookie(r, resp, COOKIE, asked, YEAR);
		return texts_choose_locales(asked);
	}
	const char *lang = wanted != NULL ? texts_choose_locales(slice_of(wanted)) : NULL;
	if (lang == NULL)
		lang = texts_choose_locales(http_cookie(r, COOKIE));
	return lang != NULL ? lang : texts_choose_accept(http_header(r, "Accept-Language"));
}

const char *web_self(const struct request *r)
{
	struct buf b = buf_new(r->a);
	buf_raw(&b, slice_of(r->path));
	struct slice query = http_query_text(r);
	char sign = '?';
	for (struct slice part; query.n > 0 && slice_cut(&query, '&', &part);) {
		if (part.n == 0 || slice_starts(part, S("lang=")))
			continue;
		buf_char(&b, sign);
		buf_raw(&b, part);
		sign = '&';
	}
	return buf_cstr(&b);
}
