/* Entries of people and keys to structs. Whatever cannot be read becomes the value that denies. */
#include <stdio.h>
#include <strings.h>
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "svc/directory_parts.h"

const char *const parse_person_attributes[] = {
	"objectClass", "entryUUID", "csamSubject", "csamPersonState", "uid", "givenName", "sn", "displayName", "mail", "mobile",
	"preferredLanguage", "homePostalAddress", "postalAddress", "csamNationalNumber", "csamMailVerified", "csamMobileVerified",
	"csamIdentityLevel", "csamKeyFailures", "pwdChangedTime", "pwdReset", "modifyTimestamp", "uidNumber", "csamConsent",
	"csamNotice", "csamTermsAccepted",
	NULL,
};

const char *const parse_key_attributes[] = {
	"objectClass", "entryUUID", "csamKeyId", "csamKeyKind", "csamKeyState", "description", "csamKeyAddress", "csamKeySecret",
	"csamKeyData", "csamKeyCounter", "csamKeyFailures", "csamKeyLevel", "csamKeyNotAfter",
	"csamKeyLastUsed", NULL,
};

const struct attribute *entry_attribute(const struct entry *e, const char *attribute)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcasecmp(e->attributes[i].name, attribute) == 0)
			return e->attributes[i].n > 0 ? &e->attributes[i] : NULL;
	return NULL;
}

const struct attribute *entry_words(const struct entry *e, const char *attribute, const char *lang)
{
	char name[64];
	const struct attribute *words = NULL;
	if (lang != NULL && snprintf(name, sizeof name, "%s;lang-%s", attribute, lang) < (int)sizeof name)
		words = entry_attribute(e, name);
	return words != NULL ? words : entry_attribute(e, attribute);
}

/* A value with a NUL inside would be read as another, shorter one. */
static const char *as_string(struct slice value)
{
	return memchr(value.p, '\0', value.n) == NULL ? value.p : NULL;
}

const char *entry_string(const struct entry *e, const char *attribute)
{
	const struct attribute *v = entry_attribute(e, attribute);
	return v == NULL ? NULL : as_string(v->values[0]);
}

const char *const *entry_strings(struct arena *a, const struct entry *e, const char *attribute)
{
	const struct attribute *v = entry_attribute(e, attribute);
	const char **list = ARENA_ARRAY(a, const char *, v == NULL ? 1 : v->n + 1);
	size_t n = 0;
	for (size_t i = 0; v != NULL && i < v->n; i++)
		if ((list[n] = as_string(v->values[i])) != NULL)
			n++;
	return list;
}

bool entry_is_a(const struct entry *e, const char *object_class)
{
	const struct attribute *v = entry_attribute(e, "objectClass");
	for (size_t i = 0; v != NULL && i < v->n; i++)
		if (strcasecmp(v->values[i].p, object_class) == 0)
			return true;
	return false;
}

/* A number, `absent` when there is none, `bad` when it is none. */
static uint64_t number(const struct entry *e, const char *attribute, uint64_t max, uint64_t absent, uint64_t bad)
{
	const struct attribute *v = entry_attribute(e, attribute);
	unsigned long long n;
	if (v == NULL)
		return absent;
	return slice_number(v->values[0], max, &n) == OK ? n : bad;
}

/* The most that something may reach; 0 when nothing is said. Who says 0, or nothing we understand, gets the least. */
static unsigned cap(const struct entry *e, const char *attribute)
{
	uint64_t n = number(e, attribute, 500, 0, 1);
	return n == 0 && entry_attribute(e, attribute) != NULL ? 1 : (unsigned)n;
}

static struct slice bytes(const struct entry *e, const char *attribute)
{
	const struct attribute *v = entry_attribute(e, attribute);
	return v == NULL ? S_NONE : v->values[0];
}

static bool uuid(struct arena *a, const struct entry *e, unsigned char out[UUID_LEN])
{
	struct slice text = bytes(e, "entryUUID"), raw;
	char hex[2 * UUID_LEN + 1];
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '-' && n < sizeof hex)
			hex[n++] = text.p[i];
	if (n != 2 * UUID_LEN || hex_decode(a, slice_mem(hex, n), &raw) != OK)
		return false;
	memcpy(out, raw.p, UUID_LEN);
	return true;
}

/* Key without kind or state: a state that is not active. */
static void parse_key(const struct entry *e, struct key *out)
{
	const char *id = entry_string(e, "csamKeyId"), *kind = entry_string(e, "csamKeyKind"), *state = entry_string(e, "csamKeyState");
	*out = (struct key){ .dn = e->dn, .id = id ? id : "", .kind = kind ? kind : "", .state = state ? state : "",
		.label = entry_string(e, "description"), .address = entry_string(e, "csamKeyAddress"),
		.secret = bytes(e, "csamKeySecret"), .data = bytes(e, "csamKeyData"),
		.counter = number(e, "csamKeyCounter", INT64_MAX, 0, UINT64_MAX),
		.failures = (unsigned)number(e, "csamKeyFailures", INT32_MAX, 0, INT32_MAX),
		.level = cap(e, "csamKeyLevel") };
	const char *end = entry_string(e, "csamKeyNotAfter");
	if (entry_attribute(e, "csamKeyNotAfter") != NULL && (time_parse_ldap(end, &out->not_after) != OK || out->not_after == 0))
		out->not_after = 1;		/* 0 is "no end" */
	if (time_parse_ldap(entry_string(e, "csamKeyLastUsed"), &out->last_used) != OK)
		out->last_used = 0;
}

static const char *choose(const char *const *values, bool (*same)(const char *, const char *), const char *verified)
{
	for (size_t i = 0; verified != NULL && values[i] != NULL; i++)
		if (same(values[i], verified))
			return values[i];
	return values[0];
}

static bool same_mail(const char *x, const char *y)
{
	return strcasecmp(x, y) == 0;
}

/* RFC 4518 2.6.3: spaces and hyphens do not count in telephone numbers. */
static bool same_phone(const char *x, const char *y)
{
	for (;; x++, y++) {
		x += strspn(x, " -");
		y += strspn(y, " -");
		if (*x != *y)
			return false;
		if (*x == '\0')
			return true;
	}
}

/* The address that was verified, if the person still has it; else the first, unverified. */
static void parse_contact(struct arena *a, const struct entry *e, struct person *p)
{
	const char *mail = entry_string(e, "csamMailVerified"), *mobile = entry_string(e, "csamMobileVerified");
	p->mail = choose(entry_strings(a, e, "mail"), same_mail, mail);
	p->mobile = choose(entry_strings(a, e, "mobile"), same_phone, mobile);
	p->mail_verified = p->mail != NULL && mail != NULL && same_mail(p->mail, mail);
	p->mobile_verified = p->mobile != NULL && mobile != NULL && same_phone(p->mobile, mobile);
}

/* RFC 4517 3.3.28: lines end at '$'; "\24" is a dollar, "\5C" a backslash. */
static const char *parse_address(struct arena *a, const struct entry *e)
{
	const char *in = entry_string(e, "homePostalAddress");
	if (in == NULL)
		in = entry_string(e, "postalAddress");
	if (in == NULL)
		return NULL;
	char *out = arena_strdup(a, in), *to = out;
	for (; *in != '\0'; in++)
		if (strncmp(in, "\\24", 3) == 0 || strncasecmp(in, "\\5c", 3) == 0) {
			*to++ = in[1] == '2' ? '$' : '\\';
			in += 2;
		} else {
			*to++ = *in == '$' ? '\n' : *in;
		}
	*to = '\0';
	return out;
}

/* The first language of preferredLanguage, which is an Accept-Language (RFC 2798 2.7). */
static const char *parse_locale(struct arena *a, const struct entry *e)
{
	const char *all = entry_string(e, "preferredLanguage");
	size_t n = all == NULL ? 0 : strcspn(all, " ,;");
	return n == 0 ? NULL : arena_str(a, slice_mem(all, n));
}

/* Of several names the one in the DN. */
static const char *parse_name(struct arena *a, const struct entry *e)
{
	const char *const *names = entry_strings(a, e, dir_conf.people_name_attr);
	size_t attr = strlen(dir_conf.people_name_attr);
	const char *rdn = strncasecmp(e->dn, dir_conf.people_name_attr, attr) == 0 && e->dn[attr] == '=' ? e->dn + attr + 1 : NULL;
	for (size_t i = 0; rdn != NULL && names[i] != NULL; i++) {
		size_t n = strlen(names[i]);
		if (strncasecmp(rdn, names[i], n) == 0 && (rdn[n] == ',' || rdn[n] == '+' || rdn[n] == '\0'))
			return names[i];
	}
	return names[0];
}

/* The eID is the State's, and nobody has to activate it: who has a national number has it, unless an entry says that it is closed. Of more keys than are
 * read, one unread may say so. */
static size_t add_eid(const struct person *p, struct key *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].kind, "eid") == 0)
			return n;
	if (p->national_number == NULL || n >= DIR_KEYS_MAX)
		return n;
	list[n] = (struct key){ .dn = "", .id = "eid", .kind = "eid", .state = "active", .secret = S(""), .data = S("") };
	return n + 1;
}

int parse_person(struct arena *a, const struct entry *e, const struct entries *keys, struct found *out)
{
	const char *state = entry_string(e, "csamPersonState"), *changed = entry_string(e, "pwdChangedTime");
	const char *modified = entry_string(e, "modifyTimestamp");
	struct person *p = &out->person;
	*p = (struct person){ .dn = e->dn, .subject = entry_string(e, "csamSubject"), .name = parse_name(a, e),
		.state = state ? state : "", .given_name = entry_string(e, "givenName"), .family_name = entry_string(e, "sn"),
		.display_name = entry_string(e, "displayName"), .locale = parse_locale(a, e), .address = parse_address(a, e),
		.national_number = entry_string(e, "csamNationalNumber"), .notice = entry_string(e, "csamNotice"),
		.identity_level = cap(e, "csamIdentityLevel"),
		.password_failures = (unsigned)number(e, "csamKeyFailures", INT32_MAX, 0, INT32_MAX),
		.password_changed = changed ? changed : "",
		.uid_number = number(e, "uidNumber", UINT32_MAX, 0, 0), .consents = entry_strings(a, e, "csamConsent"),
		.terms = entry_strings(a, e, "csamTermsAccepted") };
	if (p->subject == NULL || p->name == NULL)
		return fail(E_INPUT, "directory: %s is skipped: without csamSubject or %s", e->dn, dir_conf.people_name_attr);
	parse_contact(a, e, p);
	p->must_change = slice_is(slice_of(entry_string(e, "pwdReset")), "TRUE");
	if (modified != NULL && time_parse_ldap(modified, &p->modified) != OK)
		p->modified = 0;
	struct key *list = ARENA_ARRAY(a, struct key, keys->n + 1);
	out->uuids = arena_alloc_array(a, keys->n + 1, UUID_LEN);
	out->nuuids = 0;
	bool known = uuid(a, e, out->uuids[out->nuuids++]);
	for (size_t i = 0; i < keys->n; i++) {
		parse_key(&keys->e[i], &list[i]);
		known = uuid(a, &keys->e[i], out->uuids[out->nuuids++]) && known;
	}
	if (!known)
		out->nuuids = 0;	/* changes could pass unnoticed: cache_put refuses it */
	p->keys = list;
	p->nkeys = add_eid(p, list, keys->n);
	return OK;
}
