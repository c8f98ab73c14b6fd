/* POST /oidc/challenge/account: may somebody enter who was proven otherwise? Answered from memory, on the event thread. */
#include "core/names.h"
#include "oidc/host.h"

enum { VALID_S = 3600 };	/* how long a host may remember a yes, at most */

/* Of who may not enter there a host learns that and no more: not even whether they are suspended. *person: who may, or NULL. E_WAIT, E_DOWN. */
static int state_of(struct arena *a, const struct service *host, const char *user, const struct person **person, const char **out)
{
	const struct person *p;
	*person = NULL;
	*out = "unknown";
	int e = name_is_reserved(slice_of(user)) ? E_NOENT : directory_person_by_name(a, slice_of(user), &p);
	if (e == E_NOENT || e == E_INPUT || (e == OK && strcmp(p->name, user) != 0))
		return OK;
	if (e != OK)
		return e;
	e = directory_allowed(a, host, p);
	*out = "not_allowed";
	if (e != OK)
		return e == E_NOENT ? OK : e;
	*out = "suspended";
	if (!person_is_active(p))
		return OK;
	*person = p;
	*out = p->must_change ? "must_change_password" : "allowed";
	return OK;
}

int oidc_challenge_account(struct request *r, struct response *resp)
{
	const struct service *host;
	const struct person *person;
	const char *state;
	struct host_ask ask;
	struct refusal no = { .error = NULL };
	struct client_once unused;
	int e = host_authenticate(r, true, &host, &unused, &no);
	if (e == OK)
		e = host_read(r, &ask, &no);
	if (e == OK)
		e = state_of(r->a, host, ask.user, &person, &state);
	if (e != OK)
		return oidc_end(r, resp, e, &no);
	json_t *v = json_own(r->a, json_pack("{ss}", "account", state));
	if (person != NULL)
		json_object_set_new(v, "csam_posix", host_posix(person));
	if (strcmp(state, "allowed") == 0)
		json_object_set_new(v, "valid_for", json_integer(VALID_S));
	return http_json(r, resp, 200, v);
}
