/* Records of the state store as a disk might give them back: sessions, conversations, requests put aside, refresh tokens, frozen sessions. */
/* LINK: -Wl,--wrap=state_get,--wrap=state_update,--wrap=state_put,--wrap=directory_person,--wrap=audit_write,--wrap=now */
#include "fuzz.h"
#include "base/clock.h"
#include "core/conversation_record.h"
#include "core/session.h"
#include "oidc/request.h"
#include "oidc/tokens.h"
#include "svc/audit.h"
#include "svc/state.h"

static struct slice record;

time_t __wrap_now(void);
time_t __wrap_now(void)
{
	return 1800000000;
}

int __wrap_state_get(struct arena *a, const char *ns, struct slice key, struct slice *out);
int __wrap_state_get(struct arena *a, const char *ns, struct slice key, struct slice *out)
{
	(void)ns, (void)key;
	*out = arena_copy(a, record);
	return OK;
}

/* The change is worked out on the record, and goes nowhere. */
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx);
int __wrap_state_update(const char *ns, struct slice key, state_fn *fn, void *ctx)
{
	AUTO_ARENA a = arena_new();
	struct state_change c = { .a = a, .old = arena_copy(a, record), .ctx = ctx };
	(void)ns, (void)key;
	c.val = c.old;
	return fn(&c);
}

int __wrap_state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s);
int __wrap_state_put(const char *ns, struct slice key, struct slice val, unsigned ttl_s)
{
	(void)ns, (void)key, (void)val, (void)ttl_s;
	return OK;
}

int __wrap_audit_write(const struct audit_line *line);
int __wrap_audit_write(const struct audit_line *line)
{
	(void)line;
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
	const struct answer answer = { .code = S_NONE };
	if (conv_load(a, S("AAAAAAAAAAAAAAAAAAAAAA"), S("browser"), &c) != OK)
		return;
	promise(c.id != NULL && c.stage >= STAGE_CHOOSE && c.stage <= STAGE_END);
	conv_is_last(&c, S("x"), &answer);
	conv_take(&c, S("x"), &answer);
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
