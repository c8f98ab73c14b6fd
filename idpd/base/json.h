/* Small helpers over jansson: bounded parsing, and reading members that must have one type. */
#ifndef CSAM_JSON_H
#define CSAM_JSON_H

#include <jansson.h>
#include "base/arena.h"

/* jansson's memory, in every program of ours: the process ends when there is none, as with an arena. jansson would leave a member out and say so to
 * callers that build a text of twenty: an ID token without its nonce, or without its end. */
void *json_memory(size_t n);

/* One JSON value, no duplicate members, no NUL in strings, at most 8 levels deep. The value lives as long as
 * the arena. E_INPUT puts what is wrong in *why (may be NULL). */
int json_parse(struct arena *a, struct slice text, json_t **out, const char **why);

/* The member as a string, or NULL when it is absent or no string. */
const char *json_str(const json_t *object, const char *name);

/* Compact text in the arena. */
struct slice json_text(struct arena *a, const json_t *v);

/* Gives a new reference to the arena, which drops it at its end. Returns v. */
json_t *json_own(struct arena *a, json_t *v);

#endif
