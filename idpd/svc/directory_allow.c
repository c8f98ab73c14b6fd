/* May this person enter? Groups and filters of csamServiceAllow, asked of the directory, which knows how to match. */
#include "base/buf.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

static const char *const none[] = { "1.1", NULL };

/* Member of the group with that DN: groupOfNames, groupOfUniqueNames, or posixGroup by name. */
static struct query of_group(struct arena *a, const char *group, const struct person *person)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "(|(member=");
	buf_filter(&b, slice_of(person->dn));
	buf_lit(&b, ")(uniqueMember=");
	buf_filter(&b, slice_of(person->dn));
	buf_lit(&b, ")(memberUid=");
	buf_filter(&b, slice_of(person->name));
	buf_lit(&b, "))");
	return (struct query){ group, SCOPE_ENTRY, buf_cstr(&b), none, 1, false };
}

static struct query of_filter(struct arena *a, const char *filter, const struct person *person)
{
	return (struct query){ person->dn, SCOPE_ENTRY, arena_printf(a, "(&(objectClass=csamPerson)%s)", filter), none, 1, false };
}

int directory_allowed(struct arena *a, const struct service *service, const struct person *person)
{
	int answer = E_NOENT;
	if (service->allow[0] == NULL)
		return service->host ? E_NOENT : OK;
	if (would_block())
		return E_WAIT;
	for (const char *const *rule = service->allow; *rule != NULL; rule++) {
		struct query q = **rule == '(' ? of_filter(a, *rule, person) : of_group(a, *rule, person);
		struct entries found;
		int e = dir_search(a, &q, 1, &found);
		if (e == OK && found.n == 1)
			return OK;
		if (e == E_INPUT)
			log_warn("directory: csamServiceAllow of %s is passed over: %s", service->dn, *rule);
		else if (e != OK)
			answer = e;		/* another rule may still say yes; else we do not know */
	}
	return answer;
}
