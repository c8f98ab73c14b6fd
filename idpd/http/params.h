/* The pure parsers of a request: target, parameters, cookies. They see bytes and an arena, nothing else. */
#ifndef CSAM_HTTP_PARAMS_H
#define CSAM_HTTP_PARAMS_H

#include "base/arena.h"
#include "base/err.h"

enum { MAX_PARAMS = 100 };

struct param {
	struct slice name, value;	/* decoded */
};

struct param_list {
	struct param *at;
	size_t n;
};

/* The target of a request line (RFC 9112 3.2) as path and query, still encoded; *query has p NULL when there is no '?'.
 * E_INPUT: bytes that no URI has, a bad percent escape, %00. */
int target_split(struct slice target, struct slice *path, struct slice *query);

/* application/x-www-form-urlencoded. E_INPUT: a bad escape, a NUL, more than `most`. Empty parts between two '&' do not count. */
int params_parse(struct arena *a, struct slice text, size_t most, struct param_list *out);

/* The first parameter of that name, or NULL. */
const struct param *params_find(const struct param_list *p, const char *name);

/* Does a name come twice, in one of them or across both? `may` (or NULL) names, NULL-terminated, what may repeat inside one. */
bool params_repeat(const struct param_list *query, const struct param_list *form, const char *const *may);

/* How often a Cookie header carries that name (RFC 6265 4.2.1); the first one's value when it does and *value was not yet set. */
size_t cookie_find(struct slice header, const char *name, struct slice *value);

/* Is this Content-Type that media type, whatever parameters follow? (RFC 9110 8.3.1) */
bool media_type_is(struct slice header, const char *type);

/* Without the blanks around it (RFC 9110 5.6.3: space and tab). */
struct slice trim(struct slice s);

#endif
