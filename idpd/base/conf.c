/* The options of idpd.conf. */
#include <stdlib.h>
#include <string.h>
#include "base/conf.h"

static option_check check_listen, check_address, check_words, check_ldap_uri, check_filter, check_mail_server, check_sms_url, check_node, check_witness, check_origin, check_url, check_oid;

static const struct option_row rows[] = {
#define OPTIONS_DEF "base/conf.def"
#define OPTIONS_STRUCT struct conf
#include "base/option_rows.h"
};
const struct options conf_options = { rows, sizeof rows / sizeof *rows, sizeof(struct conf) };

static const char *check_words(const char *v)
{
	return *v != '\0' && strspn(v, "abcdefghijklmnopqrstuvwxyz- ") == strlen(v) ? NULL : "languages in lower case, separated by spaces: \"fr en\"";
}

static const char *check_listen(const char *v)
{
	static const char want[] = "\"ADDRESS:PORT\", \"ADDRESS:PORT tls\" or \"unix:/PATH\"";
	if (strncmp(v, "unix:/", 6) == 0)
		return NULL;
	const char *colon = strrchr(v, ':');
	char *end;
	if (colon == NULL || colon == v)
		return want;
	long port = strtol(colon + 1, &end, 10);
	return port > 0 && port < 65536 && (*end == '\0' || strcmp(end, " tls") == 0) ? NULL : want;
}

static const char *check_address(const char *v)
{
	return *v != '\0' && strspn(v, "0123456789abcdefABCDEF.:/") == strlen(v) ? NULL : "an IPv4 or IPv6 address, or ADDRESS/BITS";
}

static const char *check_node(const char *v)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	return strspn(v, allowed) == strlen(v) && strlen(v) <= 64 ? NULL : "at most 64 letters, digits, dots, hyphens or underscores";
}

static const char *check_witness(const char *v)
{
	bool http = strncmp(v, "http://", 7) == 0 || strncmp(v, "https://", 8) == 0;
	return strcmp(v, "syslog") == 0 || *v == '/' || (http && check_url(v) == NULL) ? NULL :
	    "\"syslog\", the absolute path of a socket or folder, or https://host[:port]/path";
}

static const char *check_ldap_uri(const char *v)
{
	return strncmp(v, "ldap://", 7) == 0 || strncmp(v, "ldaps://", 8) == 0 || strncmp(v, "ldapi://", 8) == 0 ?
	    NULL : "ldap://host[:port], ldaps://host[:port] or ldapi://path with %2F for /";
}

static const char *check_filter(const char *v)
{
	size_t n = strlen(v);
	return n > 2 && v[0] == '(' && v[n - 1] == ')' ? NULL : "an LDAP filter in parentheses";
}

static const char *check_mail_server(const char *v)
{
	static const char want[] = "smtp://host[:port] or smtps://host[:port]";
	const char *host = strncmp(v, "smtp://", 7) == 0 ? v + 7 : strncmp(v, "smtps://", 8) == 0 ? v + 8 : "";
	if (*v == '\0')
		return NULL;
	return *host != '\0' && strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") == strlen(host) ? NULL : want;
}

static const char *check_sms_url(const char *v)
{
	size_t place = strcspn(v, "?{");
	if (*v == '\0')
		return NULL;
	if (check_text(v) != NULL || (strncmp(v, "https://", 8) != 0 && strncmp(v, "http://", 7) != 0) || v[place] == '{')
		return "https://host/path, with {to} and {text} in the query only";
	return NULL;
}

static const char *check_origin(const char *v)
{
	return *v == '\0' ? NULL : check_issuer(v);
}

static const char *check_url(const char *v)
{
	bool http = strncmp(v, "http://", 7) == 0 || strncmp(v, "https://", 8) == 0;
	return http && strpbrk(v, " \"'\\@#") == NULL ? NULL : "http://host[:port][/path] or https://…";
}

static const char *check_oid(const char *v)
{
	return strlen(v) > 2 && strspn(v, "0123456789.") == strlen(v) && strchr(v, '.') != NULL ? NULL : "an OID in digits: 2.16.56.12.1.1.2.2";
}

/* Places in the tree that are under base unless said otherwise. */
static void fill_in(struct arena *a, struct conf *c)
{
	if (*c->directory_people_base == '\0')
		c->directory_people_base = arena_printf(a, "ou=people,%s", c->directory_base);
	if (*c->directory_services_base == '\0')
		c->directory_services_base = arena_printf(a, "ou=services,%s", c->directory_base);
	if (*c->directory_decoy_dn == '\0')
		c->directory_decoy_dn = arena_printf(a, "cn=decoy,ou=system,%s", c->directory_base);
}

static bool ends_tls(const char *listener)
{
	size_t n = strlen(listener);
	return n > 4 && strcmp(listener + n - 4, " tls") == 0;
}

/* What no single option shows: where neither we nor a proxy end TLS nobody could ever show a card. NULL: nothing. */
static const char *contradiction(struct arena *a, const struct conf *c)
{
	if (c->eid_listen[0] != NULL && *c->eid_origin == '\0')
		return "eid.listen without eid.origin: browsers would not be told to go there";
	for (size_t i = 0; c->eid_listen[i] != NULL; i++)
		if (!ends_tls(c->eid_listen[i]) && c->server_trusted_proxies[0] == NULL)
			return arena_printf(a, "eid.listen = \"%s\" is without \"tls\", and server.trusted_proxies lists no proxy that could bring the card's certificate "
			    "(Client-Cert, RFC 9440)", c->eid_listen[i]);
	return NULL;
}

int conf_read(struct arena *a, const char *file, const struct conf **out, const char **why)
{
	struct conf *c = ARENA_NEW(a, struct conf);
	int e = options_read(a, &conf_options, file, c, why);
	if (e != OK)
		return e;
	const char *what = contradiction(a, c);
	if (what != NULL) {
		*why = arena_printf(a, "%s: %s", file, what);
		return E_INPUT;
	}
	fill_in(a, c);
	*out = c;
	return OK;
}
