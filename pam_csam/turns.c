/* The conversation with the person: draws each turn of the agent and carries the answers back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "turns.h"

enum { MAX_TURNS = 200, MAX_WAIT_S = 60, CHOICE_TRIES = 3 };

/* Programs that ask for a name and one string, and show no second prompt (man page, prompt=auto). */
static const char *const single_services[] = {
	"apache2", "cups", "dovecot", "exim4", "ftp", "httpd", "imap", "mosquitto", "nginx", "openvpn", "pop3", "postgresql", "proftpd", "pure-ftpd",
	"samba", "sieve", "smtp", "squid", "vsftpd", "xrdp-sesman",
};

bool turns_single(const struct call *c)
{
	const void *service = NULL;

	if (c->opt.prompting != PROMPT_AUTO || pam_get_item(c->pamh, PAM_SERVICE, &service) != PAM_SUCCESS || service == NULL)
		return c->opt.prompting == PROMPT_SINGLE;
	for (size_t i = 0; i < sizeof single_services / sizeof single_services[0]; i++)
		if (strcmp(service, single_services[i]) == 0)
			return true;
	return false;
}

void turns_wipe(struct given *g)
{
	explicit_bzero(g, sizeof *g);
}

/* The password that an earlier module asked for, once. */
static bool offered(const struct call *c, struct given *g)
{
	const void *token = NULL;

	if (g->offered || !(c->opt.use_first_pass || c->opt.try_first_pass))
		return false;
	g->offered = true;
	if (pam_get_item(c->pamh, PAM_AUTHTOK, &token) != PAM_SUCCESS || token == NULL)
		return false;
	size_t n = strnlen(token, MAX_RESPONSE);
	if (n == 0 || n == MAX_RESPONSE)
		return false;
	memcpy(g->secret, token, n + 1);
	return true;
}

/* "password+code": what stands behind the last '+' is the code, always. So a password may hold a '+', but who has no code to
 * add must end it with one. */
static void split(struct given *g)
{
	char *plus = strrchr(g->secret, '+');

	g->code[0] = '\0';
	if (plus == NULL)
		return;
	memcpy(g->code, plus + 1, strlen(plus + 1) + 1);
	explicit_bzero(plus, strlen(plus));
}

static const char *label(const struct csam_turn *t, const char *otherwise)
{
	return t->label != NULL && *t->label != '\0' ? t->label : otherwise;
}

static int give_secret(const struct call *c, const struct csam_turn *t, struct given *g)
{
	if (!offered(c, g)) {
		if (c->opt.use_first_pass)
			return log_denied(c, "no_first_pass", PAM_AUTH_ERR);
		if (g->single && g->prompted)
			return log_denied(c, "one_string_asked_twice", PAM_AUTH_ERR);
		int rc = talk_ask(c, PAM_PROMPT_ECHO_OFF, label(t, "Password: "), g->secret);
		if (rc != PAM_SUCCESS)
			return rc;
		g->prompted = true;
	}
	if (g->single)
		split(g);
	if (g->secret[0] == '\0')
		return log_denied(c, "empty", PAM_AUTH_ERR);
	if (g->secrets++ == 0)
		memcpy(g->first, g->secret, sizeof g->first);
	return PAM_SUCCESS;
}

static int give_code(const struct call *c, const struct csam_turn *t, struct given *g)
{
	if (g->single && g->secrets > 0)	/* it came with the password, or it does not come */
		return g->code[0] != '\0' ? PAM_SUCCESS : log_denied(c, "no_code", PAM_AUTH_ERR);
	return talk_ask(c, PAM_PROMPT_ECHO_ON, t->ask & CSAM_SECRET ? "Code: " : label(t, "Code: "), g->code);
}

int turns_pick(const struct call *c, const char *prompt, const char *const *labels, size_t n, size_t *out)
{
	char line[MAX_RESPONSE + 1], *end;

	for (int tries = 0; tries < CHOICE_TRIES; tries++) {
		for (size_t i = 0; i < n; i++) {
			snprintf(line, sizeof line, "%zu) %s", i + 1, labels[i]);
			talk_show(c, PAM_TEXT_INFO, line);
		}
		int rc = talk_ask(c, PAM_PROMPT_ECHO_ON, prompt, line);
		if (rc != PAM_SUCCESS)
			return rc;
		unsigned long number = strtoul(line, &end, 10);
		if (strspn(line, "0123456789") == strlen(line) && number >= 1 && number <= n) {
			*out = number - 1;
			return PAM_SUCCESS;
		}
	}
	return log_denied(c, "no_choice", PAM_AUTH_ERR);
}

static int give_choice(const struct call *c, const struct csam_turn *t, struct given *g)
{
	const char *labels[CSAM_MAX_CHOICES];
	size_t chosen = 0;

	for (size_t i = 0; i < t->nchoices; i++)
		labels[i] = t->choices[i].label;
	int rc = turns_pick(c, label(t, "1, 2, …: "), labels, t->nchoices, &chosen);
	if (rc == PAM_SUCCESS)
		g->choice = t->choices[chosen].id;
	return rc;
}

static int give_text(const struct call *c, const struct csam_turn *t, struct given *g)
{
	return talk_ask(c, PAM_PROMPT_ECHO_ON, label(t, "Answer: "), g->text);
}

static int draw(const struct call *c, const struct csam_turn *t, struct given *g)
{
	static const struct { unsigned ask; int (*give)(const struct call *c, const struct csam_turn *t, struct given *g); } layouts[] = {
		{ CSAM_CHOICE, give_choice }, { CSAM_TEXT, give_text }, { CSAM_SECRET, give_secret }, { CSAM_CODE, give_code }, { CSAM_SIGN, card_give },
	};
	int rc = PAM_SUCCESS;

	if (t->ask & CSAM_SIGN)
		talk_show(c, PAM_TEXT_INFO, t->note);	/* what was wrong with the card: sudo asks for silence always, and nobody could mend it */
	else
		talk_tell(c, PAM_TEXT_INFO, t->note);
	if (t->ask & CSAM_SHOW)
		talk_show(c, PAM_TEXT_INFO, t->label);
	for (size_t i = 0; i < t->nlines; i++)		/* sshd keeps them for the next prompt, which follows */
		talk_show(c, PAM_TEXT_INFO, t->lines[i]);
	for (size_t i = 0; rc == PAM_SUCCESS && i < sizeof layouts / sizeof layouts[0]; i++)
		if (t->ask & layouts[i].ask)
			rc = layouts[i].give(c, t, g);
	return rc;
}

/* A try that comes too early would not be looked at: typing counts as waiting. */
static void wait_until(const struct timespec *asked, unsigned wait_s)
{
	struct timespec until = *asked;

	until.tv_sec += wait_s < MAX_WAIT_S ? wait_s : MAX_WAIT_S;
	while (wait_s > 0 && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
		;
}

int turns_run(const struct call *c, struct csam *agent, struct csam_turn *t, struct given *g)
{
	bool card = false;

	for (int turns = 0; t->result == CSAM_ASK; turns++) {
		struct timespec asked;
		unsigned ask = t->ask;

		if (turns == MAX_TURNS)
			return log_denied(c, "too_many_turns", PAM_MAXTRIES);
		clock_gettime(CLOCK_MONOTONIC, &asked);
		int rc = draw(c, t, g);
		if (rc != PAM_SUCCESS)
			return rc;
		wait_until(&asked, t->wait_s);
		const struct csam_answer answer = { .secret = ask & CSAM_SECRET ? g->secret : NULL, .code = ask & CSAM_CODE ? g->code : NULL,
		    .text = ask & CSAM_TEXT ? g->text : NULL, .choice = ask & CSAM_CHOICE ? g->choice : NULL, .sign = ask & CSAM_SIGN ? g->sign : NULL };
		csam_answer(agent, &answer, t);
		card = ask & CSAM_SIGN;
		if (ask & CSAM_CODE)
			explicit_bzero(g->code, sizeof g->code);	/* a code is good for one answer */
		log_debug(c, t->result == CSAM_ASK ? "asked again" : "answered");
	}
	if (card)
		talk_show(c, PAM_ERROR_MSG, t->message);
	else
		talk_tell(c, PAM_ERROR_MSG, t->message);
	return PAM_SUCCESS;
}
