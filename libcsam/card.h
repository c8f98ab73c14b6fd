/* The card in the reader of this machine, asked through csam-card (card/main.c): a program of its own, so that the module of the card's vendor never runs in sshd or sudo.
 *
 * Every wait has an end, and the program has ended with it. It gets no descriptor, no terminal and no environment of the caller's; the caller gets
 * no signal, and its own children are left alone. Whatever goes wrong reads as CSAM_CARD_BROKEN. */
#ifndef CSAM_CARD_H
#define CSAM_CARD_H

#include <stdbool.h>
#include <stddef.h>

enum csam_card {
	CSAM_CARD_BROKEN = 0,			/* the module crashed, hung, lied, or failed */
	CSAM_CARD_READY, CSAM_CARD_SIGNED,
	CSAM_CARD_NO_MODULE, CSAM_CARD_NO_READER, CSAM_CARD_NO_CARD, CSAM_CARD_NO_CERTIFICATE, CSAM_CARD_REMOVED,
	CSAM_CARD_PIN_WRONG, CSAM_CARD_PIN_FINAL, CSAM_CARD_PIN_LOCKED, CSAM_CARD_PIN_CANCELLED, CSAM_CARD_PIN_FORM,
};

/* Its word: "no-card", "pin-wrong" … */
const char *csam_card_word(enum csam_card state);

enum { CSAM_MAX_CARDS = 8, CSAM_CARD_ID = 32, CSAM_CARD_LABEL = 96, CSAM_CARD_REPLY = 8192, CSAM_MAX_SIGN = 4096 };

struct csam_card_want {
	const char *program;			/* NULL: where it is installed */
	const char *module;			/* the vendor's */
	unsigned timeout_s;
	/* to sign */
	const char *card;			/* id of one that was found */
	const char *challenge;
	const char *pin;			/* NULL: it is entered on the reader */
	bool last_try;				/* the person knows that it is */
};

struct csam_cards {				/* texts point into reply */
	enum csam_card state;
	struct csam_card_found {
		const char *id, *label;		/* label: UTF-8 without control characters */
		bool pin_pad, pin_final, pin_locked;
	} cards[CSAM_MAX_CARDS];
	size_t n;
	const char *sign;			/* CSAM_CARD_SIGNED: what to answer */
	char reply[CSAM_CARD_REPLY];
};

/* Which cards are there? CSAM_CARD_READY: at least one. No PIN is asked, none is used. */
enum csam_card csam_cards(const struct csam_card_want *want, struct csam_cards *out);

/* One PIN, one signature. */
enum csam_card csam_sign(const struct csam_card_want *want, struct csam_cards *out);

/* What csam-card said, n bytes of out->reply. Believes nothing: what is not exactly as agreed is CSAM_CARD_BROKEN with nothing else set. */
void card_read(size_t n, bool sign, struct csam_cards *out);

#endif
