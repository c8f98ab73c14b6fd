/* For the fuzz targets of the eID: the authority of the published test cards, and one of those cards. */
#ifndef CSAM_FUZZ_EID_H
#define CSAM_FUZZ_EID_H

#include <stdio.h>
#include "fuzz.h"
#include "base/codec.h"
#include "base/json.h"
#include "core/eid_parts.h"
#include "core/eid_web.h"

#define AUTHORITY "tests/vectors/eID_TEST_EC_Citizen_CA.pem"
enum { IN_2024 = 1735041600 };

static struct slice published(struct arena *a, const char *file)
{
	char *text = arena_alloc(a, 16384);
	FILE *f = fopen(file, "r");
	promise(f != NULL);
	size_t n = fread(text, 1, 16384, f);
	fclose(f);
	return slice_mem(text, n);
}

static inline struct slice published_certificate(struct arena *a, const char *file)
{
	json_t *v;
	struct slice der;
	promise(json_parse(a, published(a, file), &v, NULL) == OK);
	promise(b64_decode(a, slice_of(json_str(v, "unverifiedCertificate")), &der) == OK);
	return der;
}

static inline void open_published(void)
{
	static bool open;
	static const char *const prefixes[] = { "http://eiddevcards.zetescards.be:8888", "http://eiddevcards.zetescards.be/crl", NULL };
	const struct eid_conf conf = { .authorities = AUTHORITY, .responders = prefixes, .ocsp_age_s = 900, .cache_s = 300, .testing = true };
	if (!open)
		promise(eid_open(&conf) == OK);
	open = true;
}

static inline struct eid_card published_card(struct arena *a)
{
	struct eid_card card;
	const char *why;
	open_published();
	promise(eid_card(a, published_certificate(a, "tests/vectors/web-eid-belgian-ec.json"), IN_2024, &card, &why) == V_ALLOW);
	return card;
}

#endif
