/* The electronic identity card: its authentication certificate, a signature over a challenge of this conversation, and its authority's word that it
 * still stands. The card comes by Web eID, as the client certificate of our eID listener, or from the reader of a host; the person is found by national
 * number. */
#include "base/buf.h"
#include "core/eid_host.h"
#include "core/eid_web.h"
#include "core/kinds.h"

struct work {				/* between two questions to the outside */
	struct eid_card card;
	struct eid_check check;
};

static bool has(const char *s)
{
	return s != NULL && *s != '\0';
}

static const char *nonce_of(struct step *s)
{
	return arena_str(s->a, s->memory);
}

static const char *host_text(struct step *s)
{
	return eid_host_text(s->a, &(struct eid_host){ .issuer = eid_conf.origin, .host = s->place.host, .program = s->place.program,
	    .user = s->place.user, .nonce = nonce_of(s) });
}

/* Both ways sign the same challenge: with Web eID the card signs it, on the listener the TLS handshake is signed, and our own seal ties it to it. */
static enum verdict draw(struct step *s)
{
	if (s->enter)
		s->memory = slice_of(eid_web_nonce(s->a));
	if (s->place.host != NULL) {
		s->ask = (struct prompt){ .ask = ASK_SIGN, .challenge = host_text(s), .label_id = "ask.pin" };
		return V_MORE;
	}
	struct buf href = buf_new(s->a);
	if (has(eid_conf.tls_origin)) {
		buf_printf(&href, "%s/eid?c=%s&n=", eid_conf.tls_origin, s->conversation);
		buf_url(&href, s->memory);
	}
	s->ask = (struct prompt){
		.ask = (eid_conf.web ? ASK_SIGN : 0) | (has(eid_conf.tls_origin) ? ASK_REDIRECT : 0),
		.challenge = nonce_of(s), .href = buf_cstr(&href),
	};
	return V_MORE;
}

/* What the listener has seen is sealed for one challenge (web/eid.c); a token of Web eID is a JSON object, and no base64url text begins so. */
static enum verdict read_card(struct step *s, struct eid_card *card)
{
	struct slice der;
	if (s->place.host != NULL)
		return eid_host_answer(s->a, s->answer, host_text(s), s->when, card, &s->why);
	if (slice_starts(s->answer, S("{")))
		return eid_conf.web ? eid_web_token(s->a, s->answer, eid_conf.origin, nonce_of(s), s->when, card, &s->why) : V_DENY;
	int rc = step_opened(s, eid_tls_purpose(s->a, nonce_of(s)), s->answer, &der);
	if (rc == E_DOWN)
		return V_DOWN;
	s->why = "card-proof";
	return rc == OK ? eid_card(s->a, der, s->when, card, &s->why) : V_DENY;
}

static enum verdict denied(struct step *s)
{
	if (s->why == NULL)
		s->why = "card-proof";
	s->note = arena_printf(s->a, "eid.%s", s->why);
	return V_DENY;
}

static enum verdict standing(struct step *s, struct work *w)
{
	enum verdict verdict = eid_standing(s->a, &w->card, s->when, &w->check);
	s->card = w->card.serial;
	s->call = verdict == V_MORE ? &w->check.call : NULL;
	s->at = w;
	if (verdict == V_ALLOW) {
		s->national_number = w->card.national_number;
		s->given_name = w->card.given_name;
		s->family_name = w->card.family_name;
		s->exception = w->check.unchecked ? "revocation-unknown" : NULL;
	}
	s->why = w->check.why;
	return verdict == V_DENY ? denied(s) : verdict;
}

static enum verdict verify(struct step *s)
{
	struct work *w = s->at;
	if (s->answer.p == NULL)
		return draw(s);
	if (w != NULL) {
		w->check.rc = s->called;
		w->check.answer = s->brought;
		return standing(s, w);
	}
	if (s->memory.n == 0)		/* no challenge, no proof */
		return denied(s);
	w = ARENA_NEW(s->a, struct work);
	enum verdict verdict = read_card(s, &w->card);
	return verdict == V_ALLOW ? standing(s, w) : verdict == V_DENY ? denied(s) : verdict;
}

static bool ready(void)
{
	return eid_offered() && (eid_conf.web || has(eid_conf.tls_origin));
}

const struct key_kind key_eid = {
	.name = "eid",
	.level = 500,
	.amr = AMR_SC | AMR_HWK | AMR_PIN | AMR_MFA,
	.traits = KIND_NAMES,
	.asks = ASK_SIGN,		/* a browser's door goes elsewhere as well */
	.group = "card",
	.ready = ready,
	.verify = verify,
};
