/* Was the card revoked? A real responder (openssl ocsp) and real lists, well and ill. */
#include "eid_cards.h"

enum { HOUR = 3600 };
static const char *why;
static struct eid_card card;
static struct eid_check check;
static struct eid_conf conf;

/* A fresh start: nothing is remembered of earlier tests, as each asks on another day of the PKI's life. */
static time_t begin(const char *name)
{
	static time_t at;
	at = time(NULL);
	conf = eid_test_conf();
	assert_int_equal(eid_open(&conf), OK);
	eid_forget();
	assert_int_equal(eid_card(eid_arena, card_der(name), at, &card, &why), V_ALLOW);
	check = (struct eid_check){ 0 };
	return at;
}

static void reopen(void)
{
	assert_int_equal(eid_open(&conf), OK);
	assert_int_equal(eid_card(eid_arena, der_of(arena_printf(eid_arena, "%s/cards/bruno.pem", pki)), time(NULL), &card, &why), V_ALLOW);
	check = (struct eid_check){ 0 };
}

static enum verdict step(time_t at)
{
	return eid_standing(eid_arena, &card, at, &check);
}

static enum verdict step_with(time_t at, struct slice body)
{
	check.rc = OK;
	check.answer = (struct partner_answer){ .status = 200, .body = body };
	return step(at);
}

static enum verdict step_down(time_t at)
{
	check.rc = E_DOWN;
	check.answer = (struct partner_answer){ .body = S("") };
	return step(at);
}

#define asks(where) do { assert_int_equal(step(at), V_MORE); assert_string_equal(check.call.url, where); } while (0)
#define asks_the_list_next(verdict) do { assert_int_equal((verdict), V_MORE); assert_string_equal(check.call.url, CRL_AT "/citizen.crl"); assert_null(check.call.type); } while (0)

static void a_good_card_is_asked_about_once(void **state)
{
	(void)state;
	time_t at = begin("bruno");
	asks(OCSP_AT "/citizen");
	assert_string_equal(check.call.type, "application/ocsp-request");
	assert_true(partner_allows(check.call.allow, check.call.url));
	assert_int_equal(step_with(at, ocsp_says("", "citizen", check.call.body)), V_ALLOW);
	assert_false(check.unchecked);
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 200), V_ALLOW);	/* kept */
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 301), V_MORE);	/* and no longer than said */
	/* of a card whose name in the memory differs in its last byte nothing is known */
	char *other = memcpy(arena_alloc(eid_arena, card.fingerprint.n), card.fingerprint.p, card.fingerprint.n);
	other[card.fingerprint.n - 1] ^= 1;
	card.fingerprint.p = other;
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 200), V_MORE);
}

static void every_authority_has_its_responder(void **state)
{
	(void)state;
	time_t at = begin("alice");
	asks(OCSP_AT "/citizen-rsa");
	assert_int_equal(step_with(at, ocsp_says("", "citizen-rsa", check.call.body)), V_ALLOW);
	at = begin("chloe");
	asks(OCSP_AT "/foreigner");
	assert_int_equal(step_with(at, ocsp_says("", "foreigner", check.call.body)), V_ALLOW);
}

static void a_revoked_card_is_refused(void **state)
{
	(void)state;
	time_t at = begin("revoked");
	asks(OCSP_AT "/citizen");
	assert_int_equal(step_with(at, ocsp_says("", "citizen", check.call.body)), V_DENY);
	assert_string_equal(check.why, "card-revoked");
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at), V_MORE);		/* asked anew: it may be lifted */
	asks_the_list_next(step_down(at));
	assert_int_equal(step_with(at, crl_says("", "citizen")), V_DENY);
	assert_string_equal(check.why, "card-revoked");
}

static void an_unknown_card_is_refused(void **state)
{
	(void)state;
	time_t at = begin("unlisted");
	asks(OCSP_AT "/citizen");
	assert_int_equal(step_with(at, ocsp_says("", "citizen", check.call.body)), V_DENY);
	assert_string_equal(check.why, "card-unknown");
}

static void the_nonce_must_be_ours(void **state)
{
	(void)state;
	static const char *const quiet[] = { OCSP_AT, NULL };
	time_t at = begin("bruno");
	asks(OCSP_AT "/citizen");
	struct slice other = ocsp_says("", "citizen", check.call.body);
	check = (struct eid_check){ 0 };
	asks(OCSP_AT "/citizen");
	asks_the_list_next(step_with(at, other));	/* a good answer, to another question */
	/* a responder that does not echo: only where that is configured, and then none is sent */
	eid_forget();
	conf.no_nonce = quiet;
	reopen();
	asks(OCSP_AT "/citizen");
	assert_int_equal(check.nonce.n, 0);
	assert_int_equal(step_with(at, ocsp_says("", "citizen", check.call.body)), V_ALLOW);
}

/* Answers without nonce can be kept by others and shown again: they must be young. */
static void an_answer_must_be_fresh(void **state)
{
	(void)state;
	static const char *const quiet[] = { OCSP_AT, NULL };
	time_t at = begin("bruno");
	conf.no_nonce = quiet;
	reopen();
	asks(OCSP_AT "/citizen");
	struct slice answer = ocsp_says("MINUTES=600", "citizen", check.call.body);
	asks_the_list_next(step_with(at + 901, answer));
	eid_forget();
	check = (struct eid_check){ 0 };
	asks(OCSP_AT "/citizen");
	asks_the_list_next(step_with(at - HOUR, answer));	/* made in the future */
	conf.ocsp_age_s = 24 * HOUR;
	eid_forget();
	reopen();
	asks(OCSP_AT "/citizen");
	answer = ocsp_says("MINUTES=10", "citizen", check.call.body);
	asks_the_list_next(step_with(at + 10 * 60 + 901, answer));	/* past its own end */
	eid_forget();
	check = (struct eid_check){ 0 };
	asks(OCSP_AT "/citizen");
	assert_int_equal(step_with(at + 5, answer), V_ALLOW);
}

static void the_responder_must_be_authorised(void **state)
{
	(void)state;
	static const char *const ill[] = {
		"SIGNER=foreigner",				/* another authority's responder */
		"SIGNER=other",					/* a stranger's */
	};
	for (size_t i = 0; i < sizeof ill / sizeof *ill; i++) {
		time_t at = begin("bruno");
		asks(OCSP_AT "/citizen");
		asks_the_list_next(step_with(at, ocsp_says(ill[i], "citizen", check.call.body)));
	}
	/* a person's certificate of the right authority, without the right to answer */
	time_t at = begin("bruno");
	shell(arena_printf(eid_arena, "cp %s/cards/kids.pem %s/ca/kids.ocsp.pem; cp %s/cards/kids.key %s/ca/kids.ocsp.key", pki, pki, pki, pki));
	asks(OCSP_AT "/citizen");
	asks_the_list_next(step_with(at, ocsp_says("SIGNER=kids", "citizen", check.call.body)));
	/* the authority itself may */
	begin("bruno");
	shell(arena_printf(eid_arena, "cp %s/ca/citizen.pem %s/ca/self.ocsp.pem; cp %s/ca/citizen.key %s/ca/self.ocsp.key", pki, pki, pki, pki));
	asks(OCSP_AT "/citizen");
	assert_int_equal(step_with(at, ocsp_says("SIGNER=self", "citizen", check.call.body)), V_ALLOW);
}

static void garbage_is_no_answer(void **state)
{
	(void)state;
	time_t at = begin("bruno");
	asks(OCSP_AT "/citizen");
	struct slice good = ocsp_says("", "citizen", check.call.body);
	struct eid_check asked = check;
	for (size_t i = 0; i < good.n; i += 17) {
		char *copy = memcpy(arena_alloc(eid_arena, good.n), good.p, good.n);
		copy[i] ^= 1;
		check = asked;
		enum verdict v = step_with(at, slice_mem(copy, good.n));
		if (v == V_DENY || v == V_ALLOW) {	/* only bytes that nobody signed may differ: the certificates that came along */
			eid_forget();
			assert_int_equal(v, V_ALLOW);
			assert_true(i > good.n / 4);
		}
	}
	struct slice none[] = { S(""), S("<html>"), slice_mem(good.p, good.n - 1) };
	for (size_t i = 0; i < 3; i++) {
		check = asked;
		asks_the_list_next(step_with(at, none[i]));
	}
	check = asked;
	check.rc = OK;
	check.answer = (struct partner_answer){ .status = 500, .body = good };
	asks_the_list_next(step(at));
}

static void the_list_helps_when_the_responder_is_away(void **state)
{
	(void)state;
	time_t at = begin("bruno");
	asks(OCSP_AT "/citizen");
	asks_the_list_next(step_down(at));
	assert_int_equal(step_with(at, crl_says("", "citizen")), V_ALLOW);
	/* now for ten seconds nobody waits for that responder, and the list is there */
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 9), V_ALLOW);
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 11), V_MORE);
	assert_string_equal(check.call.url, OCSP_AT "/citizen");
	step_down(at + 11);				/* the list is kept an hour, unless it ends before */
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 12), V_ALLOW);
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + HOUR + 1), V_MORE);
	asks_the_list_next(step_down(at + HOUR + 1));
}

static void ill_lists_are_not_taken(void **state)
{
	(void)state;
	time_t at = begin("bruno");
	struct slice good = crl_says("", "citizen"), foreign = crl_says("", "foreigner"), other = crl_says("", "other");
	struct slice ill[] = { foreign, other, S(""), S("garbage"), slice_mem(good.p, good.n - 3) };
	for (size_t i = 0; i < sizeof ill / sizeof *ill; i++) {
		begin("bruno");
		asks(OCSP_AT "/citizen");
		asks_the_list_next(step_down(at));
		assert_int_equal(step_with(at, ill[i]), V_DOWN);
	}
	static const long when[] = { 8 * 24 * HOUR, -HOUR };	/* past its end; made in the future */
	for (size_t i = 0; i < 2; i++) {
		begin("bruno");
		asks(OCSP_AT "/citizen");
		asks_the_list_next(step_down(at));
		assert_int_equal(step_with(at + when[i], good), V_DOWN);
	}
}

static void when_nobody_knows_nobody_enters(void **state)
{
	(void)state;
	time_t at = begin("bruno");
	asks(OCSP_AT "/citizen");
	asks_the_list_next(step_down(at));
	assert_int_equal(step_down(at), V_DOWN);
	check = (struct eid_check){ 0 };
	assert_int_equal(step(at + 1), V_DOWN);		/* at once */
	conf.allow_unchecked = true;
	eid_forget();
	reopen();
	asks(OCSP_AT "/citizen");
	asks_the_list_next(step_down(at));
	assert_int_equal(step_down(at), V_ALLOW);
	assert_true(check.unchecked);
	assert_int_equal(step(at), V_DENY);		/* asked without a question: no yes */
}

/* A certificate of a true authority may name any address; only those of the configuration are called. */
static void no_address_is_called_that_is_not_listed(void **state)
{
	(void)state;
	time_t at = begin("elsewhere");
	assert_int_equal(step(at), V_DOWN);
	assert_null(check.call.url);
}

static void a_stapled_answer_saves_the_question(void **state)
{
	(void)state;
	static const char *const quiet[] = { OCSP_AT, NULL };
	time_t at = begin("bruno");
	conf.no_nonce = quiet;
	reopen();
	asks(OCSP_AT "/citizen");
	struct slice good = ocsp_says("", "citizen", check.call.body);
	assert_int_equal(eid_card(eid_arena, card_der("kids"), at, &card, &why), V_ALLOW);
	check = (struct eid_check){ .stapled = good };
	asks(OCSP_AT "/citizen");			/* about another card */
	reopen();
	check.stapled = good;
	assert_int_equal(step(at), V_ALLOW);
}

int main(void)
{
	log_open("test", (enum log_level)0);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_card_is_asked_about_once),
		cmocka_unit_test(every_authority_has_its_responder),
		cmocka_unit_test(a_revoked_card_is_refused),
		cmocka_unit_test(an_unknown_card_is_refused),
		cmocka_unit_test(the_nonce_must_be_ours),
		cmocka_unit_test(an_answer_must_be_fresh),
		cmocka_unit_test(the_responder_must_be_authorised),
		cmocka_unit_test(garbage_is_no_answer),
		cmocka_unit_test(the_list_helps_when_the_responder_is_away),
		cmocka_unit_test(ill_lists_are_not_taken),
		cmocka_unit_test(when_nobody_knows_nobody_enters),
		cmocka_unit_test(no_address_is_called_that_is_not_listed),
		cmocka_unit_test(a_stapled_answer_saves_the_question),
	};
	return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
