/* What a host says that a card signed: ALG.CERTIFICATE.SIGNATURE. */
#include "eid.h"
#include "core/eid_host.h"

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct eid_card card = { 0 };
	const char *why = NULL;
	open_published();
	const char *text = eid_host_text(a, &(struct eid_host){ "https://csam.example", "host1", "sudo", arena_str(a, in), "nonce" });
	unsigned lines = 0;
	for (const char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	promise(lines == 6);		/* no name makes a line */
	promise(eid_host_answer(a, in, text, IN_2024, &card, &why) == V_DENY && why != NULL && card.national_number == NULL);
}
