/* The messages between the keyring and those who ask it: one request and one reply per SOCK_SEQPACKET message.
 *
 *	version (1 byte) | code (1 byte) | { length (2 bytes, big endian) | bytes } for each field
 *
 * The code is a verb in a request and, in a reply, 0 or the positive number of an enum err. Numbers are fields of 8 bytes, big endian. */
#ifndef CSAM_KEYRING_WIRE_H
#define CSAM_KEYRING_WIRE_H

#include <stdint.h>
#include <sys/uio.h>
#include "base/err.h"
#include "base/slice.h"

enum { WIRE_VERSION = 1, WIRE_MAX = 65536, WIRE_FIELDS = 8, WIRE_NUMBER = 8 };

/* Values are fixed: a front and a keyring of two versions may meet during an upgrade. */
enum wire_verb {
	WIRE_SIGN = 1,		/* alg, message -> signature, kid */
	WIRE_PUBLIC = 2,	/* -> JWK set */
	WIRE_SEAL = 3,		/* plain, ad -> sealed */
	WIRE_OTP = 4,		/* secret, ad, code, when, back, fwd, floor -> step, exposed */
	WIRE_SUBJECT = 5,	/* sector, subject -> pairwise subject */
	WIRE_DAY_KEY = 6,	/* day -> key */
	WIRE_STATUS = 7,	/* -> JSON text */
	WIRE_CODE = 8,		/* secret, ad, code, alg, digits, first, last -> number, exposed */
	WIRE_CARD = 9,		/* ad, number of codes -> sealed, codes */
	/* Of administrators: whatever changes keys replies why it did not (empty: it did), and a result. */
	WIRE_ADDRESS = 32,	/* -> JWK of this node */
	WIRE_ROTATE = 33,	/* use (empty: all), at once -> why, when they begin */
	WIRE_RESEAL = 34,	/* secret, ad -> sealed with the newest key (empty: it was already), exposed */
	WIRE_RETIRE = 35,	/* kid -> why, empty */
	WIRE_EXPORT = 36,	/* JWK of a node, or passphrase -> why, JWE */
	WIRE_IMPORT = 37,	/* JWE, passphrase (empty: to this node), replace -> why, number of keys */
	/* of the audit trail */
	WIRE_AUDIT_HEAD = 48,	/* node, boot, seq, chain -> time, signatures, kid, signature (DER) */
	WIRE_AUDIT_PUBLIC = 49,	/* -> JSON text */
	WIRE_AUDIT_MONTH = 50,	/* class, month -> sealed key */
	WIRE_AUDIT_HOUR = 51,	/* sealed key of the month, class, hour -> key */
	WIRE_AUDIT_OPEN = 52,	/* sealed key of the month, class, hour, sealed, reason -> text */
	WIRE_AUDIT_NOTICE = 53,	/* number that is done -> number, JSON text */
	WIRE_VERBS
};

struct wire {
	unsigned code;
	size_t n;			/* number of fields */
	struct slice field[WIRE_FIELDS];
};

/* Takes a message apart; the fields point into it. Pure. E_INPUT: other version, too long, too many fields, a field that does not end
 * where the message says, trailing bytes. */
int wire_parse(struct slice message, struct wire *out);

/* A message as pieces for sendmsg(2), so that nothing is copied; `head` is room that the pieces point into. */
struct wire_pieces {
	struct iovec io[1 + 2 * WIRE_FIELDS];
	unsigned char head[2 + 2 * WIRE_FIELDS];
	size_t n, total;
};
/* E_INPUT: longer than WIRE_MAX, or a field longer than its length can say. */
int wire_pieces(const struct wire *message, struct wire_pieces *out);

/* A number as a field: put writes into room and returns the slice over it; get is E_INPUT for another length or above max. */
struct slice wire_put_number(unsigned char room[WIRE_NUMBER], uint64_t number);
int wire_get_number(struct slice field, uint64_t max, uint64_t *out);

#endif
