/* Shows a new secret to the person who will scan it. */
#include <unistd.h>
#include "base/qr.h"
#include "csamctl/otp_show.h"

void otp_show(struct ctl *c, FILE *to, bool draw, const char *account, const char *secret)
{
	const char *label = opt(c, "issuer");
	if (label == NULL || *label == '\0')
		label = otp_issuer(c->a, c->set.issuer);
	const char *uri = otp_uri(c->a, label, account, secret);
	bool terminal = isatty(fileno(to)) == 1;
	const char *code = draw || terminal ? qr_text(c->a, uri, terminal) : NULL;
	if (code != NULL)
		fputs(code, to);
	fprintf(to, "%s\n", uri);
}
