/* Messages for the administrator. Never a secret: passwords, codes and tokens have no way in here. */
#ifndef CSAM_LOG_H
#define CSAM_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };	/* syslog's numbers */

/* To standard error, one line each; with JOURNAL_STREAM set, prefixed <N> as systemd reads it. */
void log_open(const char *process, enum log_level least);
enum log_level log_level_of(const char *word);	/* err, warn, info, debug; anything else is info */
enum log_level log_level_least(void);		/* what log_open was told */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_err(...)	log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Logs once and gives back the error: return fail(E_DOWN, "ldap_search: %s", why); */
#define fail(e, ...) (log_line((e) == E_INPUT ? LOG_LEVEL_INFO : LOG_LEVEL_ERR, __VA_ARGS__), (e))

#endif
