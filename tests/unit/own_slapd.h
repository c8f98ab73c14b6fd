/* A slapd of one's own, which setup/directory starts in a folder of its own, and may be filled with the people and services of the demonstration. */
#ifndef CSAM_OWN_SLAPD_H
#define CSAM_OWN_SLAPD_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define BASE "dc=example,dc=org"
#define ALICE "5f0c3a52-6c6e-4c1b-9d5b-0d1f3a1e7a01"

static char dir[64], uri[64], password_file[128];

static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(cmd, sizeof cmd, fmt, ap);
	va_end(ap);
	return system(cmd);
}

static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void slapd_place(const char *under)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof dir, "%s/csam-directory-XXXXXX", under);
	assert_non_null(mkdtemp(dir));
	snprintf(uri, sizeof uri, "ldap://127.0.0.1:%d", free_port());
	snprintf(password_file, sizeof password_file, "%s/idpd.password", dir);
}

static int slapd(const char *verb)
{
	return shell("setup/directory %s %s %s >> %s/log 2>&1", verb, dir, strcmp(verb, "start") == 0 ? strrchr(uri, ':') + 1 : "", dir);
}

static inline int slapd_load(const char *ldif)
{
	char file[96];
	snprintf(file, sizeof file, "%s/change.ldif", dir);
	FILE *f = fopen(file, "w");
	fputs(ldif, f);
	fclose(f);
	return shell("setup/directory load %s %s >> %s/log 2>&1", dir, file, dir);
}

static inline int slapd_load_demo(const char *seed)
{
	return shell("sed -e 's/@SUFFIX@/" BASE "/; s,@ORIGIN@,https://services.example.org,; s/@PASSWORD@/correct horse/; s/@[A-Z_]*@/%s/' "
	    "conf/directory/demo.ldif > %s/demo.ldif && setup/directory load %s %s/demo.ldif >> %s/log", seed, dir, dir, dir, dir);
}

static int slapd_end(void)
{
	slapd("stop");
	return shell("rm -rf %s", dir);
}

#endif
