/* A client that sends any bytes, and the server it talks to: what the tests of http/ share. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/log.h"
#undef fail			/* cmocka has one of its own */
#include <cmocka.h>
#include "base/clock.h"
#include "base/wait.h"
#include "http/internal.h"

static unsigned short port;
static char listen_text[64];

static inline struct sockaddr_in loopback(const char *addr, unsigned short p)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(p) };
	inet_pton(AF_INET, addr, &sin.sin_addr);
	return sin;
}

static inline unsigned short free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sin = loopback("127.0.0.1", 0);
	socklen_t n = sizeof sin;
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static inline const char *plain_listener(void)
{
	port = free_port();
	snprintf(listen_text, sizeof listen_text, "127.0.0.1:%u", port);
	return listen_text;
}

static inline int dial_from(const char *source)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval patience = { 10, 0 };
	struct sockaddr_in from = loopback(source, 0), to = loopback("127.0.0.1", port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static inline int dial(void)
{
	return dial_from("127.0.0.1");
}

static inline void say(int fd, const char *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

/* One answer: the head and as much as its Content-Length says; or what came before the end. */
static inline char *hear_kind(int fd, bool head_only)
{
	static char text[256 * 1024];
	size_t n = 0, want = sizeof text - 1;
	while (n < want) {
		ssize_t got = recv(fd, text + n, 1, 0);
		if (got <= 0)
			break;
		text[++n] = '\0';
		char *end = n >= 4 && want == sizeof text - 1 ? strstr(text + n - 4, "\r\n\r\n") : NULL;
		if (end == NULL)
			continue;
		char *length = strcasestr(text, "Content-Length: ");
		want = n + (length != NULL && !head_only ? strtoul(length + 16, NULL, 10) : 0);
	}
	text[n] = '\0';
	return text;
}

static inline char *hear(int fd)
{
	return hear_kind(fd, false);
}

static inline char *ask_bytes(const char *p, size_t n)
{
	int fd = dial();
	say(fd, p, n);
	char *text = hear(fd);
	close(fd);
	return text;
}

/* A request line and headers, each ended by '\n' here and by CR LF on the wire; Host and Connection: close are added. */
static inline char *ask_from(const char *source, const char *lines, const char *body)
{
	char raw[80 * 1024];
	size_t n = 0;
	for (const char *p = lines; *p; p++) {
		if (*p == '\n')
			raw[n++] = '\r';
		raw[n++] = *p;
	}
	n += (size_t)snprintf(raw + n, sizeof raw - n, "Host: idp.example\r\nConnection: close\r\n");
	if (body != NULL)
		n += (size_t)snprintf(raw + n, sizeof raw - n, "Content-Length: %zu\r\n", strlen(body));
	n += (size_t)snprintf(raw + n, sizeof raw - n, "\r\n%s", body != NULL ? body : "");
	int fd = dial_from(source);
	say(fd, raw, n);
	char *text = hear(fd);
	close(fd);
	return text;
}

static inline char *ask(const char *lines)
{
	return ask_from("127.0.0.1", lines, NULL);
}

static inline char *post(const char *lines, const char *body)
{
	char head[8192];
	snprintf(head, sizeof head, "%sContent-Type: application/x-www-form-urlencoded\n", lines);
	return ask_from("127.0.0.1", head, body);
}

static inline int status_of(const char *answer)
{
	int status = 0;
	return sscanf(answer, "HTTP/1.1 %3d", &status) == 1 ? status : 0;
}

static inline const char *body_of(const char *answer)
{
	const char *p = strstr(answer, "\r\n\r\n");
	return p != NULL ? p + 4 : "";
}

#define assert_has(text, part) do { if (strstr((text), (part)) == NULL) fail_msg("no \"%s\" in:\n%s", (part), (text)); } while (0)
#define assert_lacks(text, part) do { if (strstr((text), (part)) != NULL) fail_msg("\"%s\" in:\n%s", (part), (text)); } while (0)

#endif
