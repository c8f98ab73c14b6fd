/* Who is told what, and how: the one place that decides it. */
#include "base/clock.h"
#include "core/notice_parts.h"
#include "svc/audit.h"
#include "svc/texts.h"

/* Texts; what stands behind the point is the word for the audit trail. */
static const char *const names[NOTICE_EVENTS] = {
	[NOTICE_KEY_ADDED] = "notice.key-added", [NOTICE_KEY_ACTIVATED] = "notice.key-activated", [NOTICE_KEY_LOCKED] = "notice.key-locked", [NOTICE_KEY_REMOVED] = "notice.key-removed",
	[NOTICE_PASSWORD_CHANGED] = "notice.password-changed", [NOTICE_CONTACT_CHANGED] = "notice.contact-changed",
	[NOTICE_PERSON_ADDED] = "notice.person-added", [NOTICE_PERSON_REMOVED] = "notice.person-removed",
	[NOTICE_PERSON_SUSPENDED] = "notice.person-suspended", [NOTICE_PERSON_ACTIVATED] = "notice.person-activated",
	[NOTICE_KEY_CHANGED] = "notice.key-changed", [NOTICE_KEY_RENAMED] = "notice.key-renamed", [NOTICE_LOGIN_NEW] = "notice.login-new",
};

static const char *site;

void notice_open(const char *origin)
{
	site = origin;
}

static bool is_security(enum notice_event event)
{
	return event < NOTICE_KEY_RENAMED;
}

bool notice_wanted(const struct notice *n)
{
	return site != NULL && (is_security(n->event) || !slice_is(slice_of(n->person->notice), "security"));
}

/* --- to whom --- */

/* Telephone numbers are written with spaces in directories (RFC 4517 3.3.31). */
static const char *dialled(struct arena *a, const char *number)
{
	char *out = arena_strdup(a, number), *to = out;
	for (; *number != '\0'; number++)
		if (strchr(" -().", *number) == NULL)
			*to++ = *number;
	*to = '\0';
	return out;
}

struct ways {
	struct notice_way *at;
	size_t n;
};

static void way(struct arena *a, struct ways *w, enum channel channel, const char *to)
{
	if (to == NULL || !outbox_carries(channel))
		return;
	if (channel == CHANNEL_SMS)
		to = dialled(a, to);
	bool fit = channel == CHANNEL_MAIL ? outbox_mail_address(slice_of(to)) : outbox_phone_number(slice_of(to));
	for (size_t i = 0; i < w->n; i++)
		fit = fit && strcmp(w->at[i].to, to) != 0;
	if (fit)
		w->at[w->n++] = (struct notice_way){ channel, to };
}

size_t notice_ways(struct arena *a, const struct notice *n, struct notice_way out[NOTICE_WAYS])
{
	const struct person *p = n->person;
	struct ways w = { out, 0 };
	way(a, &w, CHANNEL_MAIL, p->mail_verified ? p->mail : NULL);
	if (w.n == 0 || is_security(n->event))
		way(a, &w, CHANNEL_SMS, p->mobile_verified ? p->mobile : NULL);
	way(a, &w, CHANNEL_MAIL, n->old_mail);
	way(a, &w, CHANNEL_SMS, n->old_mobile);
	return w.n;
}

/* --- what --- */

static const char *key_name(struct arena *a, const struct notice *n, const char *lang)
{
	const char *id = arena_printf(a, "kind.%s.title", n->kind != NULL ? n->kind : "");
	const char *title = texts_have(id) ? text(lang, id) : n->key != NULL ? n->key : "";
	return n->label != NULL ? arena_printf(a, "%s (%s)", title, n->label) : title;
}

static const char *place(struct arena *a, const struct notice *n, const char *lang)
{
	const char *parts[] = { n->peer, n->service, n->agent };
	struct buf b = buf_new(a);
	if (n->by_administrator)
		return text(lang, "notice.administrator");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i] != NULL && parts[i][0] != '\0')
			buf_printf(&b, "%s%s", b.n > 0 ? ", " : "", parts[i]);
	return b.n > 0 ? buf_cstr(&b) : text(lang, "notice.place-unknown");
}

/* Who has no account any more, or cannot come in, is given another advice. */
static const char *text_of(const struct notice *n, enum channel channel)
{
	bool mail = channel == CHANNEL_MAIL;
	if (n->event == NOTICE_PERSON_REMOVED)
		return mail ? "mail.removed" : "sms.removed";
	if (n->event == NOTICE_PERSON_SUSPENDED)
		return mail ? "mail.suspended" : "sms.suspended";
	return mail ? "mail.notice" : "sms.notice";
}

void notice_message(struct arena *a, const struct notice *n, const struct notice_way *to, struct message *out)
{
	const char *lang = texts_choose_locales(slice_of(n->person->locale)), *at = place(a, n, lang), *host = strstr(site, "://");
	const struct text_arg args[] = {
		{ "what", text(lang, names[n->event]) }, { "of", n->kind != NULL && n->event != NOTICE_CONTACT_CHANGED ? text_with(a, lang, "notice.of", "key", key_name(a, n, lang), NULL) : "" },
		{ "time", text_time(a, lang, now()) }, { "place", at },
		{ "where", n->by_administrator ? text(lang, "notice.by-administrator") : text_with(a, lang, "notice.place", "place", at, NULL) },
		{ "url", arena_printf(a, "%s/keys", site) }, { "host", host != NULL ? host + 3 : site },
	};
	*out = (struct message){ .channel = to->channel, .to = to->to, .lang = lang,
		.text_id = text_of(n, to->channel), .args = memcpy(arena_alloc(a, sizeof args), args, sizeof args), .nargs = sizeof args / sizeof *args, .expires = now() + OUTBOX_LIFE_S,
		.dedup = n->dedup != NULL ? arena_printf(a, "%s %s %s", n->dedup, names[n->event], to->to) : NULL };
}

/* --- out --- */

void notice_lost(const struct notice *n, const char *why)
{
	AUDIT(.event = EV_NOTICE_LOST, .subject = n->person->subject, .kind = n->kind, .key = n->key, .what = names[n->event] + strlen("notice."), .why = why);
}

void notice_send(const struct notice *n)
{
	AUTO_ARENA a = arena_new();
	struct notice_way ways[NOTICE_WAYS];
	bool lost = false;
	if (!notice_wanted(n))
		return;
	size_t nways = notice_ways(a, n, ways);
	for (size_t i = 0; i < nways; i++) {
		struct message m;
		notice_message(a, n, &ways[i], &m);
		int rc = outbox_put(a, &m);
		lost = lost || (rc != OK && rc != E_EXISTS);
	}
	if (lost)
		notice_lost(n, "not-queued");
	else if (nways == 0 && is_security(n->event))
		notice_lost(n, "no-address");
}
