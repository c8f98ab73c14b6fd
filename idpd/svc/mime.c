/* A mail as bytes. */
#include "svc/mime.h"

enum { LINE = 76, WORD_BYTES = 42, PLAIN_MAX = 60 };

/* Characters that stay as they are in a header: printable ASCII that begins no encoded word and needs no quotes in a name. */
static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c < ' ' || c > '~' || strchr("\"(),:;<>@[\\]=?", c) != NULL)
			return false;
	}
	return s.n <= PLAIN_MAX;
}

/* A header's text that is not short plain ASCII as encoded words. RFC 2047 2 and 5: 75 characters at most, whole characters only; between two words a fold that readers drop. */
static void header_text(struct buf *b, struct slice s)
{
	if (is_plain(s)) {
		buf_raw(b, s);
		return;
	}
	struct buf word = buf_new(b->a);
	for (bool first = true; s.n > 0 || word.n > 0; first = false) {
		while (s.n > 0) {
			size_t n = slice_utf8_len(s), len = n > 0 ? n : 1;
			if (word.n + (n > 0 ? n : 1) > WORD_BYTES)
				break;
			if (n == 0)
				buf_char(&word, '?');
			else if (slice_is_text(slice_mem(s.p, n), ""))
				buf_raw(&word, slice_mem(s.p, n));
			else
				buf_char(&word, ' ');
			s = slice_mem(s.p + len, s.n - len);
		}
		if (!first)
			buf_lit(b, "\r\n ");
		buf_lit(b, "=?UTF-8?B?");
		buf_b64(b, buf_slice(&word));
		buf_lit(b, "?=");
		word.n = 0;
	}
}

/* RFC 2045 6.7: lines of 76 with soft breaks; a space or tab at the end of a line would be lost on the way. */
static void quoted_printable(struct buf *b, struct slice s)
{
	size_t column = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool at_end = i + 1 == s.n || s.p[i + 1] == '\n';
		if (c == '\n') {
			buf_lit(b, "\r\n");
			column = 0;
			continue;
		}
		bool as_is = (c > ' ' && c <= '~' && c != '=') || (c == ' ' && !at_end);
		size_t len = as_is ? 1 : 3;
		if (column + len > LINE - 1) {
			buf_lit(b, "=\r\n");
			column = 0;
		}
		if (as_is)
			buf_char(b, (char)c);
		else
			buf_printf(b, "=%02X", c);
		column += len;
	}
	if (column > 0)
		buf_lit(b, "\r\n");
}

/* RFC 5322 3.3; English whatever the locale is. */
static void date(struct buf *b, time_t t)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;
	gmtime_r(&t, &tm);
	buf_printf(b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void part(struct buf *b, const char *boundary, const char *type, struct slice body)
{
	buf_printf(b, "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", boundary, type);
	quoted_printable(b, body);
	buf_lit(b, "\r\n");
}

void mime_write(struct buf *b, const struct mime *m)
{
	const char *boundary = arena_printf(b->a, "=_%s", m->id), *domain = strchr(m->from, '@');
	buf_lit(b, "From: ");
	if (*m->from_name != '\0') {
		header_text(b, slice_of(m->from_name));
		buf_lit(b, "\r\n ");
	}
	buf_printf(b, "<%s>\r\n", m->from);
	if (*m->reply_to != '\0')
		buf_printf(b, "Reply-To: <%s>\r\n", m->reply_to);
	buf_printf(b, "To: <%s>\r\nSubject: ", m->to);
	header_text(b, slice_of(m->subject));
	buf_lit(b, "\r\n");
	date(b, m->date);
	buf_printf(b, "Message-ID: <%s%s>\r\n", m->id, domain != NULL ? domain : "@localhost");
	buf_lit(b, "Auto-Submitted: auto-generated\r\n");		/* RFC 3834 5: no holiday replies */
	buf_printf(b, "Content-Language: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n", m->lang, boundary);
	part(b, boundary, "text/plain", m->text);
	part(b, boundary, "text/html", m->html);
	buf_printf(b, "--%s--\r\n", boundary);
}
