/* Texts to values and back: base64, base64url, hex, form and percent encoding, JSON strings, numbers, times, UTF-8. */
#include "fuzz.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/json.h"
#include "base/national.h"

/* One text for one value (RFC 4648 3.5): what is decoded comes back as it was. */
static void one_text(struct arena *a, struct slice in)
{
	struct slice value;
	struct buf again = buf_new(a), url = buf_new(a);
	if (b64_decode(a, in, &value) == OK) {
		buf_b64(&again, value);
		promise(slice_eq(buf_slice(&again), in));
	}
	if (b64url_decode(a, in, &value) == OK) {
		buf_b64url(&url, value);
		promise(slice_eq(buf_slice(&url), in));
	}
}

/* Any bytes, encoded, come back. */
static void any_value(struct arena *a, struct slice in)
{
	struct slice value;
	struct buf b64 = buf_new(a), hex = buf_new(a), url = buf_new(a);
	buf_b64url(&b64, in);
	promise(b64url_decode(a, buf_slice(&b64), &value) == OK && slice_eq(value, in));
	buf_hex(&hex, in);
	promise(hex_decode(a, buf_slice(&hex), &value) == OK && slice_eq(value, in));
	buf_url(&url, in);
	bool nul = in.n > 0 && memchr(in.p, '\0', in.n) != NULL;
	promise((form_decode(a, buf_slice(&url), &value) == OK) == !nul && (nul || slice_eq(value, in)));
	if (form_decode(a, in, &value) == OK && value.n > 0)
		promise(memchr(value.p, '\0', value.n) == NULL && value.n <= in.n);
}

/* A JSON string of anything is JSON, and of a text is that text. */
static void json_strings(struct arena *a, struct slice in)
{
	struct buf b = buf_new(a);
	json_t *v;
	buf_lit(&b, "[\"");
	buf_json(&b, in);
	buf_lit(&b, "\"]");
	bool nul = in.n > 0 && memchr(in.p, '\0', in.n) != NULL;
	promise((json_parse(a, buf_slice(&b), &v, NULL) == OK) == !nul);
	if (!nul && slice_is_text(in, "\n\r\t")) {
		const json_t *s = json_array_get(v, 0);
		promise(slice_eq(slice_mem(json_string_value(s), json_string_length(s)), in));
	}
}

/* Nothing that is escaped keeps what has a meaning in its place. */
static void escapes(struct arena *a, struct slice in)
{
	struct buf html = buf_new(a), filter = buf_new(a), dn = buf_new(a);
	buf_html(&html, in);
	promise(strpbrk(buf_cstr(&html), "<>\"'") == NULL);
	buf_filter(&filter, in);
	promise(strpbrk(buf_cstr(&filter), "*()") == NULL && strlen(buf_cstr(&filter)) == filter.n);
	buf_dn(&dn, in);
	promise(strlen(buf_cstr(&dn)) == dn.n);
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	unsigned long long n;
	time_t t;
	one_text(a, in);
	any_value(a, in);
	json_strings(a, in);
	escapes(a, in);
	if (slice_number(in, 1000, &n) == OK)
		promise(n <= 1000);
	if (time_parse_ldap(arena_str(a, in), &t) == OK && t >= 0)
		promise(strncmp(time_ldap(a, t), in.p, 12) == 0 || t % 60 == 0);	/* a leap second is the next minute */
	national_number_check(in, false);
	struct slice rest = in, word;
	while (slice_cut(&rest, ' ', &word))
		promise(word.n == 0 || slice_has_word(in, word));
}
