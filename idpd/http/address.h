/* Addresses of peers, proxies and listeners, as numbers. */
#ifndef CSAM_HTTP_ADDRESS_H
#define CSAM_HTTP_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>
#include "base/err.h"
#include "base/slice.h"

enum { ADDRESS_TEXT = 46 };

struct address {
	unsigned char b[16];		/* IPv6; IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so that one address has one form */
};

struct range {
	struct address first;
	unsigned bits;
};

int address_parse(struct slice text, struct address *out);
struct address address_of(const struct sockaddr *sa);	/* a local socket is this machine: 127.0.0.1 */
void address_text(const struct address *a, char out[ADDRESS_TEXT]);
bool address_is_loopback(const struct address *a);

int range_parse(struct slice text, struct range *out);			/* ADDR or ADDR/BITS */
bool range_has(const struct range *r, const struct address *a);

/* One number for all who share a network: IPv4 /24, IPv6 /56. */
uint64_t network_of(const struct address *a);

/* Whom an X-Forwarded-For header from a listed proxy speaks of: the last hop that is no proxy itself. E_INPUT: malformed. */
int forwarded_for(struct slice header, const struct range *proxies, size_t n, struct address *out);

/* "ADDR:PORT [tls]", "[ADDR]:PORT [tls]", "unix:/path [tls]" */
struct listener {
	struct sockaddr_storage sa;
	socklen_t len;
	bool tls;
};
int listener_parse(const char *text, struct listener *out);

#endif
