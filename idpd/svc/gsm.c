/* The letters of telephones. */
#include "svc/gsm.h"

/* 3GPP TS 23.038 6.2.1 and 6.2.1.1, without what ASCII has. */
static const char alphabet[] = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€";

/* What is read for what is not there. */
static const struct { const char *these, *as; } instead[] = {
	{ "’‘‚`´", "'" }, { "“”„«»", "\"" }, { "–—‑−", "-" }, { "\302\240\342\200\257\342\200\211\t", " " }, { "…", "..." }, { "·•", "." },
	{ "áâãăą", "a" }, { "ÀÁÂÃ", "A" }, { "çčć", "c" }, { "ČĆ", "C" }, { "êëěę", "e" }, { "ÈÊË", "E" }, { "íîï", "i" }, { "ÌÍÎÏ", "I" }, { "łľ", "l" },
	{ "ńň", "n" }, { "óôõő", "o" }, { "ÒÓÔÕ", "O" }, { "řŕ", "r" }, { "šśș", "s" }, { "ŠŚ", "S" }, { "ťț", "t" }, { "úûůű", "u" }, { "ÙÚÛ", "U" }, { "ýÿ", "y" },
	{ "žźż", "z" }, { "ŽŹŻ", "Z" }, { "œ", "oe" }, { "Œ", "OE" },
};

/* One character, or what it is written like; NULL: neither. */
static const char *letter(struct arena *a, struct slice c)
{
	const char *s = arena_str(a, c);
	if ((c.n == 1 && *s >= ' ' && *s <= '~' && *s != '`') || *s == '\n' || strstr(alphabet, s) != NULL)
		return s;
	for (size_t i = 0; i < sizeof instead / sizeof *instead; i++)
		if (strstr(instead[i].these, s) != NULL)
			return instead[i].as;
	return NULL;
}

void gsm_put(struct buf *b, struct slice text)
{
	AUTO_ARENA a = arena_new();
	struct buf out = buf_new(a);
	for (struct slice rest = text; rest.n > 0;) {
		size_t n = slice_utf8_len(rest);
		const char *s = n > 0 ? letter(a, slice_mem(rest.p, n)) : NULL;
		if (s == NULL) {
			buf_raw(b, text);
			return;
		}
		buf_raw(&out, slice_of(s));
		rest = slice_mem(rest.p + n, rest.n - n);
	}
	buf_raw(b, buf_slice(&out));
}
