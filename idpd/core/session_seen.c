/* When sessions were used last: a small table by sid. */
#include <pthread.h>
#include <string.h>
#include "core/session_seen.h"

static struct seen {
	char sid[SID_CHARS];
	time_t when;
} seen[256];
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;

static struct seen *seen_place(const char *sid)
{
	return &seen[((unsigned char)sid[0] * 8u ^ (unsigned char)sid[1]) % 256];
}

void session_seen_note(const char *sid, time_t when)
{
	struct seen *at = seen_place(sid);
	pthread_mutex_lock(&seen_lock);
	memcpy(at->sid, sid, SID_CHARS);
	at->when = when;
	pthread_mutex_unlock(&seen_lock);
}

time_t session_seen_when(const char *sid)
{
	struct seen *at = seen_place(sid);
	pthread_mutex_lock(&seen_lock);
	time_t when = memcmp(at->sid, sid, SID_CHARS) == 0 ? at->when : 0;
	pthread_mutex_unlock(&seen_lock);
	return when;
}
