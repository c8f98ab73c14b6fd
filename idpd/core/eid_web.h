/* The Web eID token: what a browser's Web eID extension brings back from the card (web-eid:1, github.com/web-eid). */
#ifndef CSAM_EID_WEB_H
#define CSAM_EID_WEB_H

#include "core/eid.h"

enum { WEB_EID_MIN = 100, WEB_EID_MAX = 10000 };

/* A fresh challenge: 32 random bytes as base64 text, for one try. */
const char *eid_web_nonce(struct arena *a);

/* Was this challenge signed by a card, for a page of this origin (https://host[:port])? V_ALLOW fills *out; eid_standing() is still to be asked. V_DENY:
 * *why "token-form", "token-version", "card-proof" (the certificate's key did not sign it: another challenge, another origin, a
 * copied certificate), or one of eid_card's. */
enum verdict eid_web_token(struct arena *a, struct slice token, const char *origin, const char *nonce, time_t when, struct eid_card *out, const char **why);

#endif
