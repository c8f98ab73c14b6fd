/* The two clocks. */
#include <stdio.h>
#include "base/clock.h"
#include "base/err.h"

time_t now(void)
{
	return (time_t)(now_ms() / 1000);
}

int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t ticks_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

char *time_iso(struct arena *a, time_t t)
{
	struct tm tm;
	char s[32];
	gmtime_r(&t, &tm);
	strftime(s, sizeof s, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, s);
}

char *time_ldap(struct arena *a, time_t t)
{
	struct tm tm;
	char s[32];
	gmtime_r(&t, &tm);
	strftime(s, sizeof s, "%Y%m%d%H%M%SZ", &tm);
	return arena_strdup(a, s);
}

int time_parse_ldap(const char *s, time_t *out)
{
	struct tm tm = { 0 };
	int end = 0;
	if (s == NULL || sscanf(s, "%4d%2d%2d%2d%2d%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 || end != 14)
		return E_INPUT;
	s += end;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9';)
			s++;
	if (s[0] != 'Z' || s[1] != '\0')
		return E_INPUT;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out = timegm(&tm);
	return OK;
}
