/* Addresses of peers, proxies and listeners, as numbers. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>
#include "base/number.h"
#include "http/address.h"
#include "http/params.h"

static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_v4(const struct address *a)
{
	return memcmp(a->b, mapped, sizeof mapped) == 0;
}

int address_parse(struct slice text, struct address *out)
{
	char s[ADDRESS_TEXT];
	struct address a;
	if (text.n == 0 || text.n >= sizeof s || memchr(text.p, '\0', text.n) != NULL)
		return E_INPUT;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	memcpy(a.b, mapped, sizeof mapped);
	if (inet_pton(AF_INET, s, a.b + 12) != 1 && inet_pton(AF_INET6, s, a.b) != 1)
		return E_INPUT;
	*out = a;
	return OK;
}

struct address address_of(const struct sockaddr *sa)
{
	struct address a;
	static const unsigned char home[4] = { 127, 0, 0, 1 };
	memcpy(a.b, mapped, sizeof mapped);
	if (sa != NULL && sa->sa_family == AF_INET6)
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	else if (sa != NULL && sa->sa_family == AF_INET)
		memcpy(a.b + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else
		memcpy(a.b + 12, home, 4);
	return a;
}

void address_text(const struct address *a, char out[ADDRESS_TEXT])
{
	bool v4 = is_v4(a);
	if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, out, ADDRESS_TEXT) == NULL)
		out[0] = '\0';
}

bool address_is_loopback(const struct address *a)
{
	static const unsigned char one[16] = { [15] = 1 };
	return is_v4(a) ? a->b[12] == 127 : memcmp(a->b, one, sizeof one) == 0;
}

int range_parse(struct slice text, struct range *out)
{
	struct slice rest = text, first;
	struct range r;
	unsigned long long bits;
	slice_cut(&rest, '/', &first);
	if (address_parse(first, &r.first) != OK)
		return E_INPUT;
	unsigned most = is_v4(&r.first) ? 32 : 128;
	if (rest.p == NULL)
		bits = most;
	else if (slice_number(rest, most, &bits) != OK)
		return E_INPUT;
	r.bits = (unsigned)bits + 128 - most;
	*out = r;
	return OK;
}

bool range_has(const struct range *r, const struct address *a)
{
	unsigned whole = r->bits / 8, spare = r->bits % 8;
	if (memcmp(r->first.b, a->b, whole) != 0)
		return false;
	return spare == 0 || ((r->first.b[whole] ^ a->b[whole]) >> (8 - spare)) == 0;
}

uint64_t network_of(const struct address *a)
{
	/* no IPv6 /56 equals an IPv4 /24 */
	return is_v4(a) ? number_get(a->b + 12, 3) | 1ull << 63 : number_get(a->b, 7);
}

static bool is_proxy(const struct range *proxies, size_t n, const struct address *a)
{
	for (size_t i = 0; i < n; i++)
		if (range_has(&proxies[i], a))
			return true;
	return false;
}

/* Each proxy appends whom it saw, so the list is read from its end. The first hops were written by whoever asks: they decide
 * nothing, but what is no address at all shows that the header is not what we think it is. */
int forwarded_for(struct slice header, const struct range *proxies, size_t n, struct address *out)
{
	struct address hop, found;
	bool have = false;
	for (struct slice part; slice_cut(&header, ',', &part);) {
		if (address_parse(trim(part), &hop) != OK)
			return E_INPUT;
		if (!have || !is_proxy(proxies, n, &hop))
			found = hop;
		have = true;
	}
	if (!have)
		return E_INPUT;
	*out = found;
	return OK;
}

static int listener_unix(struct slice path, struct listener *out)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)(void *)&out->sa;
	if (path.n == 0 || path.p[0] != '/' || path.n >= sizeof sun->sun_path)
		return E_INPUT;
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path.p, path.n);
	out->len = sizeof *sun;
	return OK;
}

static int listener_inet(struct slice text, struct listener *out)
{
	struct address a;
	unsigned long long port;
	size_t colon = text.n;
	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || slice_number((struct slice){ text.p + colon, text.n - colon }, 65535, &port) != OK)
		return E_INPUT;
	struct slice host = { text.p, colon - 1 };
	bool bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (bracketed)
		host = (struct slice){ host.p + 1, host.n - 2 };
	if (address_parse(host, &a) != OK || (memchr(host.p, ':', host.n) != NULL) != bracketed)
		return E_INPUT;
	if (is_v4(&a)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)(void *)&out->sa;
		sin->sin_family = AF_INET;
		sin->sin_port = htons((uint16_t)port);
		memcpy(&sin->sin_addr, a.b + 12, 4);
		out->len = sizeof *sin;
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)&out->sa;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons((uint16_t)port);
		memcpy(&sin6->sin6_addr, a.b, 16);
		out->len = sizeof *sin6;
	}
	return OK;
}

int listener_parse(const char *text, struct listener *out)
{
	struct slice rest = trim(slice_of(text)), where;
	struct listener l = { .len = 0 };
	slice_cut(&rest, ' ', &where);
	if (rest.p != NULL && !slice_is(trim(rest), "tls"))
		return E_INPUT;
	l.tls = rest.p != NULL;
	int rc = slice_starts(where, S("unix:")) ? listener_unix((struct slice){ where.p + 5, where.n - 5 }, &l)
	                                         : listener_inet(where, &l);
	if (rc == OK)
		*out = l;
	return rc;
}
