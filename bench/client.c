/* The smallest HTTP/1.1 client that measures honestly: keep-alive, Content-Length, cookies by name. */
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/err.h"
#include "bench/client.h"

enum { PATIENCE_S = 30 };

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void client_forget(struct client *c)
{
	c->ncookies = 0;
}

static bool dial(struct client *c)
{
	int on = 1;
	struct timeval wait = { .tv_sec = PATIENCE_S };
	if (c->fd >= 0)
		return true;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	if (connect(c->fd, (const struct sockaddr *)&c->at, sizeof c->at) == 0)
		return true;
	client_close(c);
	return false;
}

static void remember(struct client *c, struct slice line)
{
	struct slice rest = line, pair, name;
	size_t i = 0;
	slice_cut(&rest, ';', &pair);
	slice_cut(&pair, '=', &name);
	if (name.n == 0 || name.n >= sizeof c->cookies->name || pair.n >= sizeof c->cookies->value)
		abort();
	while (i < c->ncookies && !slice_is(name, c->cookies[i].name))
		i++;
	if (i == CLIENT_COOKIES)
		abort();
	memcpy(c->cookies[i].name, name.p, name.n);
	c->cookies[i].name[name.n] = '\0';
	memcpy(c->cookies[i].value, pair.p, pair.n);
	c->cookies[i].value[pair.n] = '\0';
	c->ncookies += i == c->ncookies;
}

/* Value of a header line, if it is that header. */
static bool is_header(struct slice line, const char *name, struct slice *value)
{
	size_t n = strlen(name);
	if (line.n <= n + 1 || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	*value = slice_mem(line.p + n + 1, line.n - n - 1);
	while (value->n > 0 && (*value->p == ' '))
		*value = slice_mem(value->p + 1, value->n - 1);
	while (value->n > 0 && value->p[value->n - 1] == '\r')
		value->n--;
	return true;
}

static bool more(struct client *c)
{
	if (c->in_n == sizeof c->in)
		return false;
	ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - c->in_n, 0);
	if (n > 0)
		c->in_n += (size_t)n;
	return n > 0;
}

/* Reads the head: status, length of the body, what to do with the connection. Gives where the body begins; 0: no answer. */
static size_t read_head(struct client *c, const struct call *call, size_t *length, bool *closes)
{
	const char *end;
	struct slice head, line, value;
	unsigned long long n = 0;
	c->in_n = 0;
	do
		if (!more(c))
			return 0;
	while ((end = memmem(c->in, c->in_n, "\r\n\r\n", 4)) == NULL);
	head = slice_mem(c->in, (size_t)(end - c->in));
	if (head.n < 12)
		return 0;
	c->status = (int)strtol(head.p + 9, NULL, 10);
	c->location = S_NONE;
	*closes = false;
	while (slice_cut(&head, '\n', &line)) {
		if (is_header(line, "Content-Length", &value) && slice_number(value, CLIENT_ROOM, &n) != OK)
			return 0;
		if (is_header(line, "Connection", &value))
			*closes = slice_is(value, "close");
		is_header(line, "Location", &c->location);
		if (call->browser && is_header(line, "Set-Cookie", &value))
			remember(c, value);
	}
	*length = (size_t)n;
	return (size_t)(end - c->in) + 4;
}

static bool receive(struct client *c, const struct call *call)
{
	size_t length, at;
	bool closes;
	at = read_head(c, call, &length, &closes);
	if (at == 0)
		return false;
	while (c->in_n < at + length)
		if (!more(c))
			return false;
	c->body = slice_mem(c->in + at, length);
	if (closes)
		client_close(c);
	return true;
}

static void write_request(const struct client *c, const struct call *call, struct buf *b)
{
	buf_printf(b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", call->method, call->path);
	for (size_t i = 0; call->browser && i < c->ncookies; i++)
		buf_printf(b, "%s%s=%s%s", i == 0 ? "Cookie: " : "; ", c->cookies[i].name, c->cookies[i].value, i + 1 == c->ncookies ? "\r\n" : "");
	if (call->authorization != NULL)
		buf_printf(b, "Authorization: %s\r\n", call->authorization);
	if (call->form.p != NULL)
		buf_printf(b, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n", call->form.n);
	buf_lit(b, "\r\n");
	if (call->form.p != NULL)
		buf_raw(b, call->form);
}

/* Once more when a kept connection was closed by the other side meanwhile. */
bool client_call(struct client *c, const struct call *call)
{
	AUTO_ARENA a = arena_new();
	struct buf b = buf_new(a);
	write_request(c, call, &b);
	for (int fresh = c->fd < 0; fresh < 2; fresh++) {
		if (!dial(c))
			return false;
		if (send(c->fd, b.p, b.n, MSG_NOSIGNAL) == (ssize_t)b.n && receive(c, call))
			return true;
		client_close(c);
	}
	return false;
}
