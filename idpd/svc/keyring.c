/* The keyring as the front sees it: each thread asks over a connection of its own. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/card.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/keyring_link.h"

enum { WAIT_S = 2, WAIT_CHANGE_S = 30 /* making RSA keys, stretching a passphrase */ };

/* What a thread keeps. The buffer is large so that every reply fits; pages that no reply reached are never touched. */
struct link {
	int fd;
	unsigned char reply[WIRE_MAX];
};

static _Thread_local int patience_s = WAIT_S;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static pthread_key_t link_key;
static pthread_once_t link_once = PTHREAD_ONCE_INIT;
static _Thread_local struct link *link_here;

static void hang_up(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void thread_ends(void *arg)
{
	hang_up(arg);
	free(arg);
	link_here = NULL;
}

static void make_key(void)
{
	if (pthread_key_create(&link_key, thread_ends) != 0)
		abort();
}

void keyring_open(const char *socket_path)
{
	size_t n = strlen(socket_path);
	if (n >= sizeof address.sun_path) {
		log_err("keyring: the path of its socket is longer than %zu bytes: %s", sizeof address.sun_path - 1, socket_path);
		n = 0;		/* every call is then E_DOWN */
	}
	memset(address.sun_path, 0, sizeof address.sun_path);
	memcpy(address.sun_path, socket_path, n);
}

static struct link *link_of_thread(void)
{
	if (link_here != NULL)
		return link_here;
	pthread_once(&link_once, make_key);
	struct link *l = malloc(sizeof *l);
	if (l == NULL || pthread_setspecific(link_key, l) != 0)
		abort();
	l->fd = -1;
	return link_here = l;
}

/* Waits in the listener's queue when the keyring is just being started again. */
static int dial(struct link *l)
{
	struct timeval wait = { .tv_sec = patience_s };
	if (l->fd >= 0)
		return OK;
	if (address.sun_path[0] == '\0')
		return fail(E_DOWN, "keyring: no socket to connect to");
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail(E_DOWN, "keyring: socket: %s", strerror(errno));
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
	    setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
	    connect(l->fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return OK;
	int why = errno;
	hang_up(l);
	return fail(E_DOWN, "keyring: connect %s: %s", address.sun_path, strerror(why));
}

/* OK and the length of the reply; E_EXISTS when the connection broke (the caller may dial again); E_DOWN, logged. A reply that
 * comes too late must not answer the next question: the connection goes with every failure. */
static int once(struct link *l, struct wire_pieces *request, size_t *out)
{
	struct msghdr m = { .msg_iov = request->io, .msg_iovlen = request->n };
	ssize_t n;
	if (dial(l) != OK)
		return E_DOWN;
	do
		n = sendmsg(l->fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		do
			n = recv(l->fd, l->reply, sizeof l->reply, 0);
		while (n < 0 && errno == EINTR);
	}
	if (n > 0) {
		*out = (size_t)n;
		return OK;
	}
	int why = n == 0 ? ECONNRESET : errno;
	hang_up(l);
	if (why == ECONNRESET || why == EPIPE || why == ENOTCONN)
		return E_EXISTS;
	return fail(E_DOWN, "keyring: no answer: %s", why == EAGAIN ? "time-out" : strerror(why));
}

/* Asks, and once more when the connection was broken: every verb may be repeated. */
int link_ask(struct wire *request, size_t want, struct wire *reply, size_t *len)
{
	struct wire_pieces pieces;
	if (would_block())
		return E_WAIT;
	struct link *l = link_of_thread();
	if (wire_pieces(request, &pieces) != OK)
		return fail(E_INPUT, "keyring: request of verb %u is too long", request->code);
	int e = once(l, &pieces, len);
	if (e == E_EXISTS)
		e = once(l, &pieces, len);
	if (e == E_EXISTS)
		return fail(E_DOWN, "keyring: closed the connection twice (verb %u)", request->code);
	if (e != OK)
		return e;
	if (wire_parse(slice_mem(l->reply, *len), reply) == OK) {
		if (reply->code == 0 && reply->n == want)
			return OK;
		if (reply->code > 0 && reply->code <= (unsigned)-E_BUG && reply->n == 0)
			return -(int)reply->code;
	}
	wipe(l->reply, *len);
	hang_up(l);
	return fail(E_DOWN, "keyring: a reply that makes no sense (verb %u)", request->code);
}

void link_patience(bool long_time)
{
	patience_s = long_time ? WAIT_CHANGE_S : WAIT_S;
	if (link_here != NULL)
		hang_up(link_here);	/* the next one waits as long as it should */
}

void link_wipe(size_t len)
{
	wipe(link_here->reply, len);
}

int keyring_sign(struct arena *a, const char *alg, struct slice msg, struct slice *sig, const char **kid)
{
	struct wire q = { WIRE_SIGN, 2, { slice_of(alg), msg } }, r;
	size_t len;
	int e = link_ask(&q, 2, &r, &len);
	if (e != OK)
		return e;
	*sig = arena_copy(a, r.field[0]);
	*kid = arena_str(a, r.field[1]);
	return OK;
}

/* Verbs whose answer is one text. */
int link_ask_text(struct arena *a, struct wire *q, struct slice *out)
{
	struct wire r;
	size_t len;
	int e = link_ask(q, 1, &r, &len);
	if (e != OK)
		return e;
	*out = arena_copy(a, r.field[0]);
	return OK;
}

int keyring_public(struct arena *a, struct slice *jwks)
{
	struct wire q = { .code = WIRE_PUBLIC };
	return link_ask_text(a, &q, jwks);
}

int keyring_status(struct arena *a, struct slice *json)
{
	struct wire q = { .code = WIRE_STATUS };
	return link_ask_text(a, &q, json);
}

int keyring_seal(struct arena *a, struct slice plain, struct slice ad, struct slice *sealed)
{
	struct wire q = { WIRE_SEAL, 2, { plain, ad } };
	return link_ask_text(a, &q, sealed);
}

int keyring_subject(struct arena *a, const char *sector, const char *subject, const char **out)
{
	struct wire q = { WIRE_SUBJECT, 2, { slice_of(sector), slice_of(subject) } };
	struct slice text;
	int e = link_ask_text(a, &q, &text);
	if (e != OK)
		return e;
	*out = text.p;
	return OK;
}

/* A verb whose answer is which number a code is of, and whether the secret was plain. */
static int ask_number(struct wire *q, uint64_t *number, bool *was_plain)
{
	struct wire r;
	uint64_t found, exposed;
	size_t len;
	int e = link_ask(q, 2, &r, &len);
	if (e != OK)
		return e;
	if (wire_get_number(r.field[0], UINT64_MAX, &found) != OK || wire_get_number(r.field[1], 1, &exposed) != OK)
		return fail(E_DOWN, "keyring: a reply that makes no sense (verb %u)", q->code);
	*number = found;
	*was_plain = exposed != 0;
	return OK;
}

int keyring_otp(struct otp *otp)
{
	unsigned char when[WIRE_NUMBER], back[WIRE_NUMBER], fwd[WIRE_NUMBER], floor[WIRE_NUMBER];
	struct wire q = { WIRE_OTP, 7, {
		otp->secret, otp->ad, otp->code,
		wire_put_number(when, (uint64_t)otp->when), wire_put_number(back, otp->back),
		wire_put_number(fwd, otp->fwd), wire_put_number(floor, otp->floor),
	} };
	return ask_number(&q, &otp->step, &otp->exposed);
}

int keyring_code(struct code *code)
{
	unsigned char digits[WIRE_NUMBER], first[WIRE_NUMBER], last[WIRE_NUMBER];
	struct wire q = { WIRE_CODE, 7, {
		code->secret, code->ad, code->code, slice_of(code->alg), wire_put_number(digits, code->digits),
		wire_put_number(first, code->first), wire_put_number(last, code->last),
	} };
	return ask_number(&q, &code->number, &code->exposed);
}

int keyring_card(struct arena *a, unsigned codes, struct slice ad, struct slice *sealed, struct slice *shown)
{
	unsigned char number[WIRE_NUMBER];
	struct wire q = { WIRE_CARD, 2, { ad, wire_put_number(number, codes) } }, r;
	size_t len;
	int e = link_ask(&q, 2, &r, &len);
	if (e != OK)
		return e;
	bool whole = r.field[1].n == (size_t)codes * CARD_DIGITS;
	if (whole) {
		*sealed = arena_copy(a, r.field[0]);
		*shown = arena_copy(a, r.field[1]);
	}
	link_wipe(len);
	return whole ? OK : fail(E_DOWN, "keyring: a reply that makes no sense (card)");
}

int keyring_day_key(uint64_t day, unsigned char out[AEAD_KEY_LEN])
{
	unsigned char number[WIRE_NUMBER];
	struct wire q = { WIRE_DAY_KEY, 1, { wire_put_number(number, day) } }, r;
	size_t len;
	int e = link_ask(&q, 1, &r, &len);
	if (e != OK)
		return e;
	bool whole = r.field[0].n == AEAD_KEY_LEN;
	if (whole)
		memcpy(out, r.field[0].p, AEAD_KEY_LEN);
	link_wipe(len);
	return whole ? OK : fail(E_DOWN, "keyring: a reply that makes no sense (day key)");
}
