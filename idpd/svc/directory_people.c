/* People and their keys: from the cache, else from the directory in two round trips. */
#include <pthread.h>
#include <semaphore.h>
#include <strings.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

enum { MAX_NAME = 256, MAX_PASSWORD = 1024 };

/* The only place where a filter is made of what somebody typed. Only the name is worth an index: behind the double negation slapd looks at the
 * entries it has found, instead of fetching the list of everybody for each condition (ten times the cost with 60,000 people). */
static const char *filter(struct arena *a, const char *attribute, struct slice value, const char *also)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "(&(");
	buf_raw(&b, slice_of(attribute));
	buf_lit(&b, "=");
	buf_filter(&b, value);
	buf_lit(&b, ")(!(!(&(objectClass=csamPerson)");
	buf_raw(&b, slice_of(dir_conf.people_filter));
	buf_raw(&b, slice_of(also));
	buf_lit(&b, "))))");
	return buf_cstr(&b);
}

/* The directory takes many spellings for one (RFC 4518: wide letters, odd spaces), we only upper and lower case of ASCII, as the cache and the
 * counters of names that nobody has: were more of them one for people who exist, a counter would tell who does. */
static bool has_name(struct arena *a, const struct entry *e, struct slice name)
{
	for (const char *const *have = entry_strings(a, e, dir_conf.people_name_attr); *have != NULL; have++)
		if (strlen(*have) == name.n && strncasecmp(*have, name.p, name.n) == 0)
			return true;
	return false;
}

/* What is asked about a person is asked about the decoy where there is none, so that the time does not tell. */
static int read_nobody(struct arena *a, const char *const *none)
{
	struct query what[] = {
		{ dir_conf.decoy_dn, SCOPE_CHILDREN, "(csamKeyId=*)", parse_key_attributes, DIR_KEYS_MAX, false },
		{ dir_conf.decoy_dn, SCOPE_ENTRY, "(objectClass=*)", none, 2, false },
	};
	struct entries found[2];
	int e = dir_search(a, what, 2, found);
	return e == OK ? E_NOENT : E_DOWN;
}

/* The person, and in the same breath whether there is a password: nobody may read it, so the filter asks. */
static int read_person(struct arena *a, const char *attribute, struct slice value, struct found *out)
{
	static const char *const none[] = { "1.1", NULL };	/* RFC 4511 4.5.1.8 */
	const char *wanted[40];
	size_t n = 0;
	while (parse_person_attributes[n] != NULL) {
		wanted[n] = parse_person_attributes[n];
		n++;
	}
	wanted[n++] = dir_conf.people_name_attr;
	wanted[n] = NULL;
	struct query who[] = {
		{ dir_conf.people_base, SCOPE_SUBTREE, filter(a, attribute, value, ""), wanted, 2, true },
		{ dir_conf.people_base, SCOPE_SUBTREE, filter(a, attribute, value, "(userPassword=*)"), none, 2, true },
	};
	struct entries found[2], keys;
	int e = dir_search(a, who, 2, found);
	if (e != OK)
		return e == E_INPUT ? E_DOWN : e;	/* the configured filter: said */
	if (found[0].n == 0)
		return read_nobody(a, none);
	if (found[0].n > 1)
		return fail(E_INPUT, "directory: %s and %s have the same %s", found[0].e[0].dn, found[0].e[1].dn, attribute);
	if (strcmp(attribute, dir_conf.people_name_attr) == 0 && !has_name(a, &found[0].e[0], value))
		return read_nobody(a, none);
	struct query what = { found[0].e[0].dn, SCOPE_CHILDREN, "(csamKeyId=*)", parse_key_attributes, DIR_KEYS_MAX, false };
	e = dir_search(a, &what, 1, &keys);
	if (e != OK)
		return e == E_INPUT ? E_DOWN : e;
	e = parse_person(a, &found[0].e[0], &keys, out);
	if (e != OK)
		return E_NOENT;		/* said */
	out->person.has_password = found[1].n == 1 && strcmp(found[1].e[0].dn, found[0].e[0].dn) == 0;
	return OK;
}

static int ask(struct arena *a, enum cache_by by, struct slice value, const struct person **out)
{
	if (would_block())
		return E_WAIT;
	uint64_t sequence = cache_sequence();
	struct found *found = ARENA_NEW(a, struct found);
	int e = read_person(a, by == BY_NAME ? dir_conf.people_name_attr : "csamSubject", value, found);
	if (e != OK)
		return e;
	if (sync_alive())
		cache_put(sequence, found);
	*out = &found->person;
	return OK;
}

static int find(struct arena *a, enum cache_by by, struct slice value, const struct person **out)
{
	const struct person *p = sync_alive() ? cache_get(a, by, value) : NULL;
	if (p == NULL)
		return ask(a, by, value, out);
	*out = p;
	return OK;
}

static bool may_be_name(struct slice name)
{
	return name.n > 0 && name.n <= MAX_NAME && slice_is_text(name, "");
}

int directory_person_by_name(struct arena *a, struct slice name, const struct person **out)
{
	return may_be_name(name) ? find(a, BY_NAME, name, out) : E_NOENT;
}

int directory_person_typed(struct arena *a, struct slice name, const struct person **out)
{
	return may_be_name(name) ? ask(a, BY_NAME, name, out) : E_NOENT;
}

int directory_person(struct arena *a, const char *subject, const struct person **out)
{
	struct slice s = slice_of(subject);
	if (s.n != 36 || !slice_is_text(s, ""))
		return E_NOENT;
	return find(a, BY_SUBJECT, s, out);
}

/* --- by national number --- */

enum { NUMBERS = 4096, DIGITS = 11, SUBJECT = 36 };

/* Whose number it was when it was read last. What the person's entry says now decides. */
static struct {
	char number[DIGITS], subject[SUBJECT + 1];
} numbers[NUMBERS];
static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t place_of(struct slice number)
{
	size_t n = 0;
	for (size_t i = 0; i < number.n; i++)
		n = n * 31 + (unsigned char)number.p[i];
	return n % NUMBERS;
}

static bool known(struct slice number, char subject[SUBJECT + 1])
{
	size_t at = place_of(number);
	pthread_mutex_lock(&numbers_lock);
	bool yes = slice_eq(slice_mem(numbers[at].number, DIGITS), number);
	memcpy(subject, numbers[at].subject, SUBJECT + 1);
	pthread_mutex_unlock(&numbers_lock);
	return yes;
}

static void note(struct slice number, const char *subject)
{
	size_t at = place_of(number);
	if (strlen(subject) != SUBJECT)
		return;
	pthread_mutex_lock(&numbers_lock);
	memcpy(numbers[at].number, number.p, DIGITS);
	memcpy(numbers[at].subject, subject, SUBJECT + 1);
	pthread_mutex_unlock(&numbers_lock);
}

int directory_person_by_number(struct arena *a, struct slice number, const struct person **out)
{
	char subject[SUBJECT + 1];
	const struct person *p;
	if (number.n != DIGITS || strspn(arena_str(a, number), "0123456789") != DIGITS)
		return E_NOENT;
	int e = known(number, subject) ? directory_person(a, subject, &p) : E_NOENT;
	if (e == E_WAIT || (e == OK && slice_is(number, p->national_number))) {
		*out = p;
		return e;
	}
	if (would_block())
		return E_WAIT;
	uint64_t sequence = cache_sequence();
	struct found *found = ARENA_NEW(a, struct found);
	e = read_person(a, "csamNationalNumber", number, found);
	if (e != OK)
		return e;
	if (sync_alive())
		cache_put(sequence, found);
	note(number, found->person.subject);
	*out = &found->person;
	return OK;
}

/* A hash takes a core for a while, and more of them at once than cores only make each one slower. */
static sem_t verifiers;

void verify_open(unsigned most)
{
	sem_init(&verifiers, 0, most);
}

static int verify(const char *dn, struct slice password)
{
	while (sem_wait(&verifiers) != 0)
		;	/* EINTR */
	int e = dir_bind(dn, password);
	sem_post(&verifiers);
	return e;
}

int directory_verify(const struct person *person, struct slice password)
{
	if (would_block())
		return E_WAIT;
	/* An empty password would be an anonymous bind, which every server answers with success (RFC 4513 5.1.2); some
	 * password schemes read a NUL as the end. Neither says anything about anybody, so it may be quick. */
	if (password.n == 0 || password.n > MAX_PASSWORD || memchr(password.p, '\0', password.n) != NULL)
		return E_NOENT;
	bool real = person != NULL && person->has_password && person_is_active(person);
	int e = verify(real ? person->dn : dir_conf.decoy_dn, password);
	if (e == OK && !real)
		return E_NOENT;
	return e;
}
