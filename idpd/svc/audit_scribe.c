/* What is done for the audit trail beside writing it: heads are signed and told to witnesses, closed segments compressed, keys ended, and the keyring's
 * notices become lines. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/thread.h"
#include "svc/audit_archive.h"
#include "svc/audit_courier.h"
#include "svc/audit_keys.h"
#include "svc/audit_parts.h"
#include "svc/audit_witness.h"
#include "svc/keyring_audit.h"

enum { HEAD_MS = 10 * 1000, IDLE_MS = 3600 * 1000, HOUR_S = 3600, AGAIN_MS = 1000, WITNESSES = 16, AUDIT_KID = 64, KEY_NEW_S = 3600 };

static struct {
	struct audit_conf conf;
	struct thread thread;
	atomic_bool stopping;
	uint64_t signed_to;		/* seq of the line of the last head; what is after it is not signed */
	uint64_t signed_at;		/* ticks; 0: never */
	time_t keys_hour;		/* in which keys were looked at, since 1970; 0: never */
	unsigned packed;		/* every segment before this one is compressed */
	bool deaf[WITNESSES];
} sc;

static void tell(const struct audit_where *at, const char *head)
{
	courier_give(head);
	for (size_t i = 0; sc.conf.witness != NULL && sc.conf.witness[i] != NULL && i < WITNESSES; i++) {
		if (courier_is_for(sc.conf.witness[i]))
			continue;
		bool deaf = audit_witness_tell(sc.conf.witness[i], at->node, head) != OK;
		if (deaf && !sc.deaf[i])
			log_err("audit: the witness %s does not hear: %s", sc.conf.witness[i], strerror(errno));
		sc.deaf[i] = deaf;
	}
}

/* Signs where the trail stands, and puts the head into it. */
static int sign_head(void)
{
	AUTO_ARENA a = arena_new();
	struct audit_where at, after;
	struct slice sig;
	const char *kid;
	struct buf b64 = buf_new(a);
	audit_where(&at);
	struct audit_head h = { .node = at.node, .boot = at.boot, .seq = at.seq, .chain = at.chain.hex };
	int e = keyring_audit_head(a, &h, &sig, &kid);
	if (e != OK)
		return e;
	buf_b64(&b64, sig);
	const char *time = time_iso(a, h.time), *signature = buf_cstr(&b64);
	const char *fields = arena_printf(a, ",\"of\":%" PRIu64 ",\"head\":\"%s\",\"at\":\"%s\",\"signatures\":%" PRIu64 ",\"kid\":\"%s\",\"sig\":\"%s\"",
	    h.seq, h.chain, time, h.signatures, kid, signature);
	e = audit_put(audit_body_of(a, EV_TRAIL_HEAD, fields));
	tell(&at, arena_printf(a, "csam-audit-head node=%s boot=%s seq=%" PRIu64 " chain=%s time=%s signatures=%" PRIu64 " kid=%s sig=%s", h.node, h.boot,
	    h.seq, h.chain, time, h.signatures, kid, signature));
	audit_where(&after);
	if (e == OK && after.seq == at.seq + 1)
		sc.signed_to = after.seq;
	sc.signed_at = ticks_ms();
	return e;
}

/* A head of nothing new says every hour that there was nothing. */
static bool head_is_due(uint64_t t)
{
	struct audit_where at;
	audit_where(&at);
	uint64_t since = t - sc.signed_at;
	return sc.signed_at == 0 || since >= IDLE_MS || (since >= HEAD_MS && at.seq != sc.signed_to);
}

static void pack_closed(void)
{
	AUTO_ARENA a = arena_new();
	struct audit_where at;
	struct audit_file *files;
	const char *why = NULL;
	size_t n;
	audit_where(&at);
	if (at.segment == sc.packed)
		return;
	if (audit_files(a, at.dir, &files, &n, &why) != OK) {
		log_err("audit: %s: %s", at.dir, why);
		return;
	}
	for (size_t i = 0; i < n && !atomic_load(&sc.stopping); i++)
		if (files[i].number < at.segment && !files[i].packed)
			audit_pack(at.dir, files[i].number);
	sc.packed = at.segment;		/* what would not go is tried again with the next, not each second */
}

static void *scribe(void *unused)
{
	do {
		uint64_t t = ticks_ms();
		if (head_is_due(t) && sign_head() != OK)
			sc.signed_at = t - HEAD_MS + AGAIN_MS;
		pack_closed();
		if (now() / HOUR_S != sc.keys_hour) {		/* also when the clock jumps */
			sc.keys_hour = now() / HOUR_S;
			audit_keys_end(&sc.conf, now());
		}
	} while (!thread_pause(&sc.thread, -1, AGAIN_MS));
	return unused;
}

/* A key of the trail's own that has just begun to sign, or is about to: the trail says which it is while the one before it signs. */
static int put_key(const json_t *key)
{
	AUTO_ARENA a = arena_new();
	static char told[AUDIT_KID + 1];		/* once is enough; a restart tells again */
	const char *kid = json_str(key, "kid"), *pem = json_str(key, "pem");
	time_t from = (time_t)json_integer_value(json_object_get(key, "from"));
	struct buf b = buf_new(a);
	if (kid == NULL || pem == NULL || from + KEY_NEW_S < now() || strcmp(kid, told) == 0)
		return OK;
	buf_printf(&b, ",\"kid\":\"%s\",\"from\":\"%s\",\"pem\":\"", kid, time_iso(a, from));
	buf_json(&b, slice_of(pem));
	buf_char(&b, '"');
	int e = audit_put(audit_body_of(a, EV_TRAIL_KEY, buf_cstr(&b)));
	if (e == OK)
		snprintf(told, sizeof told, "%s", kid);
	return e;
}

static int put_keys(void)
{
	AUTO_ARENA a = arena_new();
	struct slice json;
	json_t *root, *key;
	size_t i;
	int e = keyring_audit_public(a, &json);
	if (e == OK && json_parse(a, json, &root, NULL) != OK)
		e = fail(E_DOWN, "audit: the keyring told what is no JSON");
	if (e == OK)
		json_array_foreach(json_object_get(root, "keys"), i, key)
			e = e == OK ? put_key(key) : e;
	return e;
}

/* One notice. What it holds was made by the keyring out of fixed words and of what an administrator typed. */
static int put_notice(struct slice json)
{
	AUTO_ARENA a = arena_new();
	json_t *n;
	if (json_parse(a, json, &n, NULL) != OK)
		return fail(E_DOWN, "audit: the keyring told what is no JSON");
	int e = AUDIT(.event = EV_KEYRING_ASKED, .by = json_str(n, "by"), .what = json_str(n, "what"), .key = json_str(n, "key"),
	    .reason = json_str(n, "why"));
	return e == OK && slice_is(S("rotate"), json_str(n, "what")) ? put_keys() : e;
}

/* Ends with the process: it may be waiting for the keyring. */
static void *take_notices(void *unused)
{
	uint64_t done = 0, number;
	while (!atomic_load(&sc.stopping) && put_keys() != OK)	/* what was rotated while nobody wrote */
		usleep(AGAIN_MS * 1000);
	while (!atomic_load(&sc.stopping)) {
		AUTO_ARENA a = arena_new();
		struct slice json;
		int e = keyring_audit_notice(a, done, &number, &json);
		done = 0;
		if (e == OK && put_notice(json) == OK)
			done = number;
		else if (e != E_NOENT)
			usleep(AGAIN_MS * 1000);
	}
	return unused;
}

int scribe_start(const struct audit_conf *conf)
{
	pthread_t notices;
	sc.conf = *conf;
	sc.signed_to = sc.signed_at = 0;
	sc.keys_hour = 0;
	sc.packed = 0;
	atomic_store(&sc.stopping, false);
	int e = courier_open(conf->witness, conf->plain_http);
	if (e != OK)
		return e;
	if ((e = thread_start(&sc.thread, "audit", scribe)) != OK)
		return e;
	if (pthread_create(&notices, NULL, take_notices, NULL) != 0)
		return fail(E_DOWN, "audit: no thread");
	pthread_detach(notices);
	return OK;
}

/* What came last is signed too. */
void scribe_stop(void)
{
	if (!sc.thread.started)
		return;
	atomic_store(&sc.stopping, true);
	thread_stop(&sc.thread);
	sign_head();
	courier_close();
}
