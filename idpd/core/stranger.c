/* Strangers who are refused: what their network has taken of the audit trail lately. */
#include <stdatomic.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/share.h"
#include "core/stranger.h"
#include "core/subscriber.h"

enum { LINES = 60, WINDOW_S = 30 };

bool stranger_has_line(struct arena *a, enum audit_event event, const char *peer)
{
	static struct share lines = SHARE_OF(WINDOW_S);
	static atomic_uint left_out;
	static _Atomic uint64_t said_at;
	struct buf source = buf_new(a);		/* of each event: none hides another */
	buf_char(&source, (char)event);
	buf_raw(&source, subscriber_of(a, peer));
	if (share_take(&lines, buf_slice(&source), 1, LINES))
		return true;
	uint64_t at = ticks_ms(), last = said_at;
	left_out++;
	if (at - last >= WINDOW_S * 1000 && atomic_compare_exchange_strong(&said_at, &last, at))
		log_warn("%u refusals have no line of their own in the audit trail, the last from %s", atomic_exchange(&left_out, 0), peer);
	return false;
}
