/* Signs in through the real libpam, pam_csam.so and csam-agent, as often as it is told, and says what was shown and how long it took.
 *
 * pam-door FOLDER SERVICE: each line of standard input "USER PASSWORD-AND-CODE" (separated by spaces; percent-encoded; CODE may be missing) is one
 * login, answered by a line "RC MICROSECONDS SHOWN". A prompt without echo gets the password, one with echo the code; the second time the same is
 * asked the person hangs up. */
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 4096 };

static struct {
	char *password, *code;
	char shown[LINE];
	int passwords, codes;
} person;

static void show(const char *text)
{
	size_t n = strlen(person.shown);
	snprintf(person.shown + n, sizeof person.shown - n, "%s|", text);
	for (char *p = person.shown; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
}

static int converse(int n, const struct pam_message **asked, struct pam_response **out, void *ctx)
{
	(void)ctx;
	struct pam_response *r = calloc((size_t)n, sizeof *r);
	int rc = r != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
	for (int i = 0; rc == PAM_SUCCESS && i < n; i++) {
		bool secret = asked[i]->msg_style == PAM_PROMPT_ECHO_OFF;
		show(asked[i]->msg);
		if (!secret && asked[i]->msg_style != PAM_PROMPT_ECHO_ON)
			continue;
		const char *answer = secret ? person.password : person.code;
		if ((secret ? person.passwords++ : person.codes++) > 0 || answer == NULL || (r[i].resp = strdup(answer)) == NULL)
			rc = PAM_CONV_ERR;
	}
	if (rc == PAM_SUCCESS) {
		*out = r;
		return rc;
	}
	for (int i = 0; r != NULL && i < n; i++)
		free(r[i].resp);
	free(r);
	return rc;
}

static void no_delay(int rc, unsigned usec, void *none)
{
	(void)rc, (void)usec, (void)none;
}

static long microseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void login(const char *folder, const char *service, const char *user)
{
	const struct pam_conv conv = { converse, NULL };
	void (*quick)(int, unsigned, void *) = no_delay;
	const void *delay;
	pam_handle_t *pamh = NULL;
	memcpy(&delay, &quick, sizeof delay);
	person.shown[0] = '\0';
	person.passwords = person.codes = 0;
	long from = microseconds();
	int rc = pam_start_confdir(service, user, &conv, folder, &pamh);
	if (rc == PAM_SUCCESS)
		rc = pam_set_item(pamh, PAM_FAIL_DELAY, delay);
	if (rc == PAM_SUCCESS)
		rc = pam_authenticate(pamh, PAM_DISALLOW_NULL_AUTHTOK);
	long took = microseconds() - from;
	if (pamh != NULL)
		pam_end(pamh, rc);
	printf("%d %ld %s\n", rc, took, person.shown);
	fflush(stdout);
}

static void decode(char *s)
{
	char *to = s;
	for (; s != NULL && *s != '\0'; s++) {
		char two[3] = { s[0] == '%' ? s[1] : '\0', s[0] == '%' && s[1] != '\0' ? s[2] : '\0', '\0' };
		*to++ = two[1] != '\0' ? (char)strtol(two, NULL, 16) : *s;
		s += two[1] != '\0' ? 2 : 0;
	}
	if (to != NULL)
		*to = '\0';
}

int main(int argc, char **argv)
{
	char line[LINE];
	if (argc != 3)
		return fprintf(stderr, "usage: pam-door FOLDER SERVICE\n"), 2;
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		char *rest = line, *user = strsep(&rest, " ");
		person.password = strsep(&rest, " ");
		person.code = rest;
		decode(user);
		decode(person.password);
		decode(person.code);
		login(argv[1], argv[2], user);
	}
	return 0;
}
