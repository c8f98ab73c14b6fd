/* csam-card: asks the card in the reader for pam_csam, in a process of its own, as the module of the card's vendor may crash, hang or lie.
 *
 * One question, one answer, over descriptor 3 (libcsam/card.c is the other side): "name=value\0" fields as between plug-ins and agent. It has no terminal, no
 * descriptor and no environment of its caller's; of root it becomes the user csam-card; and it ends by itself when nobody ends it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "card/token.h"

enum { CHANNEL = 3, REQUEST_MAX = 8192, LIFE_MAX_S = 300, MEMORY = 1 << 30, FILES = 16 << 20, DESCRIPTORS = 256 };

static const char own_user[] = "csam-card", signs[] = "CSAM host login 1\n";

struct request {
	char data[REQUEST_MAX];
	const char *module, *card, *challenge, *pin, *life;
	bool last_try;
};

/* --- the question --- */

static bool take(struct request *r, char *field)
{
	const struct { const char *name; const char **to; } fields[] = {
		{ "module=", &r->module }, { "card=", &r->card }, { "challenge=", &r->challenge }, { "pin=", &r->pin }, { "life=", &r->life },
	};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		size_t n = strlen(fields[i].name);
		if (strncmp(field, fields[i].name, n) == 0) {
			*fields[i].to = field + n;
			return true;
		}
	}
	return r->last_try = strcmp(field, "last_try=1") == 0;
}

static bool receive(struct request *r)
{
	static const char first[] = "csam-card=1";
	ssize_t n = recv(CHANNEL, r->data, sizeof r->data, MSG_TRUNC);
	if (n <= (ssize_t)sizeof first || n > (ssize_t)sizeof r->data || r->data[n - 1] != '\0' || memcmp(r->data, first, sizeof first) != 0)
		return false;
	for (char *p = r->data + sizeof first; p < r->data + n; p += strlen(p) + 1)
		if (!take(r, p))
			return false;
	/* What TLS or a document wants signed does not begin so. */
	return r->module != NULL && (r->card == NULL || (r->challenge != NULL && strncmp(r->challenge, signs, sizeof signs - 1) == 0));
}

/* --- the answer --- */

static void say(const struct buf *b)
{
	ssize_t n = send(CHANNEL, b->p, b->n, MSG_NOSIGNAL);
	(void)n;	/* who asked has gone */
}

static struct buf reply(struct arena *a, const char *state)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "csam-card=1");
	buf_char(&b, '\0');
	buf_printf(&b, "state=%s", state);
	buf_char(&b, '\0');
	return b;
}

static void say_cards(struct arena *a, const struct tokens *found)
{
	struct buf b = reply(a, "ready");
	for (size_t i = 0; i < found->n; i++) {
		const struct token *t = &found->all[i];
		buf_printf(&b, "card=%s:%c%c%c:%s", t->id, t->flags & CKF_PROTECTED_AUTHENTICATION_PATH ? 'p' : '-',
		    t->flags & CKF_USER_PIN_FINAL_TRY ? 'f' : '-', t->flags & CKF_USER_PIN_LOCKED ? 'l' : '-', t->label);
		buf_char(&b, '\0');
	}
	say(&b);
}

static void say_signed(struct arena *a, const struct token *t, const struct token_signature *s)
{
	struct buf b = reply(a, "signed");
	buf_printf(&b, "sign=%s.", s->alg);
	buf_b64url(&b, slice_mem(t->cert, t->ncert));
	buf_char(&b, '.');
	buf_b64url(&b, slice_mem(s->bytes, s->n));
	buf_char(&b, '\0');
	say(&b);
}

static int end(struct arena *a, const char *state)
{
	struct buf b = reply(a, state);
	say(&b);
	return strcmp(state, "broken") == 0;
}

/* --- what it may still do --- */

static void too_late(int sig)
{
	(void)sig;
	_exit(1);
}

static void limit(int what, rlim_t to)
{
	struct rlimit l = { to, to };
	setrlimit(what, &l);
}

static bool drop(void)
{
	if (geteuid() != 0)
		return setresgid(getgid(), getgid(), getgid()) == 0 && setresuid(getuid(), getuid(), getuid()) == 0;
	const struct passwd *p = getpwnam(own_user);
	return p != NULL && p->pw_uid != 0 && initgroups(p->pw_name, p->pw_gid) == 0 && setresgid(p->pw_gid, p->pw_gid, p->pw_gid) == 0 &&
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) == 0 && setuid(0) != 0;
}

static bool confine(const struct request *r)
{
	unsigned long life = r->life != NULL ? strtoul(r->life, NULL, 10) : 0;
	struct sigaction late = { .sa_handler = too_late };
	if (!drop() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return false;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, FILES);
	limit(RLIMIT_NOFILE, DESCRIPTORS);
	limit(RLIMIT_CPU, LIFE_MAX_S);
#ifndef __SANITIZE_ADDRESS__		/* it maps terabytes */
	limit(RLIMIT_AS, MEMORY);
#endif
	umask(077);
	sigaction(SIGALRM, &late, NULL);
	alarm(life > 0 && life < LIFE_MAX_S ? (unsigned)life : LIFE_MAX_S);
	return true;
}

/* --- the module --- */

/* Code that nobody can change but root; or who runs this anyway. */
static bool safe(const char *path, bool folder)
{
	struct stat st;
	if (stat(path, &st) != 0 || !(folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
		return false;
	return (st.st_uid == 0 || st.st_uid == getuid()) && ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (folder && (st.st_mode & S_ISVTX)));
}

static CK_FUNCTION_LIST *load(const char *path, char real[PATH_MAX])
{
	char folder[PATH_MAX];
	CK_C_GetFunctionList list_of;
	CK_FUNCTION_LIST *p11 = NULL;
	if (path[0] != '/' || realpath(path, real) == NULL || !safe(real, false))
		return NULL;
	memcpy(folder, real, strlen(real) + 1);
	do {
		if (!safe(dirname(folder), true))
			return NULL;
	} while (folder[1] != '\0');
	void *so = dlopen(real, RTLD_NOW | RTLD_LOCAL);
	*(void **)&list_of = so != NULL ? dlsym(so, "C_GetFunctionList") : NULL;	/* POSIX dlsym */
	return list_of != NULL && list_of(&p11) == CKR_OK ? p11 : NULL;
}

static const char *answer(struct arena *a, CK_FUNCTION_LIST *p11, struct request *r)
{
	static struct tokens found;
	static struct token_signature signature;
	const char *word = token_find(p11, &found);
	if (strcmp(word, "ready") != 0)
		return word;
	if (r->card == NULL) {
		say_cards(a, &found);
		return NULL;
	}
	for (size_t i = 0; i < found.n; i++) {
		if (strcmp(found.all[i].id, r->card) != 0)
			continue;
		word = token_sign(p11, &found.all[i], r->pin, r->last_try, r->challenge, &signature);
		explicit_bzero(r->data, sizeof r->data);
		if (strcmp(word, "signed") != 0)
			return word;
		say_signed(a, &found.all[i], &signature);
		return NULL;
	}
	return "removed";		/* and perhaps another one put in */
}

int main(void)
{
	AUTO_ARENA a = arena_new();
	static struct request r;
	char real[PATH_MAX];
	if (!receive(&r)) {
		fprintf(stderr, "csam-card is started by pam_csam(8)\n");
		return 1;
	}
	if (!confine(&r))
		return end(a, "no-module");
	CK_FUNCTION_LIST *p11 = load(r.module, real);
	if (p11 == NULL)
		return end(a, "no-module");
	CK_RV rv = p11->C_Initialize(NULL);
	if (rv != CKR_OK)
		return end(a, "broken");
	const char *word = answer(a, p11, &r);
	explicit_bzero(&r, sizeof r);
	if (word != NULL)
		end(a, word);
	p11->C_Finalize(NULL);		/* logs out, after the answer: it may take its time */
	_exit(0);			/* no destructor of the module's runs */
}
