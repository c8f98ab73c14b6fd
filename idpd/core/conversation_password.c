/* A new password: after the present one was right, typed twice. */
#include "base/clock.h"
#include "core/engine.h"
#include "core/history.h"
#include "core/notice.h"
#include "core/password.h"
#include "svc/passwords.h"
#include "svc/sealed.h"

static struct outcome more(struct engine *e, unsigned stage, const char *note)
{
	e->c.stage = stage;
	e->c.pending = S_NONE;
	return engine_again(e, note);
}

/* Who may not enter here may not do this here either. */
struct outcome engine_ask_new(struct engine *e)
{
	struct try t = { .person = e->person };
	int rc = e->service != NULL ? directory_allowed(e->a, e->service, e->person) : OK;
	if (rc == E_NOENT) {
		engine_record(e, EV_LOGIN_NO, &t, "not-allowed");
		return engine_denied("deny.not-allowed");
	}
	return rc == OK ? more(e, STAGE_NEW, NULL) : engine_down;
}

/* Of the new password only this is kept until it is typed again, and sealed: whoever reads the store cannot guess at it. */
static struct slice digest(const struct engine *e, struct slice secret)
{
	unsigned char h[SHA256_LEN];
	hmac_sha256(slice_of(e->c.id), secret, h);
	return arena_copy(e->a, slice_mem(h, sizeof h));
}

struct outcome engine_check_new(struct engine *e, const struct answer *answer)
{
	if (answer->secret.n == 0)
		return engine_again(e, "note.incomplete");
	const char *fault = password_fault(e->person, password_second(e->person), answer->secret);
	if (fault != NULL)
		return engine_again(e, fault);
	if (sealed_make(e->a, "new-password", digest(e, answer->secret), e->c.created + CONV_LIFE_S, &e->c.pending) != OK)
		return engine_down;
	e->c.stage = STAGE_AGAIN;
	return engine_more;
}

/* The line says that it happened; that it cannot be written undoes nothing, but is no yes. */
static struct outcome change(struct engine *e, struct slice secret)
{
	int rc = engine_take(e);
	if (rc == OK)
		rc = directory_password_set(e->person, password_hash(e->a, secret));
	if (rc == OK)
		rc = HISTORY(e->browser, .event = EV_PASSWORD_CHANGED, .subject = e->person->subject, .service = e->c.service, .peer = e->peer, .via = e->c.via);
	if (rc != OK)
		return engine_down;
	NOTICE(.event = NOTICE_PASSWORD_CHANGED, .person = e->person, .peer = e->peer, .agent = e->c.agent != NULL ? e->c.agent : e->c.via);
	return (struct outcome){ .verdict = V_ALLOW };
}

struct outcome engine_check_again(struct engine *e, const struct answer *answer)
{
	struct slice first;
	if (answer->secret.n == 0)
		return engine_again(e, "note.incomplete");
	int rc = sealed_open(e->a, "new-password", e->c.pending, &first);
	if (rc != OK && rc != E_NOENT && rc != E_INPUT)
		return engine_down;
	if (rc != OK || !slice_same_secret(first, digest(e, answer->secret)))
		return more(e, STAGE_NEW, "note.password-differ");
	return change(e, answer->secret);
}
