/* The messages between the keyring and those who ask it: pure functions over bytes. */
#include "base/number.h"
#include "svc/keyring_wire.h"

int wire_parse(struct slice message, struct wire *out)
{
	const unsigned char *p = (const unsigned char *)message.p;
	if (message.n < 2 || message.n > WIRE_MAX || p[0] != WIRE_VERSION)
		return E_INPUT;
	struct wire w = { .code = p[1] };
	for (size_t at = 2; at < message.n;) {
		if (w.n == WIRE_FIELDS || message.n - at < 2)
			return E_INPUT;
		size_t len = (size_t)number_get(p + at, 2);
		at += 2;
		if (message.n - at < len)
			return E_INPUT;
		w.field[w.n++] = slice_mem(p + at, len);
		at += len;
	}
	*out = w;
	return OK;
}

int wire_pieces(const struct wire *message, struct wire_pieces *out)
{
	out->head[0] = WIRE_VERSION;
	out->head[1] = (unsigned char)message->code;
	out->io[0] = (struct iovec){ out->head, 2 };
	out->n = 1;
	out->total = 2;
	if (message->n > WIRE_FIELDS)
		return E_INPUT;
	for (size_t i = 0; i < message->n; i++) {
		struct slice f = message->field[i];
		unsigned char *len = out->head + 2 + 2 * i;
		if (f.n > 0xffff || out->total + 2 + f.n > WIRE_MAX)
			return E_INPUT;
		number_put(len, 2, f.n);
		out->io[out->n++] = (struct iovec){ len, 2 };
		out->io[out->n++] = (struct iovec){ (void *)f.p, f.n };
		out->total += 2 + f.n;
	}
	return OK;
}

struct slice wire_put_number(unsigned char room[WIRE_NUMBER], uint64_t number)
{
	number_put(room, WIRE_NUMBER, number);
	return slice_mem(room, WIRE_NUMBER);
}

int wire_get_number(struct slice field, uint64_t max, uint64_t *out)
{
	uint64_t number = field.n == WIRE_NUMBER ? number_get(field.p, WIRE_NUMBER) : 0;
	if (field.n != WIRE_NUMBER || number > max)
		return E_INPUT;
	*out = number;
	return OK;
}
