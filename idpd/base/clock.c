/* The two clocks. */
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/err.h"

static struct timespec clock_at(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t) != 0)
		abort();	/* nothing can be judged without a time */
	return t;
}

time_t now(void)
{
	return (time_t)(now_ms() / 1000);
}

int64_t now_ms(void)
{
	struct timespec t = clock_at(CLOCK_REALTIME);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t ticks_ms(void)
{
	struct timespec t = clock_at(CLOCK_MONOTONIC);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct timespec ticks_after(uint64_t ms)
{
	enum { SECOND_NS = 1000000000 };
	struct timespec t = clock_at(CLOCK_MONOTONIC);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	t.tv_sec += (time_t)(ms / 1000) + t.tv_nsec / SECOND_NS;
	t.tv_nsec %= SECOND_NS;
	return t;
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

/* The value of n digits, or -1. */
static int digits(const char *s, int n)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + s[i] - '0';
	}
	return v;
}

/* RFC 4517 3.3.13, in the one form that directories write: seconds are there, the zone is Z. */
int time_parse_ldap(const char *s, time_t *out)
{
	struct tm tm = { 0 }, again;
	if (s == NULL || strnlen(s, 15) < 15)
		return E_INPUT;
	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 4, 2) - 1;
	tm.tm_mday = digits(s + 6, 2);
	tm.tm_hour = digits(s + 8, 2);
	tm.tm_min = digits(s + 10, 2);
	tm.tm_sec = digits(s + 12, 2);
	s += 14;
	if (s[0] == '.' || s[0] == ',') {
		size_t n = strspn(s + 1, "0123456789");
		if (n == 0)
			return E_INPUT;
		s += 1 + n;
	}
	if (s[0] != 'Z' || s[1] != '\0' || tm.tm_year < -1900 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return E_INPUT;
	bool leap = tm.tm_sec == 60;	/* the second after :59 */
	tm.tm_sec -= leap;
	again = tm;
	time_t t = timegm(&again);
	/* timegm makes 1 March of 29 February: a date that is none comes back as another one. */
	if (again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min)
		return E_INPUT;
	*out = t + leap;
	return OK;
}
