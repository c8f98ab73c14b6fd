/* May this thread block? */
#include "base/wait.h"

static _Thread_local bool forbidden, wanted;

bool would_block(void)
{
	if (forbidden)
		wanted = true;
	return forbidden;
}

bool wait_is_forbidden(void)
{
	return forbidden;
}

void wait_forbid(void)
{
	forbidden = true;
	wanted = false;
}

bool wait_was_wanted(void)
{
	bool w = wanted;
	forbidden = wanted = false;
	return w;
}
