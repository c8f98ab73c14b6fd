/* Links, codes and cookies of activation as a stranger sends them, and records as a disk might give them back: one pair begins, one cookie stands. */
/* LINK: -Wl,--wrap=state_put,--wrap=state_count,--wrap=state_claim,--wrap=directory_enrolment,--wrap=directory_enrolment_close */
/* LINK: -Wl,--wrap=directory_person */
#include "stored.h"
#include "base/user_code.h"
#include "core/activation.h"

#define ID "AAAAAAAAAAAAAAAAAAAAAA"
#define LINK ID ".SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS"
#define CODE "BCDFGHJKLM"

static const struct person jules = { .subject = "jules", .name = "jules", .state = "active" };
static unsigned char of_link[SHA256_LEN], of_code[SHA256_LEN];
static bool closed;

/* What was begun, as it is kept. */
int __wrap_state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s);
int __wrap_state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s)
{
	static char kept[1024];
	(void)ns;
	promise(key.n == 22 && ttl_s == ACTIVATION_LIFE_S && val.n <= sizeof kept);
	memcpy(kept, val.p, val.n);
	record = slice_mem(kept, val.n);
	return OK;
}

int __wrap_state_count(const char *ns, struct slice key, unsigned window_s, unsigned *out);
int __wrap_state_count(const char *ns, struct slice key, unsigned window_s, unsigned *out)
{
	(void)ns, (void)key, (void)window_s;
	*out = 1;
	return OK;
}

int __wrap_state_claim(const char *ns, struct slice key, unsigned ttl_s);
int __wrap_state_claim(const char *ns, struct slice key, unsigned ttl_s)
{
	(void)ns, (void)key, (void)ttl_s;
	return OK;
}

int __wrap_directory_enrolment(struct arena *a, struct slice id, struct enrolment *out);
int __wrap_directory_enrolment(struct arena *a, struct slice id, struct enrolment *out)
{
	(void)a;
	if (!slice_is(id, ID))
		return E_NOENT;
	*out = (struct enrolment){ .id = ID, .dn = "e", .subject = "jules", .state = closed ? "used" : "open", .level = 400, .end = 1800000001,
		.link = slice_mem(of_link, SHA256_LEN), .code = slice_mem(of_code, SHA256_LEN) };
	return OK;
}

int __wrap_directory_enrolment_close(const struct enrolment *e, const char *state);
int __wrap_directory_enrolment_close(const struct enrolment *e, const char *state)
{
	(void)e, (void)state;
	closed = true;
	return OK;
}

int __wrap_directory_person(struct arena *a, const char *subject, const struct person **out);
int __wrap_directory_person(struct arena *a, const char *subject, const struct person **out)
{
	(void)a;
	*out = &jules;
	return strcmp(subject, "jules") == 0 ? OK : E_NOENT;
}

/* A link, a code, a cookie, and the rest a record. */
static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct activation_begun begun = { .wait_s = 0 };
	struct activation is;
	struct slice link = line_of(&in), code = line_of(&in), cookie = line_of(&in);
	const char *typed = user_code_typed(a, code, ACTIVATION_CODE_CHARS);
	bool right = slice_is(link, LINK) && typed != NULL && strcmp(typed, CODE) == 0;
	activation_digests(S(LINK), CODE, of_link, of_code);
	record = in;
	closed = true;
	if (activation_of(a, cookie, S("browser"), &is) == OK)		/* a record that somebody wrote: what it names must stand */
		promise(strcmp(is.enrolment, ID) == 0 && is.person == &jules && is.level == 400 && is.id != NULL);
	closed = false;
	int rc = activation_begin(a, link, code, S("browser"), "192.0.2.7", &begun);
	promise((rc == OK) == right && (rc == OK || rc == E_NOENT || rc == E_LIMIT));
	if (rc != OK)
		return;
	promise(activation_of(a, begun.cookie, S("browser"), &is) == OK && !is.alone);
	promise(activation_of(a, begun.cookie, S("another"), &is) == E_NOENT);
	promise(activation_of(a, cookie, S("browser"), &is) == E_NOENT || slice_eq(cookie, begun.cookie));
	promise(activation_begin(a, link, code, S("browser"), "192.0.2.7", &begun) == E_NOENT);
}
