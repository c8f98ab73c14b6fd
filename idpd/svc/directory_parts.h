/* What the files of the directory share among themselves. Nobody else includes this. */
#ifndef CSAM_DIRECTORY_PARTS_H
#define CSAM_DIRECTORY_PARTS_H

#include "svc/directory.h"

extern struct directory_conf dir_conf;		/* with its defaults filled in; constant once directory_open has returned */

/* An LDAP entry, copied out of libldap's hands. */
struct attribute {
	const char *name;
	struct slice *values;			/* each with a NUL behind it */
	size_t n;
};
struct entry {
	const char *dn;
	struct attribute *attributes;
	size_t n;
};
struct entries {
	struct entry *e;
	size_t n;
};

/* directory_link.c: connections. The calling thread's own, for searches and changes, is bound as the daemon; another
 * of its own only ever binds, since a bind changes who the connection is. */
struct ldap;					/* libldap's LDAP */
enum link { LINK_SERVICE, LINK_VERIFY };
int dir_connect(enum link link, struct ldap **out);	/* one that the caller closes */
int dir_link(enum link link, struct ldap **out);	/* the thread's own, connected */
void dir_link_drop(enum link link);			/* it failed: the next dir_link connects anew */
void dir_close(struct ldap *ld);
int dir_link_open(void);				/* checks the configured address */

/* directory_ldap.c */
enum scope { SCOPE_ENTRY = 0, SCOPE_CHILDREN = 1, SCOPE_SUBTREE = 2 };	/* as in RFC 4511 4.5.1.2 */
struct query {
	const char *base;
	enum scope scope;
	const char *filter;
	const char *const *attributes;			/* NULL-terminated */
	int limit;					/* 0: none */
	bool rooted;					/* its base is part of every tree: without it the directory is broken */
};
/* All queries in one round trip. A base that is not there gives no entries (E_DOWN if rooted). E_INPUT: filter or DN cannot be understood (logged). */
int dir_search(struct arena *a, const struct query *queries, size_t n, struct entries *out);

/* Does the entry show one of the attributes to somebody without a name? OK yes, E_NOENT no, E_DOWN. For threads that bind nobody. */
int dir_anybody_reads(struct arena *a, const char *dn, const char *const *attributes);

enum change_op { CHANGE_ADD = 0, CHANGE_DELETE = 1, CHANGE_REPLACE = 2 };	/* as in RFC 4511 4.6 */
struct change {
	enum change_op op;
	const char *attribute;
	struct slice value;				/* p NULL: none */
};
/* All changes or none, and only if the entry matches `assertion` (RFC 4528; NULL: always). E_NOENT: no such entry; E_EXISTS: it does not
 * match, or a value to delete is not there (any more). */
int dir_modify(const char *dn, const struct change *changes, size_t n, const char *assertion);

/* A new entry of these attributes (CHANGE_ADD). E_NOENT: what it should stand below is not there; E_EXISTS: it is there already; E_INPUT: a rule
 * of the directory is against it (constraint, unique). */
int dir_add(const char *dn, const struct change *attributes, size_t n);

/* An entry without others below it. E_NOENT: there is none. */
int dir_delete(const char *dn);

/* OK, E_NOENT (no), E_DOWN. */
int dir_bind(const char *dn, struct slice password);

/* directory_guard.c: is this directory fit to rest on? E_INPUT: not; E_DOWN. */
int guard_check(void);

/* directory_parse.c: entries to structs. Whatever cannot be read becomes the value that denies. */
enum { UUID_LEN = 16, DIR_KEYS_MAX = 200 };		/* entries below one person that are read: what is not there says nothing from then on */
struct found {						/* a person, and by what changes to it are told */
	struct person person;
	unsigned char (*uuids)[UUID_LEN];		/* entryUUIDs of the person and its keys */
	size_t nuuids;
};
extern const char *const parse_person_attributes[], *const parse_key_attributes[], *const parse_service_attributes[];
int parse_person(struct arena *a, const struct entry *e, const struct entries *keys, struct found *out);	/* E_INPUT: logged */
int parse_service(struct arena *a, const struct entry *e, struct service *out, const char **why);
const char *entry_string(const struct entry *e, const char *attribute);		/* first value, or NULL */
const struct attribute *entry_attribute(const struct entry *e, const char *attribute);
const struct attribute *entry_words(const struct entry *e, const char *attribute, const char *lang);	/* attribute;lang-xx (RFC 3866), else the one without */
bool entry_is_a(const struct entry *e, const char *object_class);
const char *const *entry_strings(struct arena *a, const struct entry *e, const char *attribute);	/* NULL-terminated, never NULL */

/* directory_people.c */
void verify_open(unsigned most);

/* directory_cache.c: persons that were read. */
enum cache_by { BY_SUBJECT, BY_NAME, BY_DN, BY_UUID };
void cache_open(unsigned max_persons, size_t max_bytes);
void cache_close(void);
const struct person *cache_get(struct arena *a, enum cache_by by, struct slice what);	/* by subject or name; NULL: not here. The arena keeps it alive */
uint64_t cache_sequence(void);				/* to be asked before the directory is read */
void cache_put(uint64_t sequence, const struct found *found);	/* unless anything was dropped since */
void cache_drop(enum cache_by by, struct slice what);
void cache_drop_dn(const char *dn);			/* the person with that DN, or above it */
void cache_drop_all(void);

/* directory_sync.c: the thread that follows the directory. */
int sync_start(void);
void sync_stop(void);
bool sync_alive(void);					/* what the cache says can be believed */

/* directory_allow.c */
void allow_forget(void);				/* something that rules may look at has changed */

/* directory_services.c */
int services_load(void);				/* with the switches of kinds */
int kinds_load(void);
void kinds_close(void);
const char *kinds_base(struct arena *a);
bool services_loaded(void);
void services_close(void);

/* directory_terms.c */
int terms_load(void);
void terms_close(void);
const char *terms_base(struct arena *a);

/* directory_behind.c: changes that may be late or lost. */
int behind_start(void);
void behind_stop(void);
struct behind {
	const char *dn;
	bool password;					/* the person's csamKeyFailures; else a key's csamKeyCounter, csamKeyLastUsed */
	uint64_t number;
	time_t when;
};
void behind_put(const struct behind *change);

/* directory_changes.c: what administrators change comes to the audit trail. Nothing happens without changes_base. */
int change_tell(const struct entry *e);			/* directory_told.c: of one such change, the person; E_DOWN: not now */
int changes_start(void);
void changes_stop(void);

#endif
