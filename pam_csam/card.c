/* The card in the reader: looks for it, asks the PIN, lets it sign, and says what goes wrong in the person's language.
 *
 * One PIN that was typed is one try of the card, never two; the last one is taken only when the person wants that. The PIN goes to csam-card and nowhere else. */
#include <string.h>
#include "libcsam/card.h"
#include "turns.h"

enum { TRIES = 3, PIN_PAD_S = 120 };

static const char *text(const struct csam_turn *t, const char *word)
{
	for (size_t i = 0; i < t->nsays; i++)
		if (strcmp(t->says[i].word, word) == 0)
			return t->says[i].text;
	return word;
}

/* Which of two ways? PAM_SUCCESS with *first, or the code to return. */
static int either(const struct call *c, const struct csam_turn *t, const char *one, const char *other, bool *first)
{
	const char *labels[] = { text(t, one), text(t, other) };
	size_t n = 0;
	int rc = turns_pick(c, text(t, "number"), labels, 2, &n);

	*first = n == 0;
	return rc;
}

static int pick_card(const struct call *c, const struct csam_turn *t, const struct csam_cards *found, size_t *n)
{
	const char *labels[CSAM_MAX_CARDS];

	*n = 0;
	if (found->n == 1)
		return PAM_SUCCESS;
	talk_show(c, PAM_TEXT_INFO, text(t, "which"));
	for (size_t i = 0; i < found->n; i++)
		labels[i] = found->cards[i].label;
	return turns_pick(c, text(t, "number"), labels, found->n, n);
}

static int ask_pin(const struct call *c, const struct csam_turn *t, char pin[MAX_RESPONSE + 1])
{
	int rc = talk_ask(c, PAM_PROMPT_ECHO_OFF, t->label != NULL && *t->label != '\0' ? t->label : "PIN: ", pin);

	if (rc == PAM_AUTH_ERR)
		talk_show(c, PAM_ERROR_MSG, text(t, "pin-empty"));
	return rc;
}

/* PAM_SUCCESS: *state has what the card said, or *stop. Else the conversation failed. `cards` is what was found, and then what was signed. */
static int sign_with(const struct call *c, const struct csam_turn *t, struct csam_cards *cards, size_t chosen, bool *stop)
{
	const struct csam_card_found card = cards->cards[chosen];
	char pin[MAX_RESPONSE + 1] = "", id[CSAM_CARD_ID + 1];
	bool go = true;
	int rc = PAM_SUCCESS;

	memcpy(id, card.id, sizeof id);
	struct csam_card_want want = { .module = t->module, .timeout_s = t->card_s, .card = id, .challenge = t->challenge, .last_try = card.pin_final };
	if (card.pin_locked) {
		cards->state = CSAM_CARD_PIN_LOCKED;
		return PAM_SUCCESS;
	}
	if (card.pin_final) {
		talk_show(c, PAM_ERROR_MSG, text(t, "pin-final"));
		rc = either(c, t, "pin-final-go", "stop", &go);
		*stop = !go;
	}
	if (rc != PAM_SUCCESS || *stop)
		return rc;
	if (card.pin_pad) {
		talk_show(c, PAM_TEXT_INFO, text(t, "pin-pad"));
		want.timeout_s += PIN_PAD_S;
	} else {
		rc = ask_pin(c, t, pin);
		want.pin = pin;
	}
	if (rc == PAM_SUCCESS)
		csam_sign(&want, cards);
	explicit_bzero(pin, sizeof pin);
	return rc;
}

static int try_once(const struct call *c, const struct csam_turn *t, struct csam_cards *cards, bool *stop)
{
	const struct csam_card_want look = { .module = t->module, .timeout_s = t->card_s };
	size_t chosen = 0;
	int rc = PAM_SUCCESS;

	if (csam_cards(&look, cards) == CSAM_CARD_READY) {
		rc = pick_card(c, t, cards, &chosen);
		if (rc == PAM_SUCCESS)
			rc = sign_with(c, t, cards, chosen, stop);
	}
	log_debug(c, csam_card_word(cards->state));
	return rc;
}

/* What was wrong, and whether to go on: another PIN at once; another card when the person wants to; never where it helps nothing. */
static int after(const struct call *c, const struct csam_turn *t, enum csam_card state, bool *stop)
{
	bool again = true;
	int rc = PAM_SUCCESS;

	if (state != CSAM_CARD_PIN_FINAL)		/* that is told where it is asked */
		talk_show(c, PAM_ERROR_MSG, text(t, csam_card_word(state)));
	if (state == CSAM_CARD_NO_MODULE || state == CSAM_CARD_BROKEN || state == CSAM_CARD_PIN_LOCKED)
		again = false;
	else if (state != CSAM_CARD_PIN_FINAL && state != CSAM_CARD_PIN_WRONG && state != CSAM_CARD_PIN_FORM)
		rc = either(c, t, "again", "stop", &again);
	*stop = !again;
	return rc;
}

int card_give(const struct call *c, const struct csam_turn *t, struct given *g)
{
	struct csam_cards cards;
	bool stop = false;
	int rc = PAM_SUCCESS;

	memcpy(g->sign, "none", sizeof "none");
	for (int tries = 0; rc == PAM_SUCCESS && !stop && tries < TRIES; tries++) {
		rc = try_once(c, t, &cards, &stop);
		if (rc == PAM_SUCCESS && cards.state == CSAM_CARD_SIGNED) {
			memcpy(g->sign, cards.sign, strlen(cards.sign) + 1);
			break;
		}
		if (rc == PAM_SUCCESS && !stop)
			rc = after(c, t, cards.state, &stop);
	}
	return rc;
}
