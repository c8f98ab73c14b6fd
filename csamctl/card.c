/* A printed card of numbered codes. */
#include "base/base32.h"
#include "base/conf.h"
#include "base/digest.h"
#include "csamctl/card.h"
#include "keyring/totp.h"
#include "svc/texts.h"

enum { COLUMNS = 4, ROWS = CARD_CODES / COLUMNS };

int card_make(struct ctl *c, const char *base32, struct card *card)
{
	struct slice seed, codes;
	const struct otp_range all = { S("sha1"), CARD_DIGITS, 1, CARD_CODES };
	if (base32_bytes(c->a, slice_of(base32), &seed) != OK)
		return refuse("the seed of the card is no base32");
	if (otp_codes(c->a, seed, &all, &codes) != OK)
		return refuse("the codes of the card cannot be made");
	for (unsigned i = 0; i < CARD_CODES; i++) {
		const char *code = codes.p + (size_t)i * CARD_DIGITS;
		snprintf(card->codes[i], sizeof card->codes[i], "%.4s %.4s", code, code + 4);
	}
	return DONE;
}

void card_text(const struct card *card, struct buf *out)
{
	for (unsigned row = 0; row < ROWS; row++)
		for (unsigned column = 0; column < COLUMNS; column++) {
			unsigned i = column * ROWS + row;
			buf_printf(out, "%s%2u  %s%s", column == 0 ? "  " : "     ", i + 1, card->codes[i], column + 1 == COLUMNS ? "\n" : "");
		}
}

/* --- the page --- */

static const char style[] =
    "@page{size:A5 landscape;margin:12mm}"
    "body{font:14px/1.45 system-ui,sans-serif;color:#111;max-width:46rem;margin:1.5rem auto;padding:0 1rem}"
    "h1{font-size:20px;margin:0}.who{margin:.2rem 0 1rem;color:#333}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{border:1px solid #777;padding:.45rem .6rem;text-align:left}th{width:2.2rem;background:#eee;font-weight:600;text-align:right}"
    "td{font-family:ui-monospace,monospace;font-size:16px;white-space:nowrap;width:20%}"
    "ul{padding-left:1.2rem;margin:1rem 0 0}"
    "@media print{body{margin:0;padding:0}th{background:none}}";

static void put_text(struct buf *b, const char *tag, const char *words)
{
	buf_printf(b, "<%s>", tag);
	buf_html(b, slice_of(words));
	buf_printf(b, "</%s>\n", tag);
}

static void put_table(struct buf *b, const struct card *card)
{
	buf_lit(b, "<table>\n");
	for (unsigned row = 0; row < ROWS; row++) {
		buf_lit(b, "<tr>");
		for (unsigned column = 0; column < COLUMNS; column++) {
			unsigned i = column * ROWS + row;
			buf_printf(b, "<th scope=\"row\">%u</th><td>%s</td>", i + 1, card->codes[i]);
		}
		buf_lit(b, "</tr>\n");
	}
	buf_lit(b, "</table>\n");
}

static void put_page(struct ctl *c, const struct card *card, struct buf *b)
{
	const char *title = text(card->lang, "card.title");
	buf_printf(b, "<!doctype html>\n<html lang=\"%s\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n",
	    card->lang != NULL ? card->lang : texts_languages()[0]);
	put_text(b, "title", title);
	buf_lit(b, "<style>");
	buf_raw(b, slice_of(style));
	buf_lit(b, "</style>\n");
	buf_lit(b, "<main>\n");
	put_text(b, "h1", title);
	buf_lit(b, "<p class=\"who\">");
	buf_html(b, slice_of(text_with(c->a, card->lang, "card.whose", "person", card->person, "card", card->id, NULL)));
	buf_lit(b, "</p>\n");
	put_table(b, card);
	buf_lit(b, "<ul>\n");
	put_text(b, "li", text(card->lang, "card.how"));
	put_text(b, "li", text(card->lang, "card.keep"));
	put_text(b, "li", text(card->lang, "card.lost"));
	buf_lit(b, "</ul>\n</main>\n</html>\n");
}

int card_page(struct ctl *c, const struct card *card, const char *file)
{
	const struct conf *f = c->set.conf;
	struct buf b = buf_new(c->a);
	if (f == NULL)
		return refuse("a page needs the texts, and those the configuration file (-c FILE)");
	if (texts_open(arena_printf(c->a, "%s/texts", f->server_share_dir), f->server_languages) != OK)
		return refuse("the texts in %s/texts cannot be read", f->server_share_dir);
	put_page(c, card, &b);
	return write_new_file(file, 0600, buf_slice(&b));
}
