/* From which network does somebody ask? What one subscriber usually has: IPv4 /24, IPv6 /56. */
#ifndef CSAM_SUBSCRIBER_H
#define CSAM_SUBSCRIBER_H

#include "base/arena.h"

/* Bytes that are equal for addresses of one network. What is no address is its own network; NULL is the empty one. */
struct slice subscriber_of(struct arena *a, const char *peer);

/* Two addresses of one network; false also when either is no address. */
bool subscriber_same(const char *one, const char *other);

#endif
