/* pam_conv(3), one message at a time; whatever the other side answers, it is bounded, checked and wiped. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "turns.h"

static const struct pam_conv *conversation(const struct call *c)
{
	const void *conv = NULL;

	return pam_get_item(c->pamh, PAM_CONV, &conv) == PAM_SUCCESS ? conv : NULL;
}

static int converse(const struct call *c, int style, const char *text, struct pam_response **out)
{
	const struct pam_conv *conv = conversation(c);
	const struct pam_message message = { .msg_style = style, .msg = text };
	const struct pam_message *messages[] = { &message };

	*out = NULL;
	return conv != NULL && conv->conv != NULL ? conv->conv(1, messages, out, conv->appdata_ptr) : PAM_CONV_ERR;
}

static void discard(struct pam_response *r)
{
	if (r != NULL && r->resp != NULL) {
		explicit_bzero(r->resp, strlen(r->resp));
		free(r->resp);
	}
	free(r);
}

/* sshd replaces what somebody types who may not enter anyway (unknown to the system, root where root may not) by these characters, repeated
 * to the same length (OpenSSH auth-pam.c, fake_password). */
static bool sshd_dummy(const char *s)
{
	static const char junk[] = "\b\n\r\177INCORRECT";
	size_t i = 0;

	while (s[i] != '\0' && s[i] == junk[i % (sizeof junk - 1)])
		i++;
	return i > 0 && s[i] == '\0';
}

/* Whoever may not enter must not see it: in place of the placeholder goes what is nobody's password or code, and it takes the way, the words and
 * the time of a wrong one. */
static int never_right(const struct call *c, char out[MAX_RESPONSE + 1])
{
	enum { LENGTH = 32 };
	unsigned char random[LENGTH];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		return log_down(c, "random", PAM_SYSTEM_ERR);
	for (size_t i = 0; i < LENGTH; i++)
		out[i] = (char)('a' + random[i] % 26);
	out[LENGTH] = '\0';
	return PAM_SUCCESS;
}

static int checked(const struct call *c, const struct pam_response *r)
{
	const void *user = NULL;

	if (r == NULL || r->resp == NULL)
		return log_denied(c, "no_answer", PAM_CONV_ERR);
	if (pam_get_item(c->pamh, PAM_USER, &user) != PAM_SUCCESS || user == NULL || strcmp(user, c->user) != 0)
		return log_denied(c, "user_changed", PAM_AUTH_ERR);
	if (strnlen(r->resp, MAX_RESPONSE) == MAX_RESPONSE)	/* with its NUL it has no room: pam_conv(3) */
		return log_denied(c, "too_long", PAM_AUTH_ERR);
	if (*r->resp == '\0')
		return log_denied(c, "empty", PAM_AUTH_ERR);
	return PAM_SUCCESS;
}

int talk_ask(const struct call *c, int style, const char *prompt, char out[MAX_RESPONSE + 1])
{
	struct pam_response *r;

	/* what a failing conversation leaves in r is not ours (pam_conv(3)) */
	if (converse(c, style, prompt, &r) != PAM_SUCCESS)
		return log_denied(c, "conversation", PAM_CONV_ERR);
	int rc = checked(c, r);
	if (rc == PAM_SUCCESS && sshd_dummy(r->resp))
		rc = never_right(c, out);
	else if (rc == PAM_SUCCESS)
		memcpy(out, r->resp, strlen(r->resp) + 1);
	discard(r);
	return rc;
}

void talk_show(const struct call *c, int style, const char *text)
{
	struct pam_response *r;

	if (text != NULL && *text != '\0' && converse(c, style, text, &r) == PAM_SUCCESS)
		discard(r);
}

void talk_tell(const struct call *c, int style, const char *text)
{
	if (!c->opt.quiet && !(c->flags & PAM_SILENT))
		talk_show(c, style, text);
}
