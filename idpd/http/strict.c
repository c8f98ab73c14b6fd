/* What libmicrohttpd lets through and we refuse: heads that two readers could read in two ways. */
#include <stdint.h>
#include <strings.h>
#include "http/internal.h"

/* libmicrohttpd cuts lines at a NUL, joins folded ones and skips what it does not expect, but it leaves the head of the request
 * where it was received and points into it. So each name and value must begin exactly where the one before it ended: whatever it
 * skipped or moved shows as a gap. */
struct walk {
	uintptr_t next;			/* where the next header line must begin */
	unsigned count, hosts, lengths, encodings;
	bool bad;
	struct slice length, encoding, type;
};

static bool is_token(const char *p, size_t n)	/* RFC 9110 5.6.2 */
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return n > 0;
}

static bool is_field_value(const char *p, size_t n)	/* RFC 9110 5.5 */
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return false;
	return true;
}

/* "name:" blanks "value" CR LF, where libmicrohttpd made NULs of the colon and of CR LF. A lone LF moves the next line. */
static bool line_is_whole(struct walk *w, const char *name, size_t name_n, const char *value, size_t value_n)
{
	if ((uintptr_t)name != w->next || (uintptr_t)value <= (uintptr_t)name + name_n)
		return false;
	for (const char *p = name + name_n + 1; p < value; p++)
		if (*p != ' ' && *p != '\t')
			return false;
	w->next = (uintptr_t)value + value_n + 2;
	return is_token(name, name_n) && is_field_value(value, value_n);
}

static bool is(const char *name, size_t n, const char *wanted)
{
	return n == strlen(wanted) && strncasecmp(name, wanted, n) == 0;
}

static enum MHD_Result walk_line(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct walk *w = ctx;
	(void)kind;
	struct slice v = { value, value_n };
	if (value == NULL || !line_is_whole(w, name, name_n, value, value_n)) {
		w->bad = true;
		return MHD_NO;
	}
	w->count++;
	if (is(name, name_n, "Host"))
		w->hosts++;
	else if (is(name, name_n, "Content-Length"))
		w->lengths++, w->length = trim(v);
	else if (is(name, name_n, "Transfer-Encoding"))
		w->encodings++, w->encoding = trim(v);
	else if (is(name, name_n, "Content-Type"))
		w->type = trim(v);
	return MHD_YES;
}

/* "METHOD SP target SP HTTP/1.x CR LF" without a NUL or a second space: its three parts lie side by side. */
static bool request_line_is_whole(const char *method, const char *version, size_t target_n)
{
	return is_token(method, strlen(method)) &&
	       (uintptr_t)method + strlen(method) + 1 + target_n + 1 == (uintptr_t)version;
}

static unsigned framing(const struct walk *w, bool http10, struct head *head)
{
	unsigned long long length = 0;
	/* RFC 9112 3.2: one Host, and in HTTP/1.1 never none */
	if (w->hosts > 1 || (w->hosts == 0 && !http10))
		return 400;
	/* RFC 9112 6.1, 6.3: one length, or chunked alone, and chunked only in HTTP/1.1 */
	if (w->lengths + w->encodings > 1 || (w->encodings > 0 && http10))
		return 400;
	if (w->encodings > 0 && !is(w->encoding.p, w->encoding.n, "chunked"))
		return 400;
	if (w->lengths > 0 && slice_number(w->length, INT64_MAX, &length) != OK)
		return 400;
	*head = (struct head){ .body = length > 0 || w->encodings > 0, .length = length, .type = w->type };
	return OK;
}

unsigned strict_head(struct MHD_Connection *c, const char *method, const char *version, size_t target_n, struct head *head)
{
	const union MHD_ConnectionInfo *size = MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	if (!request_line_is_whole(method, version, target_n))
		return 400;
	struct walk w = { .next = (uintptr_t)version + strlen(version) + 2 };
	MHD_get_connection_values_n(c, MHD_HEADER_KIND, walk_line, &w);
	if (w.bad || size == NULL || w.next + 2 != (uintptr_t)method + size->header_size)
		return 400;
	if (w.count > MAX_HEADERS)
		return 431;
	bool http10 = strcmp(version, "HTTP/1.0") == 0;
	if (!http10 && strcmp(version, "HTTP/1.1") != 0)
		return 505;
	return framing(&w, http10, head);
}
