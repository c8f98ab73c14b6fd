/* The Belgian national number: which eleven digits can be one. */
#include "base/clock.h"
#include "base/err.h"
#include "base/national.h"

enum { DIGITS = 11, BIS_UNKNOWN_SEX = 20, BIS_KNOWN_SEX = 40 };

static unsigned digits(const char *p, size_t n)
{
	unsigned v = 0;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(p[i] - '0');
	return v;
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool in_future(unsigned year, unsigned month, unsigned day)
{
	time_t t = now();
	struct tm tm;
	gmtime_r(&t, &tm);
	long today = (tm.tm_year + 1900L) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
	return (long)year * 10000 + month * 100 + day > today + 1;	/* it may be tomorrow in Belgium already */
}

/* Unknown parts of a date are 00. Where the month is unknown the day is only a counter: it runs on when the serial
 * numbers of the year are used up. */
static bool date_possible(unsigned year, unsigned month, unsigned day)
{
	if (month >= BIS_KNOWN_SEX)
		month -= BIS_KNOWN_SEX;
	else if (month >= BIS_UNKNOWN_SEX)
		month -= BIS_UNKNOWN_SEX;
	if (month > 12 || in_future(year, month, month == 0 ? 0 : day))
		return false;
	return month == 0 || day <= days_in(year, month);
}

int national_number_check(struct slice number, bool allow_test)
{
	if (number.n != DIGITS)
		return E_INPUT;
	for (size_t i = 0; i < DIGITS; i++)
		if (number.p[i] < '0' || number.p[i] > '9')
			return E_INPUT;
	unsigned nine = digits(number.p, 9), serial = digits(number.p + 6, 3), check = digits(number.p + 9, 2);
	unsigned yy = digits(number.p, 2), month = digits(number.p + 2, 2), day = digits(number.p + 4, 2);
	bool born_1900s = check == 97 - nine % 97;
	bool born_2000s = check == 97 - (unsigned)((2000000000ull + nine) % 97);	/* a 2 stands before the nine digits */
	if (!born_1900s && !born_2000s)
		return E_INPUT;
	if (allow_test)
		return OK;
	if (serial == 0 || serial == 999)
		return E_INPUT;
	return (born_1900s && date_possible(1900 + yy, month, day)) ||
	       (born_2000s && date_possible(2000 + yy, month, day)) ? OK : E_INPUT;
}
