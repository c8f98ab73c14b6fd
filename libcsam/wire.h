/* What goes over the agent's socket: one message is a list of "name=value\0" (csam.h). */
#ifndef CSAM_WIRE_H
#define CSAM_WIRE_H

#include "csam.h"

enum { WIRE_MAX = 16 * 1024 };

struct wire_out {
	char data[WIRE_MAX];
	size_t n;
	bool bad;		/* something did not fit: not to be sent */
};

void wire_begin(struct wire_out *w, const char *op);
void wire_put(struct wire_out *w, const char *name, const char *value);	/* NULL: not given */

/* enum csam_ask as the words of the wire: "secret,code". */
void wire_put_ask(struct wire_out *w, const char *name, unsigned ask);

/* UTF-8 without control characters? */
bool wire_plain(const char *text);

/* Reads a reply, cutting data into the texts of *out. Anything that is not exactly as agreed is CSAM_DOWN with nothing else set. */
void wire_read(char *data, size_t n, struct csam_turn *out);

#endif
