/* Hosts as clients: who asks, for whom, from where. */
#include <arpa/inet.h>
#include "oidc/host.h"

enum { USER_MAX = 256, VIA_MAX = 32, RHOST_MAX = 255 };

int host_authenticate(struct request *r, bool lasting, const struct service **out, struct client_once *once, struct refusal *no)
{
	const struct service *s;
	if (!slice_is(http_form(r, "csam_profile"), "1"))
		return refuse(no, "invalid_request", "csam_profile must be 1");
	int e = client_authenticate_lasting(r, lasting, &s, once, no);
	if (e != OK)
		return e;
	if (!s->host || s->auth_method == NULL || strcmp(s->auth_method, "private_key_jwt") != 0) {
		*no = (struct refusal){ .error = "invalid_client", .text = "this client is no host with a key of its own", .status = 401 };
		return E_INPUT;
	}
	*out = s;
	return OK;
}

static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", s.p[i]) == NULL || s.p[i] == '\0')
			return false;
	return s.n > 0 && s.n <= VIA_MAX;
}

static bool is_address(const char *s)
{
	unsigned char b[16];
	return inet_pton(AF_INET, s, b) == 1 || inet_pton(AF_INET6, s, b) == 1;
}

int host_read(struct request *r, struct host_ask *out, struct refusal *no)
{
	struct slice user = http_form(r, "user"), via = http_form(r, "pam_service"), rhost = http_form(r, "rhost");
	if (user.n == 0 || user.n > USER_MAX || !slice_is_text(user, ""))
		return refuse(no, "invalid_request", "user is missing, too long or no text");
	if (via.n > 0 && !is_word(via))
		return refuse(no, "invalid_request", "pam_service is no word");
	if (rhost.n > RHOST_MAX || !slice_is_text(rhost, ""))
		return refuse(no, "invalid_request", "rhost is too long or no text");
	*out = (struct host_ask){ .user = arena_str(r->a, user), .via = via.n > 0 ? arena_str(r->a, via) : NULL, .peer = arena_str(r->a, rhost) };
	if (!is_address(out->peer))
		out->peer = r->peer;
	return OK;
}

json_t *host_posix(const struct person *person)
{
	json_t *v = json_pack("{ss}", "name", person->name);
	if (person->uid_number != 0)
		json_object_set_new(v, "uidNumber", json_integer((json_int_t)person->uid_number));
	return v;
}
