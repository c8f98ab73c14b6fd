/* Every text a person reads, from one JSON file per language in share/texts: { "id": "text", ... }. */
#ifndef CSAM_TEXTS_H
#define CSAM_TEXTS_H

#include <time.h>
#include "base/arena.h"

/* Loads dir/LANG.json for each of the space-separated languages; the first is the default. A text that one
 * language has and another lacks is an error. E_INPUT is logged with file and line. */
int texts_open(const char *dir, const char *languages);

/* The text, or that of the default language, or the id itself (logged). lang may be NULL. */
const char *text(const char *lang, const char *id);

bool texts_have(const char *id);

/* Splits s at its next "{name}"; false when there is none. What a renderer needs that escapes as it fills. */
bool texts_placeholder(struct slice s, struct slice *before, struct slice *name, struct slice *after);

/* The text with "{name}" replaced: text_with(a, lang, "login.to", "service", "Tax-on-web", NULL). Not escaped. */
const char *text_with(struct arena *a, const char *lang, const char *id, ...) __attribute__((sentinel));

/* 21.11.2026 11:15 CET: a moment as messages tell it, where this machine is. */
const char *text_time(struct arena *a, const char *lang, time_t t);

/* A number of seconds to wait, as our texts say it: in the plural, so one is told as two. */
const char *text_seconds(struct arena *a, unsigned seconds);

/* One of our languages for ui_locales (OpenID Connect, space-separated, most wanted first) or Accept-Language. */
const char *texts_choose_locales(struct slice ui_locales);	/* NULL when none fits */
const char *texts_choose_accept(struct slice accept_language);	/* never NULL: the default */
const char *const *texts_languages(void);			/* NULL-terminated */

#endif
