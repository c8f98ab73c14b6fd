/* May this thread block? */
#include "base/wait.h"

static _Thread_local bool forbidden, wanted, hash_forbidden, hash_wanted;

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

bool would_hash(void)
{
	if (forbidden)
		wanted = true;
	if (forbidden || hash_forbidden)
		hash_wanted = true;
	return forbidden || hash_forbidden;
}

void wait_forbid(void)
{
	forbidden = true;
	wanted = hash_wanted = false;
}

void hash_forbid(void)
{
	hash_forbidden = true;
	hash_wanted = false;
}

bool hash_was_wanted(void)
{
	bool w = hash_wanted;
	hash_forbidden = hash_wanted = false;
	return w;
}

bool wait_was_wanted(void)
{
	bool w = wanted;
	forbidden = wanted = false;
	return w;
}
