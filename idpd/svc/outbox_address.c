/* Addresses: which we send to, and as much of one as may be shown. */
#include "base/err.h"
#include "svc/outbox.h"

/* RFC 5321 4.1.2: atext */
static bool is_atext(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms between single dots. */
static bool is_dot_string(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' ? i == 0 || s.p[i - 1] == '.' : !is_atext(s.p[i]))
			return false;
	return s.n > 0 && s.n <= 64 && s.p[s.n - 1] != '.';
}

/* Labels of letters, digits and inner hyphens (RFC 5321 4.1.2, RFC 1123 2.1); two at least, the last no number. */
static bool is_domain(struct slice s)
{
	size_t labels = 0;
	struct slice label = S_NONE;
	if (s.n == 0 || s.n > 253 || s.p[s.n - 1] == '.')
		return false;
	while (slice_cut(&s, '.', &label)) {
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!(label.p[i] == '-' || (label.p[i] >= '0' && label.p[i] <= '9') || ((label.p[i] | 32) >= 'a' && (label.p[i] | 32) <= 'z')))
				return false;
		labels++;
	}
	unsigned long long number;
	return labels >= 2 && slice_number(label, ~0ull, &number) != OK;
}

bool outbox_mail_address(struct slice s)
{
	struct slice local, domain = s;
	return s.n <= 254 && slice_cut(&domain, '@', &local) && is_dot_string(local) && is_domain(domain);
}

bool outbox_phone_number(struct slice s)
{
	if (s.n < 8 || s.n > 16 || s.p[0] != '+' || s.p[1] == '0')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

const char *outbox_masked(struct arena *a, enum channel channel, const char *to)
{
	struct slice s = slice_of(to), local;
	if (channel == CHANNEL_MAIL && outbox_mail_address(s)) {
		slice_cut(&s, '@', &local);
		return arena_printf(a, "%.*s…@%.*s", local.n > 4 ? 2 : local.n > 2 ? 1 : 0, local.p, (int)s.n, s.p);
	}
	if (channel == CHANNEL_SMS && outbox_phone_number(s))
		return arena_printf(a, "%.3s … %.2s", to, to + s.n - 2);
	if (channel == CHANNEL_LOGOUT && s.n < 512 && slice_is_text(s, ""))
		return arena_str(a, s);
	return "?";
}
