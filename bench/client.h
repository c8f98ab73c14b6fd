/* One virtual user: a kept connection to the server that is measured, and the cookies of a browser. */
#ifndef CSAM_BENCH_CLIENT_H
#define CSAM_BENCH_CLIENT_H

#include <netinet/in.h>
#include "base/buf.h"

enum { CLIENT_COOKIES = 8, CLIENT_ROOM = 64 * 1024 };

struct client {
	struct sockaddr_in at;
	int fd;				/* -1: not connected */
	struct { char name[64], value[512]; } cookies[CLIENT_COOKIES];
	size_t ncookies;
	/* the last answer */
	int status;
	struct slice location, body;
	char in[CLIENT_ROOM];		/* what it stands in */
	size_t in_n;
};

struct call {
	const char *method, *path;	/* path with its query */
	const char *authorization;	/* NULL: none */
	struct slice form;		/* p NULL: no body */
	bool browser;			/* send and take cookies */
};

/* True when an answer came, whatever its status. It stands until the next call. */
bool client_call(struct client *c, const struct call *call);
void client_close(struct client *c);
void client_forget(struct client *c);	/* all cookies */

#endif
