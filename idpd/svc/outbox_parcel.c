/* A message as its carrier sees it. */
#include "svc/outbox.h"

const char *parcel_arg(const struct parcel *p, const char *name)
{
	for (size_t i = 0; i < p->nargs; i++)
		if (strcmp(p->args[i].name, name) == 0)
			return p->args[i].value;
	return "";
}
