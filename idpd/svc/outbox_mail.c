/* Mail: a message becomes a text in two forms, and goes to the mail server or into a folder. */
#include <stdio.h>
#include "base/log.h"
#include "svc/mime.h"
#include "svc/outbox_carriers.h"
#include "svc/texts.h"

static struct mail_conf conf;

/* A line of words and below it {link}: a button. Red it is by rule: people are told to look for the red one (D2). */
static bool html_button(struct buf *b, const struct parcel *p, struct slice s)
{
	struct slice words, rest = s, link = slice_of(parcel_arg(p, "link"));
	if (!slice_cut(&rest, '\n', &words) || !slice_is(rest, "{link}"))
		return false;
	if (!slice_starts(link, S("https://")) && !slice_starts(link, S("http://")))
		return false;
	buf_lit(b, "<p style=\"margin:1.5em 0\"><a style=\"display:inline-block;padding:.75em 1.25em;border-radius:4px;background:#b3102a;color:#ffffff;font-weight:bold;text-decoration:none\" href=\"");
	buf_html(b, link);
	buf_lit(b, "\">");
	parcel_fill(b, p, slice_trim(words, ": \302\240"), buf_html);
	buf_lit(b, "</a></p>\n");
	return true;
}

/* How a paragraph looks: the code and what happened stand out, an address to be typed is told from words, what telephones read for themselves steps back. */
static const char *style(struct slice s)
{
	static const struct { const char *paragraph, *style; } special[] = {
		{ "{code}", "font-size:1.75em;font-weight:bold;letter-spacing:.15em" }, { "{url}", "font-weight:bold" },
		{ "{what}{of}", "font-size:1.125em;font-weight:bold" },
		{ "@{host} #{code}", "font-size:.8em;opacity:.7" },
	};
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (slice_is(s, special[i].paragraph))
			return special[i].style;
	return NULL;
}

static void html_paragraph(struct buf *b, const struct parcel *p, struct slice s)
{
	const char *how = style(s);
	struct slice line;
	if (html_button(b, p, s))
		return;
	if (how != NULL)
		buf_printf(b, "<p style=\"%s\">", how);
	else
		buf_lit(b, "<p>");
	for (bool first = true; slice_cut(&s, '\n', &line); first = false) {
		if (!first)
			buf_lit(b, "<br>\n");
		parcel_fill(b, p, line, buf_html);
	}
	buf_lit(b, "</p>\n");
}

/* Cuts at the next empty line. */
static bool paragraph_cut(struct slice *rest, struct slice *part)
{
	if (rest->n == 0)
		return false;
	const char *end = memmem(rest->p, rest->n, "\n\n", 2);
	size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n, skip = end != NULL ? n + 2 : n;
	*part = slice_mem(rest->p, n);
	*rest = slice_mem(rest->p + skip, rest->n - skip);
	return true;
}

/* The template's {lang}, {title} and {content}; whatever else is in braces there stays. */
static void html(struct buf *b, const struct parcel *p, const char *lang, const char *subject, struct slice text)
{
	struct slice rest = conf.html, before, name, after, paragraph;
	for (; texts_placeholder(rest, &before, &name, &after); rest = after) {
		buf_raw(b, before);
		if (slice_is(name, "lang"))
			buf_html(b, slice_of(lang));
		else if (slice_is(name, "title"))
			buf_html(b, slice_of(subject));
		else if (slice_is(name, "content"))
			while (paragraph_cut(&text, &paragraph))
				html_paragraph(b, p, paragraph);
		else
			buf_printf(b, "{%.*s}", (int)name.n, name.p);
	}
	buf_raw(b, rest);
}

struct slice mail_write(struct arena *a, const struct parcel *p)
{
	struct buf b = buf_new(a), subject = buf_new(a), plain = buf_new(a), rich = buf_new(a);
	const char *lang = p->lang != NULL ? p->lang : texts_languages()[0];
	struct slice words = slice_of(text(lang, arena_printf(a, "%s.text", p->text_id)));
	parcel_fill(&subject, p, slice_of(text(lang, arena_printf(a, "%s.subject", p->text_id))), buf_raw);
	parcel_fill(&plain, p, words, buf_raw);
	html(&rich, p, lang, buf_cstr(&subject), words);
	mime_write(&b, &(struct mime){ .from = conf.from, .from_name = conf.from_name, .reply_to = conf.reply_to, .to = p->to,
		.subject = buf_cstr(&subject), .lang = lang, .id = p->id, .date = p->created, .text = buf_slice(&plain), .html = buf_slice(&rich) });
	return buf_slice(&b);
}

/* What a reply means (RFC 5321 4.2.1): about this mail, or about the server and us. */
static enum sent judge(const struct smtp_answer *r)
{
	if (r->sender_refused || !r->at_rcpt)
		return SENT_DOWN;
	if (r->code == 421)			/* RFC 5321 3.8: it is closing */
		return SENT_DOWN;
	if (r->code == 530 || r->code == 535 || r->code == 538 || (r->code >= 500 && r->code <= 504))
		return SENT_DOWN;		/* RFC 4954 6: who we are, not what we send */
	return r->code >= 500 && r->code < 600 ? SENT_NEVER : SENT_LATER;
}

static enum sent to_server(struct arena *a, const struct parcel *p, const char **why)
{
	struct smtp_answer r;
	int rc = partner_smtp(a, &conf.server, conf.from, p->to, mail_write(a, p), &r);
	if (rc == OK)
		return SENT_OK;
	*why = rc == E_DOWN ? r.why : "its address is none";
	return rc == E_DOWN ? judge(&r) : rc == E_INPUT ? SENT_NEVER : SENT_DOWN;
}

static enum sent to_folder(struct arena *a, const struct parcel *p, const char **why)
{
	return folder_put(a, conf.folder, p, "eml", mail_write(a, p), why);
}

int mail_open(const struct mail_conf *c, outbox_carrier **out)
{
	bool folder = *c->folder != '\0', server = *c->server.url != '\0';
	conf = *c;
	*out = NULL;
	if (!folder && !server)
		return OK;
	if (!outbox_mail_address(slice_of(c->from)) || (*c->reply_to != '\0' && !outbox_mail_address(slice_of(c->reply_to))))
		return fail(E_INPUT, "mail.from and mail.reply_to must be addresses like noreply@example.org");
	*out = folder ? to_folder : to_server;
	return OK;
}
