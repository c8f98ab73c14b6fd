/* Addresses and the networks they are of. */
#include <arpa/inet.h>
#include "core/subscriber.h"

enum { NETWORK_MAX = 8 };

/* The network's bytes; 0: it is no address. */
static size_t network(struct arena *a, const char *peer, unsigned char out[NETWORK_MAX])
{
	struct in6_addr six;
	struct in_addr four;
	char *text = arena_strdup(a, peer ? peer : "");
	text[strcspn(text, "%")] = '\0';	/* RFC 4007 11: zone */
	if (inet_pton(AF_INET, text, &four) == 1) {
		out[0] = 4;
		memcpy(out + 1, &four, 3);
		return 4;
	}
	if (inet_pton(AF_INET6, text, &six) != 1)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(&six)) {
		out[0] = 4;
		memcpy(out + 1, six.s6_addr + 12, 3);
		return 4;
	}
	out[0] = 6;
	memcpy(out + 1, &six, 7);
	return 8;
}

struct slice subscriber_of(struct arena *a, const char *peer)
{
	unsigned char *bytes = arena_alloc(a, NETWORK_MAX);
	size_t n = network(a, peer, bytes);
	return n > 0 ? slice_mem(bytes, n) : slice_of(arena_strdup(a, peer ? peer : ""));
}

bool subscriber_same(const char *one, const char *other)
{
	AUTO_ARENA a = arena_new();
	unsigned char b[2][NETWORK_MAX];
	size_t n = network(a, one, b[0]);
	return n > 0 && network(a, other, b[1]) == n && memcmp(b[0], b[1], n) == 0;
}
