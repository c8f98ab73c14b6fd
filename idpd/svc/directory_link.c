/* Connections to the directory: opened with TLS or on the same machine only, one of each sort for each thread. */
#include <fcntl.h>
#include <ldap.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "svc/directory_parts.h"

enum { MAX_SECRET = 256, REST_MS = 500, SAY_MS = 10000 };

static pthread_key_t thread_links;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* After a failed connection nobody tries for a while: threads must not queue up behind time-outs. */
static atomic_uint_fast64_t rest_until, said;
static bool tls;

/* Why there is no connection, now and then. */
#define complain(...) (may_say() ? fail(E_DOWN, __VA_ARGS__) : E_DOWN)
static bool may_say(void)
{
	uint64_t t = ticks_ms(), last = atomic_load(&said);
	return (last == 0 || t - last >= SAY_MS) && atomic_compare_exchange_strong(&said, &last, t);
}

struct links {
	LDAP *of[2];
};

static void links_free(void *p)
{
	struct links *l = p;
	for (int i = 0; i < 2; i++)
		if (l->of[i] != NULL)
			ldap_unbind_ext(l->of[i], NULL, NULL);
	free(l);
}

static void make_key(void)
{
	if (pthread_key_create(&thread_links, links_free) != 0)
		abort();
}

static struct links *links(void)
{
	pthread_once(&once, make_key);
	struct links *l = pthread_getspecific(thread_links);
	if (l == NULL) {
		l = calloc(1, sizeof *l);
		if (l == NULL || pthread_setspecific(thread_links, l) != 0)
			abort();
	}
	return l;
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool is_local(const char *uri)
{
	static const char *const local[] = { "ldap://127.0.0.1", "ldap://[::1]", "ldap://localhost" };
	if (starts(uri, "ldapi://"))
		return true;
	for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
		char after = starts(uri, local[i]) ? uri[strlen(local[i])] : 'x';
		if (after == '\0' || after == ':' || after == '/')
			return true;
	}
	return false;
}

/* Passwords go over TLS or stay on the machine: there is no option against it. */
int dir_link_open(void)
{
	/* ldap.conf, .ldaprc and LDAP* variables could say TLS_REQCERT never. Before the first use of libldap. */
	setenv("LDAPNOINIT", "1", 1);
	const char *uri = dir_conf.uri;
	if (uri == NULL || strpbrk(uri, " ,") != NULL)
		return fail(E_INPUT, "directory: one uri, please: %s", uri ? uri : "(none)");
	if (!starts(uri, "ldaps://") && !(starts(uri, "ldap://") && dir_conf.starttls) && !is_local(uri))
		return fail(E_INPUT, "directory: %s needs ldaps:// or starttls", uri);
	atomic_store(&rest_until, 0);
	tls = starts(uri, "ldaps://") || dir_conf.starttls;
	if (dir_conf.ca_file == NULL || dir_conf.ca_file[0] == '\0')	/* libldap over GnuTLS has no default */
		dir_conf.ca_file = "/etc/ssl/certs/ca-certificates.crt";
	return OK;
}

/* Read at each connection, so that it can be replaced while we run. */
static int read_secret(char out[MAX_SECRET], size_t *n)
{
	int fd = open(dir_conf.bind_password_file, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, MAX_SECRET);
	if (fd >= 0)
		close(fd);
	while (got > 0 && (out[got - 1] == '\n' || out[got - 1] == '\r'))
		got--;
	if (got <= 0 || got == MAX_SECRET)
		return complain("directory: no password in %s", dir_conf.bind_password_file);
	*n = (size_t)got;
	return OK;
}

static int bind_service(LDAP *ld)
{
	char secret[MAX_SECRET];
	struct berval cred = { 0, secret };
	bool external = dir_conf.bind_dn == NULL || dir_conf.bind_dn[0] == '\0';
	if (!external && read_secret(secret, &cred.bv_len) != OK)
		return E_DOWN;
	/* RFC 4422 A: the name that EXTERNAL sends may be empty; where none is sent, slapd may ask for it. */
	struct berval nobody = { 0, (char *)"" };
	int rc = external ? ldap_sasl_bind_s(ld, "", "EXTERNAL", &nobody, NULL, NULL, NULL)
			  : ldap_sasl_bind_s(ld, dir_conf.bind_dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, NULL);
	wipe(secret, sizeof secret);
	if (rc != LDAP_SUCCESS)
		return complain("directory: bind as %s: %s", external ? "EXTERNAL" : dir_conf.bind_dn, ldap_err2string(rc));
	return OK;
}

static int set_options(LDAP *ld)
{
	struct timeval t = { dir_conf.timeout_ms / 1000, dir_conf.timeout_ms % 1000 * 1000 };
	int version = LDAP_VERSION3, verify = LDAP_OPT_X_TLS_DEMAND, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0, rc = 0;
	rc |= ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	rc |= ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &t);
	rc |= ldap_set_option(ld, LDAP_OPT_TIMEOUT, &t);
	rc |= ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	if (!tls)
		return rc;
	rc |= ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, dir_conf.ca_file);
	rc |= ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &verify);
	rc |= ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least);
	rc |= ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
	return rc;
}

static int connect_to(LDAP *ld, enum link link)
{
	if (set_options(ld) != 0)
		return complain("directory: libldap refuses its options (is %s readable?)", dir_conf.ca_file);
	int rc = dir_conf.starttls ? ldap_start_tls_s(ld, NULL, NULL) : ldap_connect(ld);
	if (rc != LDAP_SUCCESS) {
		char *detail = NULL;
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
		int e = complain("directory: %s: %s%s%s%s", dir_conf.uri, ldap_err2string(rc), detail ? ": " : "", detail ? detail : "",
		    tls ? " (or its certificate is not for that name, out of date, or of another authority)" : "");
		ldap_memfree(detail);
		return e;
	}
	return link == LINK_SERVICE ? bind_service(ld) : OK;
}

int dir_connect(enum link link, struct ldap **out)
{
	LDAP *ld = NULL;
	if (ticks_ms() < atomic_load(&rest_until))
		return E_DOWN;		/* said when it happened */
	int rc = ldap_initialize(&ld, dir_conf.uri);
	if (rc != LDAP_SUCCESS)
		return fail(E_DOWN, "directory: %s: %s", dir_conf.uri, ldap_err2string(rc));
	if (connect_to(ld, link) != OK) {
		ldap_unbind_ext(ld, NULL, NULL);
		atomic_store(&rest_until, ticks_ms() + REST_MS);
		return E_DOWN;
	}
	atomic_store(&said, 0);
	*out = ld;
	return OK;
}

int dir_link(enum link link, struct ldap **out)
{
	struct links *l = links();
	if (l->of[link] == NULL && dir_connect(link, &l->of[link]) != OK)
		return E_DOWN;
	*out = l->of[link];
	return OK;
}

void dir_link_drop(enum link link)
{
	struct links *l = links();
	dir_close(l->of[link]);
	l->of[link] = NULL;
}

void dir_close(struct ldap *ld)
{
	if (ld != NULL)
		ldap_unbind_ext(ld, NULL, NULL);
}
