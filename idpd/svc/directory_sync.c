/* The thread that follows the directory by content synchronisation (RFC 4533), and drops what has changed.
 *
 * It starts from the present state (the context CSN given as cookie), so that nothing is transferred but changes. While it hears nothing,
 * not even the answer to its own question of every second, nothing in the cache is believed. */
#include <ldap.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "svc/directory_parts.h"

enum { BEAT_MS = 1000, SILENCE_MS = 5000, AGAIN_MS = 250, MEND_MS = 3000, RELOAD_MS = 100, MAX_COOKIE = 1024 };

static struct {
	struct thread thread;
	atomic_bool following;		/* changes reach us */
	atomic_uint_fast64_t heard;	/* ticks of the last word from the server */
} sync_of;

struct follow {				/* one connection */
	LDAP *ld;
	int search, beat;		/* message ids; beat 0: none under way */
	uint64_t next_beat, next_reload;
	bool services_changed;
};

bool sync_alive(void)
{
	return atomic_load(&sync_of.following) && ticks_ms() - atomic_load(&sync_of.heard) < SILENCE_MS;
}

static void free_message(LDAPMessage **m)
{
	ldap_msgfree(*m);
}

static void free_ber(BerElement **ber)
{
	ber_free(*ber, 1);
}

static void free_controls(LDAPControl ***controls)
{
	ldap_controls_free(*controls);
}

/* "rid=000,csn=A;B": the values of contextCSN, one for each provider, are where we stand (slapd's form of the cookie). */
static int read_cookie(LDAP *ld, char out[MAX_COOKIE])
{
	static char *wanted[] = { (char *)"contextCSN", NULL };
	AUTO(free_message) LDAPMessage *m = NULL;
	int rc = ldap_search_ext_s(ld, dir_conf.base, LDAP_SCOPE_BASE, "(objectClass=*)", wanted, 0, NULL, NULL, NULL, 0, &m);
	LDAPMessage *e = rc == LDAP_SUCCESS ? ldap_first_entry(ld, m) : NULL;
	if (e == NULL)
		return fail(E_DOWN, "directory: %s cannot be read: %s", dir_conf.base, ldap_err2string(rc));
	struct berval **values = ldap_get_values_len(ld, e, "contextCSN");
	int n = snprintf(out, MAX_COOKIE, "rid=000,csn=");
	size_t at = (size_t)n;
	for (int i = 0; values != NULL && values[i] != NULL && at < MAX_COOKIE; i++)
		at += (size_t)snprintf(out + at, MAX_COOKIE - at, "%s%s", i > 0 ? ";" : "", values[i]->bv_val);
	if (values == NULL || at >= MAX_COOKIE)
		out[0] = '\0';		/* a tree without changes, or too many providers: from the beginning */
	ldap_value_free_len(values);
	return OK;
}

/* syncRequestValue ::= SEQUENCE { mode ENUMERATED, cookie OCTET STRING OPTIONAL, reloadHint BOOLEAN } (RFC 4533 2.2) */
static int begin(struct follow *f, const char *cookie)
{
	char *wanted[] = { (char *)"objectClass", (char *)dir_conf.people_name_attr, NULL };
	AUTO(free_ber) BerElement *ber = ber_alloc_t(LBER_USE_DER);
	struct berval value;
	if (ber == NULL || ber_printf(ber, "{e", LDAP_SYNC_REFRESH_AND_PERSIST) < 0 ||
	    (cookie[0] != '\0' && ber_printf(ber, "s", cookie) < 0) || ber_printf(ber, "b}", 1) < 0 || ber_flatten2(ber, &value, 0) < 0)
		return E_BUG;
	LDAPControl control = { (char *)LDAP_CONTROL_SYNC, value, 1 }, *controls[] = { &control, NULL };
	int rc = ldap_search_ext(f->ld, dir_conf.base, LDAP_SCOPE_SUBTREE, "(objectClass=*)", wanted, 0, controls, NULL, NULL, 0, &f->search);
	if (rc != LDAP_SUCCESS)
		return fail(E_DOWN, "directory: content sync: %s", ldap_err2string(rc));
	return OK;
}

static bool ends_with(const char *dn, const char *base)
{
	size_t n = strlen(dn), m = strlen(base);
	return n >= m && strcasecmp(dn + n - m, base) == 0 && (n == m || dn[n - m - 1] == ',');
}

static bool has_class(LDAP *ld, LDAPMessage *m, const char *class)
{
	struct berval **values = ldap_get_values_len(ld, m, "objectClass");
	bool found = false;
	for (int i = 0; values != NULL && values[i] != NULL; i++)
		found = found || strcasecmp(values[i]->bv_val, class) == 0;
	ldap_value_free_len(values);
	return found;
}

static bool has_name(LDAP *ld, LDAPMessage *m)
{
	struct berval **values = ldap_get_values_len(ld, m, dir_conf.people_name_attr);
	bool found = values != NULL;
	ldap_value_free_len(values);
	return found;
}

static void forget_all(void)
{
	cache_drop_all();
	allow_forget();
}

/* May people be below it? When such an entry is renamed nothing is told about them. */
static bool holds_people(struct follow *f, LDAPMessage *m, const char *dn)
{
	if (ends_with(dir_conf.people_base, dn) || has_class(f->ld, m, "organizationalUnit"))
		return true;
	return ends_with(dn, dir_conf.people_base) && !has_name(f->ld, m) && !has_class(f->ld, m, "csamKey");
}

static bool is_about(const char *dn, const char *base)
{
	return ends_with(dn, base) || ends_with(base, dn);
}

/* Is it about what is read together with the services? */
static bool of_tables(const char *dn)
{
	AUTO_ARENA a = arena_new();
	return is_about(dn, kinds_base(a)) || is_about(dn, terms_base(a));
}

/* One entry was added, changed, renamed or deleted. A renamed entry comes under its new name: the entryUUID tells who it was. */
static void changed(struct follow *f, LDAPMessage *m, int state, struct slice uuid)
{
	char *dn = ldap_get_dn(f->ld, m);
	if (dn == NULL)
		return forget_all();
	cache_drop(BY_UUID, uuid);
	if (ends_with(dn, dir_conf.people_base))
		cache_drop_dn(dn);
	if (ends_with(dn, dir_conf.services_base) || has_class(f->ld, m, "csamService") || ends_with(dir_conf.services_base, dn))
		f->services_changed = true;
	if (of_tables(dn))
		f->services_changed = true;
	if (state != LDAP_SYNC_DELETE && holds_people(f, m, dn))	/* only leaves are deleted */
		cache_drop_all();
	if (!has_class(f->ld, m, "csamKey"))
		allow_forget();
	ldap_memfree(dn);
}

/* syncStateValue ::= SEQUENCE { state ENUMERATED, entryUUID, cookie OPTIONAL } (RFC 4533 2.3) */
static void on_entry(struct follow *f, LDAPMessage *m)
{
	AUTO(free_controls) LDAPControl **controls = NULL;
	if (!atomic_load(&sync_of.following))
		return;			/* of the refresh: nothing is in the cache yet */
	ldap_get_entry_controls(f->ld, m, &controls);
	LDAPControl *c = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
	AUTO(free_ber) BerElement *ber = c == NULL || c->ldctl_value.bv_len == 0 ? NULL : ber_init(&c->ldctl_value);
	ber_int_t state;
	struct berval uuid;
	if (ber == NULL || ber_scanf(ber, "{em", &state, &uuid) == LBER_ERROR)
		return forget_all();
	changed(f, m, state, slice_mem(uuid.bv_val, uuid.bv_len));
}

static void now_following(struct follow *f)
{
	forget_all();			/* readers that began before this must not fill the cache */
	atomic_store(&sync_of.heard, ticks_ms());
	atomic_store(&sync_of.following, true);
	f->services_changed = true;
	log_info("directory: following changes of %s", dir_conf.base);
}

/* syncInfoValue (RFC 4533 2.5). refreshDelete [1] and refreshPresent [2] end the refresh, unless refreshDone says FALSE. */
static void on_info(struct follow *f, LDAPMessage *m)
{
	char *oid = NULL;
	struct berval *value = NULL, cookie;
	ber_int_t done = 1;
	ber_len_t n;
	if (ldap_parse_intermediate(f->ld, m, &oid, &value, NULL, 0) != LDAP_SUCCESS || oid == NULL || strcmp(oid, LDAP_SYNC_INFO) != 0) {
		ldap_memfree(oid);
		ber_bvfree(value);
		return;
	}
	AUTO(free_ber) BerElement *ber = value == NULL || value->bv_len == 0 ? NULL : ber_init(value);
	ber_tag_t tag = ber == NULL ? LBER_ERROR : ber_peek_tag(ber, &n);
	if (tag == LDAP_TAG_SYNC_REFRESH_DELETE || tag == LDAP_TAG_SYNC_REFRESH_PRESENT) {
		ber_scanf(ber, "{");
		if (ber_peek_tag(ber, &n) == LDAP_TAG_SYNC_COOKIE)
			ber_scanf(ber, "m", &cookie);
		if (ber_peek_tag(ber, &n) == LDAP_TAG_REFRESHDONE)
			ber_scanf(ber, "b", &done);
		if (done)
			now_following(f);
	} else if (tag == LDAP_TAG_SYNC_ID_SET && atomic_load(&sync_of.following)) {
		forget_all();		/* entries by number, without names */
		f->services_changed = true;
	}
	ldap_memfree(oid);
	ber_bvfree(value);
}

/* OK, or E_DOWN when the search has ended. */
static int on_message(struct follow *f, LDAPMessage *m)
{
	int rc = LDAP_OTHER, id = ldap_msgid(m);
	atomic_store(&sync_of.heard, ticks_ms());
	if (id == f->beat) {
		if (ldap_msgtype(m) == LDAP_RES_SEARCH_RESULT)
			f->beat = 0;
		return OK;
	}
	if (id != f->search)
		return OK;
	switch (ldap_msgtype(m)) {
	case LDAP_RES_SEARCH_ENTRY:
		on_entry(f, m);
		return OK;
	case LDAP_RES_INTERMEDIATE:
		on_info(f, m);
		return OK;
	case LDAP_RES_SEARCH_RESULT:
		ldap_parse_result(f->ld, m, &rc, NULL, NULL, NULL, NULL, 0);
		return fail(E_DOWN, "directory: content sync ended: %s", ldap_err2string(rc));
	default:
		return OK;
	}
}

static int read_messages(struct follow *f)
{
	for (;;) {
		struct timeval none = { 0, 0 };
		AUTO(free_message) LDAPMessage *m = NULL;
		int kind = ldap_result(f->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &none, &m);
		if (kind == 0)
			return OK;
		if (kind < 0)
			return fail(E_DOWN, "directory: the connection of content sync broke");
		if (on_message(f, m) != OK)
			return E_DOWN;
	}
}

static int beat(struct follow *f)
{
	static char *none[] = { (char *)LDAP_NO_ATTRS, NULL };
	uint64_t t = ticks_ms();
	if (t - atomic_load(&sync_of.heard) >= SILENCE_MS)
		return fail(E_DOWN, "directory: silent for %d s", SILENCE_MS / 1000);
	if (t < f->next_beat || f->beat != 0)
		return OK;
	f->next_beat = t + BEAT_MS;
	int rc = ldap_search_ext(f->ld, dir_conf.base, LDAP_SCOPE_BASE, "(objectClass=*)", none, 0, NULL, NULL, NULL, 0, &f->beat);
	return rc == LDAP_SUCCESS ? OK : fail(E_DOWN, "directory: content sync: %s", ldap_err2string(rc));
}

/* Many changes of services in a row cost a few loads. */
static int reload(struct follow *f)
{
	uint64_t t = ticks_ms();
	if (!f->services_changed || t < f->next_reload)
		return OK;
	f->services_changed = false;
	f->next_reload = t + RELOAD_MS;
	return services_load();
}

static unsigned next_in(const struct follow *f)
{
	uint64_t t = ticks_ms(), at = f->services_changed && f->next_reload < f->next_beat ? f->next_reload : f->next_beat;
	return at > t ? (unsigned)(at - t) : f->beat != 0 ? BEAT_MS / 4 : 0;
}

static void follow_once(struct follow *f)
{
	char cookie[MAX_COOKIE];
	int fd;
	if (read_cookie(f->ld, cookie) != OK || begin(f, cookie) != OK || ldap_get_option(f->ld, LDAP_OPT_DESC, &fd) != 0)
		return;
	atomic_store(&sync_of.heard, ticks_ms());
	while (beat(f) == OK && !thread_pause(&sync_of.thread, fd, next_in(f)))
		if (read_messages(f) != OK || reload(f) != OK)
			return;
}

static void *follow(void *unused)
{
	unsigned again;
	do {
		struct follow f = { 0 };
		again = AGAIN_MS;
		if (dir_connect(LINK_SERVICE, &f.ld) == OK) {
			int fit = guard_check();
			if (fit == OK)
				follow_once(&f);
			again = fit == E_INPUT ? MEND_MS : AGAIN_MS;
		}
		atomic_store(&sync_of.following, false);
		forget_all();
		dir_close(f.ld);
	} while (!thread_pause(&sync_of.thread, -1, again));
	return unused;
}

int sync_start(void)
{
	return thread_start(&sync_of.thread, "directory", follow);
}

void sync_stop(void)
{
	thread_stop(&sync_of.thread);
}
