/* The real libpam with our module, a service file in a folder of its own, and a person who answers by a script: what the PAM tests share. */
#ifndef PAM_TALK_H
#define PAM_TALK_H

#include "fake_agent.h"
#include <errno.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <syslog.h>

/* One step for each message of PAM. */
struct line {
	int style;
	const char *shows;	/* the prompt must be exactly this; NULL: anything */
	const char *types;	/* NULL: resp is NULL */
	int rc;			/* what the conversation returns */
	bool no_response;	/* no array at all */
	const char *becomes;	/* the application changes PAM_USER */
};

static struct {
	char folder[64], file[96], module[512], wrong[1024], log[8][1024], arguments[512];
	const char *service, *user;
	const struct line *lines;
	int spoken, nlog;
	pam_handle_t *pamh;
} talk;

static int nss_rc;		/* what the system knows of alice: 0 and uid, or an error */
static bool nss_knows = true;
static uid_t nss_uid = 10001;

/* Exported by this program, so that the module finds them before libc's. alice, and nobody else, is in the network's directory. */
int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t n, struct passwd **out)
{
	*out = NULL;
	if (nss_rc != 0 || n < 64)
		return nss_rc;
	if (!nss_knows || (strcmp(name, "alice") != 0 && strcmp(name, "bruno") != 0))
		return 0;
	memset(pw, 0, sizeof *pw);
	pw->pw_name = strcpy(buf, name);
	pw->pw_uid = nss_uid;
	*out = pw;
	return 0;
}

static void record(const char *format, va_list ap)
{
	if (strncmp(format, "csam:", 5) == 0 && talk.nlog < 8)
		vsnprintf(talk.log[talk.nlog++], sizeof talk.log[0], format, ap);
}

void syslog(int priority, const char *format, ...)
{
	va_list ap;
	(void)priority;
	va_start(ap, format);
	record(format, ap);
	va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *format, ...);
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;
	(void)priority;
	(void)flag;
	va_start(ap, format);
	record(format, ap);
	va_end(ap);
}

static void complain(const char *what, const struct pam_message *m)
{
	if (talk.wrong[0] == '\0')
		snprintf(talk.wrong, sizeof talk.wrong, "line %d: %s: style %d, '%s'", talk.spoken, what, m->msg_style, m->msg);
}

static int person(int n, const struct pam_message **messages, struct pam_response **out, void *none)
{
	const struct line *l = &talk.lines[talk.spoken];
	(void)none;

	if (n != 1 || l->style == 0) {
		complain("was not expected", messages[0]);
		return PAM_CONV_ERR;
	}
	talk.spoken++;
	if (messages[0]->msg_style != l->style || (l->shows != NULL && strcmp(messages[0]->msg, l->shows) != 0))
		complain("is not what was to be shown", messages[0]);
	if (l->becomes != NULL)
		pam_set_item(talk.pamh, PAM_USER, l->becomes);
	if (l->rc != PAM_SUCCESS)
		return l->rc;
	if (l->no_response)
		return PAM_SUCCESS;
	*out = calloc(1, sizeof **out);
	if (l->types != NULL)
		(*out)->resp = strdup(l->types);
	return PAM_SUCCESS;
}

static unsigned delayed;	/* microseconds that the last no would have taken */

static void no_delay(int rc, unsigned usec, void *none)
{
	(void)rc;
	(void)none;
	delayed = usec;
}

static void write_stack(const char *arguments, const char *then)
{
	static const char *const kinds[] = { "auth", "account", "password", "session" };
	FILE *f = fopen(talk.file, "w");

	assert_non_null(f);
	for (int i = 0; i < 4; i++) {
		fprintf(f, "%s required %s %s\n", kinds[i], talk.module, arguments);
		if (then != NULL)
			fprintf(f, "%s required %s\n", kinds[i], then);
	}
	fclose(f);
}

static void pam_start_again(void)
{
	static const struct pam_conv conv = { person, NULL };
	const void *delay;
	void (*quick)(int, unsigned, void *) = no_delay;

	assert_int_equal(pam_start_confdir(talk.service, talk.user, &conv, talk.folder, &talk.pamh), PAM_SUCCESS);
	memcpy(&delay, &quick, sizeof delay);
	assert_int_equal(pam_set_item(talk.pamh, PAM_FAIL_DELAY, delay), PAM_SUCCESS);
	assert_int_equal(pam_set_item(talk.pamh, PAM_RHOST, "192.0.2.7"), PAM_SUCCESS);
}

/* arguments: "%s" stands for the agent's socket. */
static void pam_begin(const char *service, const char *user, const char *arguments, const struct line *lines)
{
	char args[512];
	ssize_t n = readlink("/proc/self/exe", talk.module, sizeof talk.module - 32);

	assert_true(n > 0);
	talk.module[n] = '\0';
	strcpy(strrchr(talk.module, '/'), "/../pam_csam.so");
	snprintf(talk.folder, sizeof talk.folder, "/tmp/csam-pam.XXXXXX");
	assert_non_null(mkdtemp(talk.folder));
	snprintf(talk.file, sizeof talk.file, "%s/%s", talk.folder, service);
	const char *hole = strstr(arguments, "%s");
	snprintf(args, sizeof args, "%.*s%s%s", hole ? (int)(hole - arguments) : (int)strlen(arguments), arguments, hole ? fake.path : "", hole ? hole + 2 : "");
	write_stack(args, NULL);
	snprintf(talk.arguments, sizeof talk.arguments, "%s", args);
	talk.lines = lines;
	talk.spoken = talk.nlog = 0;
	talk.wrong[0] = '\0';
	talk.service = service;
	talk.user = user;
	pam_start_again();
}

/* The same with another module behind ours. */
static void pam_then(const char *module)
{
	assert_int_equal(pam_end(talk.pamh, 0), PAM_SUCCESS);
	write_stack(talk.arguments, module);
	pam_start_again();
}

static void pam_finish(void)
{
	assert_int_equal(pam_end(talk.pamh, 0), PAM_SUCCESS);
	unlink(talk.file);
	rmdir(talk.folder);
	assert_string_equal(talk.wrong, "");
	if (talk.lines != NULL)
		assert_int_equal(talk.lines[talk.spoken].style, 0);	/* everything was said */
}

/* One conversation, from the agent's first word to the end. */
static int authenticate_as(const char *service, const char *user, const char *arguments, const struct fake_step *steps, const struct line *lines)
{
	fake_start(steps);
	pam_begin(service, user, arguments, lines);
	int rc = pam_authenticate(talk.pamh, 0);
	pam_finish();
	fake_stop();
	return rc;
}

#endif
