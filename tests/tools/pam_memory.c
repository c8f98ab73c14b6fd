/* Signs in by PAM in several threads at once, each with handles of its own, and then looks for password and code where a core would have them: in all of
 * its memory that can be written.
 *
 *   pam_memory SERVICE USER THREADS ROUNDS [unseen]    (with password and code, one a line, on standard input; SERVICE of /etc/pam.d)
 *
 * unseen: does not look, because valgrind allows nobody to read what is free.
 *
 * Its own copies of both are veiled; what it hands to the module is the module's to wipe. Exit 0: all signed in, and nothing was found. */
#include <pthread.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LONGEST = 500, TAIL = 24, VEIL = 0xa5, THREADS_MAX = 64 };

struct veiled {
	unsigned char bytes[LONGEST];
	size_t n;
};
static struct veiled password, code;
static const char *service, *user;
static unsigned long rounds;
static pthread_barrier_t signed_in, looked;	/* a thread that ends gives its stack away, and what was on it */

/* Byte by byte from the descriptor: no buffer of stdio ever holds it. */
static void read_veiled(struct veiled *out)
{
	volatile unsigned char c;
	while (out->n < LONGEST && read(STDIN_FILENO, (void *)(size_t)&c, 1) == 1 && c != '\n')
		out->bytes[out->n++] = (unsigned char)(c ^ VEIL);
	c = 0;
}

static char *unveiled(const struct veiled *v)
{
	volatile char *p = malloc(v->n + 1);
	if (p == NULL)
		abort();
	for (size_t i = 0; i < v->n; i++)
		p[i] = (char)(v->bytes[i] ^ VEIL);
	p[v->n] = '\0';
	return (char *)(size_t)p;
}

static int converse(int n, const struct pam_message **asked, struct pam_response **out, void *ctx)
{
	struct pam_response *r = calloc((size_t)n, sizeof *r);
	(void)ctx;
	for (int i = 0; r != NULL && i < n; i++)
		if (asked[i]->msg_style == PAM_PROMPT_ECHO_OFF)
			r[i].resp = unveiled(&password);
		else if (asked[i]->msg_style == PAM_PROMPT_ECHO_ON)
			r[i].resp = unveiled(&code);
	*out = r;
	return r != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static void *sign_in(void *failed)
{
	const struct pam_conv conv = { converse, NULL };
	for (unsigned long i = 0; i < rounds; i++) {
		pam_handle_t *pamh = NULL;
		int rc = pam_start(service, user, &conv, &pamh);
		if (rc == PAM_SUCCESS)
			rc = pam_authenticate(pamh, 0);
		if (rc == PAM_SUCCESS)
			rc = pam_acct_mgmt(pamh, 0);
		if (rc != PAM_SUCCESS)
			*(bool *)failed = true;
		pam_end(pamh, rc);
	}
	pthread_barrier_wait(&signed_in);
	pthread_barrier_wait(&looked);
	return NULL;
}

/* Its end: free(3) writes over the beginning. */
static bool is_at(const volatile unsigned char *p, const struct veiled *v)
{
	size_t i = 0, from = v->n - TAIL;
	while (i < TAIL && (unsigned char)(p[i] ^ VEIL) == v->bytes[from + i])
		i++;
	return i == TAIL;
}

/* Everything that a core would have and that was written to. */
static size_t found(const struct veiled *v)
{
	char line[512];
	size_t n = 0;
	FILE *f = fopen("/proc/self/maps", "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		unsigned long from, to;
		char mode[5];
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[1] != 'w' || strstr(line, "[v") != NULL)
			continue;
		for (const unsigned char *p = (const unsigned char *)from; p + TAIL <= (const unsigned char *)to; p++)
			n += is_at(p, v);
	}
	if (f != NULL)
		fclose(f);
	return n;
}

/* Is it seen that something is there, and that it is there no more? */
static bool finds(void)
{
	char *plain = unveiled(&password);
	bool seen = found(&password) == 1;
	explicit_bzero(plain, password.n);
	free(plain);
	return seen && found(&password) == 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	bool failed[THREADS_MAX] = { false }, any = false;
	bool looks = argc == 5;
	unsigned long n = looks || argc == 6 ? strtoul(argv[3], NULL, 10) : 0;
	if (n == 0 || n > THREADS_MAX)
		return fprintf(stderr, "usage: pam_memory service user threads rounds [unseen]\n"), 2;
	service = argv[1];
	user = argv[2];
	rounds = strtoul(argv[4], NULL, 10);
	read_veiled(&password);
	read_veiled(&code);
	if (password.n < TAIL || code.n < TAIL || (looks && !finds()))
		return fprintf(stderr, "too short, or what is there is not found\n"), 2;
	pthread_barrier_init(&signed_in, NULL, (unsigned)n + 1);
	pthread_barrier_init(&looked, NULL, (unsigned)n + 1);
	for (unsigned long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, sign_in, &failed[i]) != 0)
			abort();
	pthread_barrier_wait(&signed_in);
	size_t passwords = looks ? found(&password) : 0, codes = looks ? found(&code) : 0;
	pthread_barrier_wait(&looked);
	for (unsigned long i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		any = any || failed[i];
	}
	printf("%s; password found %zu times, code %zu times\n", any ? "not all signed in" : "all signed in", passwords, codes);
	return any || passwords > 0 || codes > 0;
}
