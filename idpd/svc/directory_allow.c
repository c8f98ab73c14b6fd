/* May this person enter? Groups and filters of csamServiceAllow, asked of the directory, which knows how to match. */
#include <pthread.h>
#include <stdatomic.h>
#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/wait.h"
#include "svc/directory_parts.h"

static const char *const none[] = { "1.1", NULL };

/* Member of the group with that DN: groupOfNames, groupOfUniqueNames, or posixGroup by name. */
static struct query of_group(struct arena *a, const char *group, const struct person *person)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "(|(member=");
	buf_filter(&b, slice_of(person->dn));
	buf_lit(&b, ")(uniqueMember=");
	buf_filter(&b, slice_of(person->dn));
	buf_lit(&b, ")(memberUid=");
	buf_filter(&b, slice_of(person->name));
	buf_lit(&b, "))");
	return (struct query){ group, SCOPE_ENTRY, buf_cstr(&b), none, 1, false };
}

static struct query of_filter(struct arena *a, const char *filter, const struct person *person)
{
	return (struct query){ person->dn, SCOPE_ENTRY, arena_printf(a, "(&(objectClass=csamPerson)%s)", filter), none, 1, false };
}

/* Answers that were given, for as long as nothing but keys changes: neither rule looks at those. */
enum { SLOTS = 2048, KEY_LEN = 16 };

static struct slot {
	unsigned char key[KEY_LEN];	/* of person and rules */
	uint64_t generation;
	bool allowed;
} slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint_fast64_t generation = 1;

void allow_forget(void)
{
	atomic_fetch_add(&generation, 1);
}

static size_t key_of(struct arena *a, const struct service *service, const struct person *person, unsigned char key[SHA256_LEN])
{
	struct buf b = buf_new(a);
	buf_raw(&b, slice_of(person->subject));
	buf_char(&b, '\0');
	buf_raw(&b, slice_of(person->dn));
	for (const char *const *rule = service->allow; *rule != NULL; rule++) {
		buf_char(&b, '\0');
		buf_raw(&b, slice_of(*rule));
	}
	size_t at;
	sha256(buf_slice(&b), key);
	memcpy(&at, key + KEY_LEN, sizeof at);
	return at % SLOTS;
}

static bool remembered(size_t at, const unsigned char *key, int *answer)
{
	pthread_mutex_lock(&lock);
	struct slot s = slots[at];
	pthread_mutex_unlock(&lock);
	*answer = s.allowed ? OK : E_NOENT;
	return s.generation == atomic_load(&generation) && memcmp(s.key, key, KEY_LEN) == 0 && sync_alive();
}

static void remember(size_t at, const unsigned char *key, uint64_t since, int answer)
{
	struct slot s = { .generation = since, .allowed = answer == OK };
	if (answer != OK && answer != E_NOENT)
		return;
	memcpy(s.key, key, KEY_LEN);
	pthread_mutex_lock(&lock);
	slots[at] = s;
	pthread_mutex_unlock(&lock);
}

static int ask(struct arena *a, const struct service *service, const struct person *person)
{
	int answer = E_NOENT;
	for (const char *const *rule = service->allow; *rule != NULL; rule++) {
		struct query q = **rule == '(' ? of_filter(a, *rule, person) : of_group(a, *rule, person);
		struct entries found;
		int e = dir_search(a, &q, 1, &found);
		if (e == OK && found.n == 1)
			return OK;
		if (e == E_INPUT)
			log_warn("directory: csamServiceAllow of %s is passed over: %s", service->dn, *rule);
		else if (e != OK)
			answer = e;		/* another rule may still say yes; else we do not know */
	}
	return answer;
}

int directory_allowed(struct arena *a, const struct service *service, const struct person *person)
{
	unsigned char key[SHA256_LEN];
	int answer;
	if (service->allow[0] == NULL)
		return service->host ? E_NOENT : OK;
	size_t at = key_of(a, service, person, key);
	if (remembered(at, key, &answer))
		return answer;
	if (would_block())
		return E_WAIT;
	uint64_t since = atomic_load(&generation);	/* what is read now may be older than the next change */
	answer = ask(a, service, person);
	remember(at, key, since, answer);
	return answer;
}
