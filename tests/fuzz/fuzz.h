/* What every fuzz target begins with: fuzz() is called with each input, and aborts when a promise of the parser is broken. */
#ifndef CSAM_FUZZ_H
#define CSAM_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

static void fuzz(struct slice in);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	fuzz(slice_mem(p, n));
	return 0;
}

/* What is wrong with an input is said to nobody. */
__attribute__((constructor)) static void keep_silent(void)
{
	log_open("fuzz", (enum log_level)0);
}

#define promise(that) do { if (!(that)) abort(); } while (0)

/* The input up to the next line end; what a target takes apart this way can be written by hand as a corpus file. */
static inline struct slice line_of(struct slice *in)
{
	struct slice line = S("");
	slice_cut(in, '\n', &line);
	return line;
}

#endif
