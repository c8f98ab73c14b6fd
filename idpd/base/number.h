/* Unsigned numbers as bytes, the highest first: they sort as the numbers do. */
#ifndef CSAM_NUMBER_H
#define CSAM_NUMBER_H

#include <stddef.h>
#include <stdint.h>

static inline void number_put(unsigned char *p, size_t n, uint64_t v)	/* the lowest n bytes of v, at most 8 */
{
	for (size_t i = n; i-- > 0; v >>= 8)
		p[i] = (unsigned char)v;
}

static inline uint64_t number_get(const void *bytes, size_t n)		/* n is at most 8 */
{
	const unsigned char *p = bytes;
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

#endif
