/* Records of the state store as a disk might give them back: sessions, conversations, requests put aside, refresh tokens, frozen sessions. */
/* LINK: -Wl,--wrap=state_put,--wrap=directory_person */
#include "stored.h"
#include "core/conversation_record.h"
#include "core/session.h"
#include "oidc/request.h"
#include "oidc/tokens.h"

int __wrap_state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s);
int __wrap_state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s)
{
	(void)ns, (void)key, (void)val, (void)ttl_s;
	return OK;
}

int __wrap_directory_person(struct arena *a, const char *subject, const struct person **out);
int __wrap_directory_person(struct arena *a, const char *subject, const struct person **out)
{
	static const struct key key = { .dn = "k", .id = "app-1", .kind = "app", .state = "active" };
	static const struct person alice = { .dn = "a", .subject = "alice", .name = "alice", .state = "active", .password_changed = "1", .keys = &key, .nkeys = 1 };
	(void)a;
	if (strcmp(subject, "alice") != 0)
		return E_NOENT;
	*out = &alice;
	return OK;
}

static void sessions(struct arena *a)
{
	static const char sid[] = "AAAAAAAAAAAAAAAAAAAAAA", cookie[] = "AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
	struct login login;
	if (session_login_sid(a, sid, &login) == OK) {
		promise(login.level > 0 && login.level <= 400 && strcmp(login.session->subject, "alice") == 0);
		promise(session_thaw(a, session_freeze(a, login.session), &login) == OK);
	}
	session_login(a, slice_of(cookie), &login);
	session_end_sid(sid, "test");
	if (session_thaw(a, record, &login) == OK)
		promise(login.level > 0);
}

static void conversations(struct arena *a)
{
	struct conv c;
	struct taking t;
	const struct answer answer = { .code = S_NONE };
	if (conv_load(a, S("AAAAAAAAAAAAAAAAAAAAAA"), S("browser"), &c) != OK)
		return;
	promise(c.id != NULL && c.stage >= STAGE_CHOOSE && c.stage <= STAGE_END);
	conv_is_last(&c, S("x"), &answer);
	const struct state_act take = conv_taking(&c, S("x"), &answer, &t);
	state_update(take.ns, take.key, take.fn, take.ctx);
	conv_store(a, &c, &(struct conv_with){ .n = 0 });
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct auth_request q;
	struct grant g;
	record = in;
	sessions(a);
	conversations(a);
	if (request_load(a, S("AAAAAAAAAAAAAAAAAAAAAA"), S("browser"), &q) == OK)
		promise(q.bound && q.consented != NULL);
	if (refresh_look(a, S("AAAA"), &g) == OK)
		promise(g.client != NULL && g.subject != NULL && g.sid != NULL);
}
