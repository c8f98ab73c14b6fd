/* What csam-card says of the card in the reader: the vendor's module may have written it. */
#include "fuzz.h"
#include "libcsam/card.h"

static struct csam_cards cards;

static void is_text(const char *s)
{
	promise(s >= cards.reply && s < cards.reply + sizeof cards.reply && memchr(s, '\0', (size_t)(cards.reply + sizeof cards.reply - s)) != NULL);
	promise(slice_is_text(slice_of(s), ""));
}

static void read_as(struct slice in, bool sign)
{
	memset(&cards, 0xff, sizeof cards);
	memcpy(cards.reply, in.p, in.n < sizeof cards.reply ? in.n : sizeof cards.reply);
	card_read(in.n, sign, &cards);
	promise(csam_card_word(cards.state) != NULL && cards.n <= CSAM_MAX_CARDS);
	promise((cards.state == CSAM_CARD_READY) == (cards.n > 0) && (cards.state == CSAM_CARD_SIGNED) == (cards.sign != NULL));
	promise(sign ? cards.state != CSAM_CARD_READY : cards.state != CSAM_CARD_SIGNED);
	for (size_t i = 0; i < cards.n; i++) {
		is_text(cards.cards[i].id), is_text(cards.cards[i].label);
		promise(strlen(cards.cards[i].id) == CSAM_CARD_ID && strlen(cards.cards[i].label) <= CSAM_CARD_LABEL);
	}
	if (cards.sign != NULL)
		promise(strlen(cards.sign) <= CSAM_MAX_SIGN);
}

static void fuzz(struct slice in)
{
	if (in.n == 0)
		return;
	read_as(in, false);
	read_as(in, true);
}
