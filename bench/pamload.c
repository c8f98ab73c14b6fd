/* Sign-ins with password and code through libpam, one after the other: each person once. Prints one line of NAME=VALUE, microseconds.
 *
 *   pamload [-b] FOLDER SERVICE PREFIX FIRST COUNT PASSWORD-FILE TOTP-FILE
 *
 * FOLDER has the service file; people are PREFIX and a number, with one password and one base32 secret for all. -b: the code of the half minute
 * before, which is accepted too, so that the same people can come once more at once. */
#include <liboath/oath.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"

enum { STEP_S = 30, DIGITS = 6, MOST = 100000 };

struct answers {
	char password[256], code[DIGITS + 1], totp[128];
	bool before;
	char *secret;			/* of the codes, raw */
	size_t secret_n;
};

struct times {
	double *authenticate, *account, *whole;
	size_t n;
};

static double us_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int converse(int n, const struct pam_message **asked, struct pam_response **out, void *ctx)
{
	struct answers *a = ctx;
	struct pam_response *r = calloc((size_t)n, sizeof *r);
	if (r == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		if (asked[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = strdup(a->password);
		else if (asked[i]->msg_style == PAM_PROMPT_ECHO_ON)
			r[i].resp = strdup(a->code);
	*out = r;
	return PAM_SUCCESS;
}

static void make_code(struct answers *a)
{
	time_t at = time(NULL) - (a->before ? STEP_S : 0);
	if (oath_totp_generate(a->secret, a->secret_n, at, STEP_S, 0, DIGITS, a->code) != OATH_OK)
		abort();
}

static int sign_in(char **argv, unsigned who, struct answers *a, struct times *out)
{
	const struct pam_conv conv = { converse, a };
	pam_handle_t *pamh = NULL;
	char user[64];
	snprintf(user, sizeof user, "%s%u", argv[2], who);
	make_code(a);
	double began = us_now(), at;
	int rc = pam_start_confdir(argv[1], user, &conv, argv[0], &pamh);
	if (rc == PAM_SUCCESS) {
		at = us_now();
		rc = pam_authenticate(pamh, 0);
		out->authenticate[out->n] = us_now() - at;
	}
	if (rc == PAM_SUCCESS) {
		at = us_now();
		rc = pam_acct_mgmt(pamh, 0);
		out->account[out->n] = us_now() - at;
	}
	if (rc != PAM_SUCCESS)
		fprintf(stderr, "pamload: %s: %s\n", user, pamh != NULL ? pam_strerror(pamh, rc) : "libpam does not start");
	if (pamh != NULL)
		pam_end(pamh, rc);
	out->whole[out->n] = us_now() - began;
	out->n += rc == PAM_SUCCESS;
	return rc;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void tell(const char *name, double *us, size_t n)
{
	qsort(us, n, sizeof *us, by_size);
	printf("%s_p50=%.0f %s_p99=%.0f ", name, us[n / 2], name, us[(n - 1) * 99 / 100]);
}

static void read_line(const char *path, char *out, int room)
{
	FILE *f = fopen(path, "re");
	if (f == NULL || fgets(out, room, f) == NULL)
		abort();
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

int main(int argc, char **argv)
{
	struct answers a = { .before = argc > 1 && strcmp(argv[1], "-b") == 0 };
	argv += 1 + a.before;
	unsigned long n = argc - a.before == 8 ? strtoul(argv[4], NULL, 10) : 0, first = n > 0 ? strtoul(argv[3], NULL, 10) : 0;
	if (n == 0 || n > MOST)
		return fprintf(stderr, "usage: pamload [-b] folder service prefix first count password-file totp-file\n"), 2;
	read_line(argv[5], a.password, sizeof a.password);
	read_line(argv[6], a.totp, sizeof a.totp);
	if (oath_init() != OATH_OK || oath_base32_decode(a.totp, strlen(a.totp), &a.secret, &a.secret_n) != OATH_OK)
		return 1;
	struct times t = { .authenticate = calloc(n, sizeof(double)), .account = calloc(n, sizeof(double)), .whole = calloc(n, sizeof(double)) };
	unsigned long failed = 0;
	if (t.authenticate == NULL || t.account == NULL || t.whole == NULL)
		abort();
	for (unsigned long i = 0; i < n && failed < 5; i++)
		failed += sign_in(argv, (unsigned)(first + i), &a, &t) != PAM_SUCCESS;
	if (t.n > 0) {
		tell("authenticate", t.authenticate, t.n);
		tell("account", t.account, t.n);
		tell("whole", t.whole, t.n);
	}
	printf("done=%zu failed=%lu\n", t.n, failed);
	return failed > 0;
}
