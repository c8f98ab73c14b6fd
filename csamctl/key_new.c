/* csamctl key new: one new key of one person, as LDIF. */
#include <unistd.h>
#include "csamctl/card.h"
#include "csamctl/fields.h"
#include "csamctl/otp_show.h"
#include "csamctl/person.h"

/* The next free name PREFIX-N: one above the highest, so that the name of a deleted key is not given at once to another. */
static const char *next_id(struct ctl *c, const char *prefix, const struct ldap_entry *keys, size_t n)
{
	unsigned long long highest = 0, number;
	struct slice start = slice_of(arena_printf(c->a, "%s-", prefix));
	for (size_t i = 0; i < n; i++) {
		struct slice id = slice_of(entry_str(&keys[i], "csamKeyId"));
		if (slice_starts(id, start) && slice_number(slice_mem(id.p + start.n, id.n - start.n), 1000000, &number) == OK && number > highest)
			highest = number;
	}
	return arena_printf(c->a, "%s-%llu", prefix, highest + 1);
}

/* The person of --person, and what every new key has. */
struct owner {
	struct ldap_entry person, keys[KEYS_MAX];
	size_t n;
	struct key_new k;
};

static int load(struct ctl *c, const char *prefix, struct owner *o)
{
	struct dir *d;
	const char *label = opt(c, "label"), *level = opt(c, "level"), *why = NULL;
	if (label != NULL)
		why = field_text(slice_of(label));
	if (why == NULL && level != NULL)
		why = field_level(slice_of(level));
	if (why != NULL)
		return refuse("%s", why);
	int rc = dir_open(c, &d);
	if (rc == DONE)
		rc = person_find(c, d, opt(c, "person"), &o->person);
	if (rc == DONE)
		rc = person_keys(c, d, &o->person, o->keys, &o->n);
	if (rc == DONE)
		o->k = (struct key_new){ .person_dn = o->person.dn, .subject = entry_str(&o->person, "csamSubject"),
			.id = next_id(c, prefix, o->keys, o->n), .kind = prefix, .label = label, .level = level, .pending = opt_on(c, "pending") };
	return rc;
}

static int give(struct ctl *c, const struct owner *o)
{
	struct buf out = buf_new(c->a);
	int rc = key_record(c, &o->k, &out);
	return rc == DONE ? print(&out) : rc;
}

static int secret_of(struct ctl *c, const char **secret)
{
	const char *given = opt(c, "secret"), *why = field_totp(c->a, slice_of(given != NULL ? given : "new"), secret);
	return why != NULL ? refuse("%s", why) : DONE;
}

/* --- what generates codes --- */

static int new_app_run(struct ctl *c)
{
	struct owner *o = ARENA_NEW(c->a, struct owner);
	const char *secret;
	int rc = secret_of(c, &secret);
	if (rc == DONE)
		rc = load(c, "app", o);
	if (rc != DONE)
		return rc;
	o->k.secret = secret;
	rc = give(c, o);
	if (rc == DONE)
		otp_show(c, stderr, opt_on(c, "qr"), opt(c, "person"), secret);
	return rc;
}

static int new_password_run(struct ctl *c)
{
	struct owner *o = ARENA_NEW(c->a, struct owner);
	int rc = load(c, "password", o);
	return rc == DONE ? give(c, o) : rc;
}

static const char *one_of(const char *value, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], value) == 0)
			return words[i];
	return NULL;
}

/* csamKeyData of a token, from options that are like those of the seed file that came with it. */
static int token_data(struct ctl *c, const char **data, const char **counter)
{
	static const char *const digits[] = { "6", "7", "8", NULL }, *const hashes[] = { "sha1", "sha256", "sha512", NULL },
		*const periods[] = { "30", "60", NULL };
	const char *d = opt(c, "digits") ? opt(c, "digits") : "6", *h = opt(c, "hash") ? opt(c, "hash") : "sha1";
	const char *p = opt(c, "period") ? opt(c, "period") : "30", *at = opt(c, "counter");
	unsigned long long n;
	bool hotp = opt_on(c, "hotp");
	if (one_of(d, digits) == NULL || one_of(h, hashes) == NULL || one_of(p, periods) == NULL)
		return refuse("a token has 6, 7 or 8 digits, sha1, sha256 or sha512, and 30 or 60 seconds");
	if (hotp ? opt(c, "period") != NULL : at != NULL)
		return refuse(hotp ? "a token with a counter (--hotp) has no period" : "a token with a clock has no counter (--hotp)");
	if (at != NULL && slice_number(slice_of(at), UINT32_MAX, &n) != OK)
		return refuse("the counter is the number of codes that the token has shown: 0, 1, 2 ...");
	*data = hotp ? arena_printf(c->a, "hotp %s %s", d, h) : arena_printf(c->a, "totp %s %s %s", d, h, p);
	*counter = at;
	return DONE;
}

static int new_token_run(struct ctl *c)
{
	struct owner *o = ARENA_NEW(c->a, struct owner);
	const char *secret, *data = NULL, *counter = NULL;
	int rc = secret_of(c, &secret);
	if (rc == DONE)
		rc = token_data(c, &data, &counter);
	if (rc == DONE)
		rc = load(c, "token", o);
	if (rc != DONE)
		return rc;
	o->k.secret = secret;
	o->k.data = data;
	o->k.counter = counter;
	return give(c, o);
}

static int new_card_run(struct ctl *c)
{
	struct owner *o = ARENA_NEW(c->a, struct owner);
	struct card *card = ARENA_NEW(c->a, struct card);
	struct buf shown = buf_new(c->a);
	const char *secret = NULL, *page = opt(c, "page"), *lang = opt(c, "lang"), *why = lang != NULL ? field_language(slice_of(lang)) : NULL;
	if (why != NULL || (why = field_totp(c->a, S("new"), &secret)) != NULL)
		return refuse("%s", why);
	int rc = load(c, "card", o);
	if (rc == DONE)
		rc = card_make(c, secret, card);
	if (rc != DONE)
		return rc;
	const char *shown_name = entry_str(&o->person, "displayName");
	card->person = shown_name != NULL ? shown_name : opt(c, "person");
	card->id = o->k.id;
	card->lang = lang != NULL ? lang : entry_str(&o->person, "preferredLanguage");
	if (card->lang != NULL && field_language(slice_of(card->lang)) != NULL)
		card->lang = NULL;
	o->k.kind = "token";		/* a token made of paper */
	o->k.secret = secret;
	o->k.data = arena_printf(c->a, "card %d", CARD_CODES);
	if (page != NULL)
		rc = card_page(c, card, page);
	if (rc == DONE && (rc = give(c, o)) != DONE && page != NULL)
		unlink(page);		/* no card without its key */
	if (rc != DONE || page != NULL)
		return rc;
	card_text(card, &shown);
	fputs(buf_cstr(&shown), stderr);
	return DONE;
}

/* --- where codes are sent --- */

/* B16: a new number means that the old one goes first, so that no code goes to whoever has it next. */
static int has_none(struct ctl *c, const struct owner *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (entry_has(&o->keys[i], "csamKeyKind", o->k.kind) && !entry_has(&o->keys[i], "csamKeyState", "revoked"))
			return refuse("%s has the key %s already → csamctl key revoke %s %s", opt(c, "person"), entry_str(&o->keys[i], "csamKeyId"),
			    opt(c, "person"), entry_str(&o->keys[i], "csamKeyId"));
	return DONE;
}

static int new_sent(struct ctl *c, const char *kind, const char *attribute, const char *(*check)(struct arena *, struct slice, const char **))
{
	struct owner *o = ARENA_NEW(c->a, struct owner);
	int rc = load(c, kind, o);
	if (rc == DONE)
		rc = has_none(c, o);
	if (rc != DONE)
		return rc;
	const char *address = opt(c, "address") ? opt(c, "address") : entry_str(&o->person, attribute);
	if (address == NULL)
		return refuse("%s has no %s that was verified → --address, when you know it to be theirs", opt(c, "person"), attribute);
	const char *why = check(c->a, slice_of(address), &o->k.address);
	return why != NULL ? refuse("%s", why) : give(c, o);
}

static const char *check_mail(struct arena *a, struct slice in, const char **out)
{
	const char *why = field_mail(in);
	*out = arena_str(a, in);
	return why;
}

static int new_mail_run(struct ctl *c)
{
	return new_sent(c, "mail", "csamMailVerified", check_mail);
}

static int new_sms_run(struct ctl *c)
{
	return new_sent(c, "sms", "csamMobileVerified", field_phone);
}

/* --- their command lines --- */

#define COMMON \
	{ "person", "NAME", "whose key it is", OPT_MUST, 0 }, \
	{ "label", "TEXT", "how the person tells it from others: my telephone", 0, 0 }, \
	{ "level", "LEVEL", "the key reaches no higher than this", 0, 0 }, \
	{ "pending", NULL, "the key waits until the person shows one of its codes on /keys", 0, 0 }
#define EXAMPLE(words) "  csamctl key new " words " | ldapmodify -H ldapi:/// -Y EXTERNAL\n"

static const struct opt app_opts[] = {
	COMMON,
	{ "secret", "BASE32", "the secret, when there is one already; else a new one is made", OPT_SECRET, 0 },
	{ "qr", NULL, "draw the QR code also when standard error is no terminal", 0, 0 },
	{ "issuer", "LABEL", "name that authenticator apps show (default: host of the issuer)", 0, 0 },
	{ 0 },
};

static const struct opt password_opts[] = { COMMON, { 0 } };

static const struct opt token_opts[] = {
	COMMON,
	{ "secret", "BASE32", "its seed, from the maker", OPT_MUST | OPT_SECRET, 0 },
	{ "hotp", NULL, "a token with a counter (RFC 4226); else one with a clock (RFC 6238)", 0, 0 },
	{ "digits", "N", "digits of a code: 6 (default), 7 or 8", 0, 0 },
	{ "hash", "NAME", "sha1 (default), sha256 or sha512", 0, 0 },
	{ "period", "SECONDS", "30 (default) or 60: how long a code is shown", 0, 0 },
	{ "counter", "N", "codes that a token with a counter has shown so far", 0, 0 },
	{ 0 },
};

static const struct opt card_opts[] = {
	COMMON,
	{ "page", "FILE", "write the card there as a page to print (HTML), instead of as text to standard error", 0, 0 },
	{ "lang", "LANGUAGE", "language of the page (default: the person's)", 0, 0 },
	{ 0 },
};

static const struct opt sent_opts[] = {
	COMMON,
	{ "address", "ADDRESS", "where codes go, known to be the person's (default: what the person has verified)", 0, 0 },
	{ 0 },
};

const struct command cmd_key_new_app = {
	.path = "key new app", .operands = "", .opts = app_opts, .run = new_app_run,
	.what = "LDIF of an authenticator app; its QR code on standard error",
	.more = "The secret is sealed by the keyring before it is printed. It is shown once, as QR code and as address.",
	.examples = EXAMPLE("app --person alice --label 'my telephone'"),
};

const struct command cmd_key_new_password = {
	.path = "key new password", .operands = "", .opts = password_opts, .run = new_password_run,
	.what = "LDIF of a password key: name and password alone open services of level 200",
	.examples = EXAMPLE("password --person bruno"),
};

const struct command cmd_key_new_token = {
	.path = "key new token", .operands = "", .opts = token_opts, .run = new_token_run,
	.what = "LDIF of a hardware token with a clock or a counter",
	.more = "The seed is sealed by the keyring before it is printed. Whole boxes of tokens: csamctl key import.",
	.examples = EXAMPLE("token --person alice --secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ --hotp"),
};

const struct command cmd_key_new_card = {
	.path = "key new card", .operands = "", .opts = card_opts, .run = new_card_run,
	.what = "LDIF of a card of 24 numbered codes, and the card itself",
	.more = "Each code works once, and is asked by its number. The card is shown once: nobody can print it again.",
	.examples = EXAMPLE("card --person alice --page card.html"),
};

const struct command cmd_key_new_mail = {
	.path = "key new mail", .operands = "", .opts = sent_opts, .run = new_mail_run,
	.what = "LDIF of a key whose codes are sent by mail",
	.examples = EXAMPLE("mail --person alice"),
};

const struct command cmd_key_new_sms = {
	.path = "key new sms", .operands = "", .opts = sent_opts, .run = new_sms_run,
	.what = "LDIF of a key whose codes are sent to a telephone",
	.more = "A new number takes a new key, and the old one is revoked first.",
	.examples = EXAMPLE("sms --person alice --address '+32 470 00 00 01'"),
};
