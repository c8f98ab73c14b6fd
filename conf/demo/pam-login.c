/* Signs in through libpam with service files of any folder: pam-login FOLDER SERVICE USER. Answers are lines of standard input, asked for as they
 * would be at a door, without echo when they are secret; nothing below /etc is needed or touched. Exit 0: they may enter. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void echo(bool on)
{
	struct termios t;
	if (tcgetattr(STDIN_FILENO, &t) != 0)
		return;
	t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

static char *answer(const char *prompt, bool secret)
{
	char line[PAM_MAX_RESP_SIZE];
	bool terminal = isatty(STDIN_FILENO);
	printf("    %s", prompt);
	fflush(stdout);
	if (secret)
		echo(false);
	const char *got = fgets(line, sizeof line, stdin);
	if (secret)
		echo(true);
	if (got == NULL)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	if (!terminal || secret)
		puts(secret ? "********" : line);
	char *copy = strdup(line);
	explicit_bzero(line, sizeof line);
	return copy;
}

static int converse(int n, const struct pam_message **asked, struct pam_response **out, void *ctx)
{
	(void)ctx;
	struct pam_response *r = calloc((size_t)n, sizeof *r);
	for (int i = 0; r != NULL && i < n; i++) {
		if (asked[i]->msg_style != PAM_PROMPT_ECHO_OFF && asked[i]->msg_style != PAM_PROMPT_ECHO_ON) {
			printf("    %s\n", asked[i]->msg);
			continue;
		}
		r[i].resp = answer(asked[i]->msg, asked[i]->msg_style == PAM_PROMPT_ECHO_OFF);
		if (r[i].resp == NULL) {
			for (int k = 0; k < i; k++)
				free(r[k].resp);
			free(r);
			return PAM_CONV_ERR;
		}
	}
	*out = r;
	return r != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

int main(int argc, char **argv)
{
	const struct pam_conv conv = { converse, NULL };
	pam_handle_t *pamh = NULL;
	if (argc != 4) {
		fprintf(stderr, "usage: pam-login FOLDER SERVICE USER\n");
		return 2;
	}
	int rc = pam_start_confdir(argv[2], argv[3], &conv, argv[1], &pamh);
	if (rc == PAM_SUCCESS)
		rc = pam_authenticate(pamh, PAM_DISALLOW_NULL_AUTHTOK);
	if (rc == PAM_SUCCESS)
		rc = pam_acct_mgmt(pamh, 0);
	fflush(stdout);
	if (rc != PAM_SUCCESS)
		fprintf(stderr, "pam-login: %s\n", pamh != NULL ? pam_strerror(pamh, rc) : "libpam does not start");
	if (pamh != NULL)
		pam_end(pamh, rc);
	return rc == PAM_SUCCESS ? 0 : 1;
}
