/* What the tests of mail and SMS share: a folder, texts, and a real server that they start and end. */
#ifndef CSAM_TEST_OUTSIDE_H
#define CSAM_TEST_OUTSIDE_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/json.h"
#include "base/log.h"
#include "svc/partner.h"
#include "svc/texts.h"

static struct arena *a;
static char dir[64];

static const char *path(const char *name)
{
	return arena_printf(a, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *what)
{
	FILE *f = fopen(path(name), "w");
	assert_non_null(f);
	fputs(what, f);
	fclose(f);
}

static struct slice read_all(const char *name)
{
	FILE *f = fopen(path(name), "r");
	char *p = arena_alloc(a, 1 << 20);
	assert_non_null(f);
	size_t n = fread(p, 1, (1 << 20) - 1, f);
	fclose(f);
	return slice_mem(p, n);
}

/* ---- servers ---- */

static struct {
	pid_t pid;
	int in;
	unsigned port;
} server;

static void server_end(void)
{
	int status;
	if (server.pid == 0)
		return;
	close(server.in);
	kill(server.pid, SIGTERM);
	waitpid(server.pid, &status, 0);
	server.pid = 0;
}

static void server_start(const char *program, const char *const *more)
{
	int in[2], out[2];
	const char *argv[16] = { "/usr/bin/python3", program, path("journal") };
	char line[32] = "";
	for (size_t i = 0; more != NULL && more[i] != NULL; i++)
		argv[3 + i] = more[i];
	server_end();
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	server.pid = fork();
	if (server.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server.in = in[1];
	FILE *f = fdopen(out[0], "r");
	assert_non_null(fgets(line, sizeof line, f));
	fclose(f);
	server.port = (unsigned)strtoul(line, NULL, 10);
	assert_true(server.port > 0);
}

/* The journal's line number `n`: recipients, sender, Message-ID, mail. */
static json_t *taken(unsigned n)
{
	struct slice all = read_all("journal"), line;
	json_t *v = NULL;
	while (slice_cut(&all, '\n', &line) && n-- > 0)
		;
	if (line.n > 0)
		assert_int_equal(json_parse(a, line, &v, NULL), OK);
	return v;
}

static const char *nth(json_t *line, size_t i)
{
	return json_string_value(json_array_get(line, i));
}

static void certificate(const char *name, const char *host)
{
	const char *command = arena_printf(a, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s -addext subjectAltName=DNS:%s "
	    "-keyout %s/%s.key -out %s/%s.pem 2>/dev/null", host, host, dir, name, dir, name);
	assert_int_equal(system(command), 0);
}

static int setup(void **s)
{
	(void)s;
	a = arena_new();
	strcpy(dir, "/tmp/test_mail.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	write_file("journal", "");
	write_file("fr.json", "{\"mail.x.subject\":\"Votre clé pour {service}\",\"mail.x.text\":\"Pour {service} :\\n\\n{code}\\n\\nNe le donnez à personne.\\nLieu : {host}\\n\\n{url}\\n\\n@{host} #{code}\","
	    "\"sms.x\":\"{code} pour {service}. À personne !\\n\\n@{host} #{code}\"}");
	static const struct partner_conf none;
	partner_open(&none);
	return texts_open(dir, "fr");
}

static int teardown(void **s)
{
	(void)s;
	const char *command = arena_printf(a, "rm -r %s", dir);
	server_end();
	partner_close();
	int rc = system(command);
	a = arena_free(a);
	return rc;
}

#endif
