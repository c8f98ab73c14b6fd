/* What csamctl writes for ldapmodify: whatever a value is, it stays one value of one attribute of one entry (RFC 2849), and reads back as it was. */
#include "fuzz.h"
#include "base/codec.h"
#include "csamctl/ldif.c"

/* The lines of one attribute, unfolded; *rest is what comes behind it. */
static struct slice unfold(struct arena *a, struct slice *rest)
{
	struct buf b = buf_new(a);
	struct slice line;
	promise(slice_cut(rest, '\n', &line));
	buf_raw(&b, line);
	while (slice_starts(*rest, S(" ")) && slice_cut(rest, '\n', &line))
		buf_raw(&b, slice_mem(line.p + 1, line.n - 1));
	return buf_slice(&b);
}

static struct slice value_of(struct arena *a, struct slice attribute, struct slice name)
{
	struct slice value = S(""), text = slice_mem(attribute.p + name.n, attribute.n - name.n);
	promise(slice_starts(attribute, name) && text.n > 0 && text.p[0] == ':');
	if (text.n > 1 && text.p[1] == ':') {
		promise(b64_decode(a, slice_trim(slice_mem(text.p + 2, text.n - 2), " "), &value) == OK);
		return value;
	}
	text = slice_mem(text.p + 1, text.n - 1);
	if (slice_starts(text, S(" ")))
		text = slice_mem(text.p + 1, text.n - 1);
	promise(slice_is_text(text, ""));
	return text;
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	const char *text = arena_str(a, in), *dn = dn_below(a, "uid", text, "ou=people,dc=x");
	ldif_record(&b, dn, "add");
	ldif_attr(&b, "description", in);
	ldif_end(&b);
	struct slice rest = buf_slice(&b);
	promise(slice_is(value_of(a, unfold(a, &rest), S("dn")), dn));
	promise(slice_is(S("add"), arena_str(a, value_of(a, unfold(a, &rest), S("changetype")))));
	promise(slice_eq(value_of(a, unfold(a, &rest), S("description")), in));
	promise(slice_eq(rest, S("\n")) || slice_eq(rest, S("")));
}
