/* Inside the notices: what their files share. */
#ifndef CSAM_NOTICE_PARTS_H
#define CSAM_NOTICE_PARTS_H

#include "core/notice.h"
#include "svc/outbox.h"

enum { NOTICE_WAYS = 4 };
struct notice_way {
	enum channel channel;
	const char *to;
};

bool notice_wanted(const struct notice *n);
size_t notice_ways(struct arena *a, const struct notice *n, struct notice_way out[NOTICE_WAYS]);
void notice_message(struct arena *a, const struct notice *n, const struct notice_way *to, struct message *out);
void notice_lost(const struct notice *n, const char *why);

#endif
