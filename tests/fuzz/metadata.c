/* Client metadata that somebody sends to an administrator (csamctl service import): it is refused with a reason, or becomes one entry, whatever its values
 * hold: no line of it is another attribute's than the first word says, none begins another entry. */
#include "fuzz.h"
#include "tests/unit/metadata_parts.h"

/* RFC 2849: "name: value", "name:: base64", a folded line, a comment, or the empty line that ends an entry. */
static bool is_ldif(struct slice line)
{
	if (line.n == 0 || line.p[0] == ' ' || line.p[0] == '#')
		return true;
	const char *colon = memchr(line.p, ':', line.n);
	size_t n = colon != NULL ? (size_t)(colon - line.p) : 0;
	for (size_t i = 0; i < n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz;-", line.p[i]) == NULL)
			return false;
	return n > 0 && (strncmp(line.p, "csam", 4) == 0 || strncmp(line.p, "displayName", 11) == 0 || strncmp(line.p, "labeledURI", 10) == 0 ||
	    strncmp(line.p, "objectClass:", 12) == 0 || strncmp(line.p, "cn:", 3) == 0 || strncmp(line.p, "changetype:", 11) == 0 || strncmp(line.p, "dn:", 3) == 0 || strncmp(line.p, "description:", 12) == 0);
}

static void one_entry(struct slice rest)
{
	size_t entries = 0;
	for (struct slice line; slice_cut(&rest, '\n', &line);) {
		promise(is_ldif(line));
		entries += slice_starts(line, S("dn:"));
		for (size_t i = 0; i < line.n; i++)
			promise((unsigned char)line.p[i] >= ' ' && (unsigned char)line.p[i] < 0x7f);
	}
	promise(entries == 1);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct ctl c = { .a = a, .cmd = &cmd_service_import, .set = { .services_base = "ou=services,dc=x" } };
	struct import im = { .c = &c };
	struct buf b = buf_new(a);
	if (json_parse(a, in, &im.client, NULL) != OK || !json_is_object(im.client))
		return;
	const char *why = take_all(&im);
	if (why == NULL) {
		im.s.id = id_of(a, im.s.client_id);
		why = service_record(&c, &im.s, &b);
	}
	if (why == NULL)
		one_entry(buf_slice(&b));
	else
		promise(*why != '\0');
}
