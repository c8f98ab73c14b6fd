/* Notices: who is told of what, by which way, and that nothing hangs on it. */
/* LINK: -Wl,--wrap=now */
#include "talk.c"
#include "base/clock.h"
#include "core/history.h"
#include "core/notice.h"
#include "svc/texts.h"

static struct person *alice;

static int telling(void **state)
{
	setup(state);
	alice = &fake_person[ALICE];
	alice->mail = "alice@example.org";
	alice->mobile = "+32 470 00 00 01";
	alice->mail_verified = alice->mobile_verified = true;
	alice->locale = "nl";
	fake_carries[CHANNEL_MAIL] = fake_carries[CHANNEL_SMS] = true;
	notice_open("https://login.example");
	return texts_open("share/texts", "fr nl de en");
}

static const struct fake_line *lost(void)
{
	return fake_last(EV_NOTICE_LOST);
}

static void key_event(enum notice_event event)
{
	fake_mail = (struct fake_mail){ 0 };
	NOTICE(.event = event, .person = alice, .kind = "app", .key = "app-1", .label = "telefoon", .peer = peer, .agent = "Firefox, Linux");
}

static void what_touches_security_goes_every_way(void **state)
{
	(void)state;
	key_event(NOTICE_KEY_ADDED);
	assert_string_equal(fake_mail.all, "alice@example.org +32470000001");
	assert_string_equal(fake_mail.text_id, "sms.notice");
	assert_string_equal(fake_mail.lang, "nl");
	assert_string_equal(fake_mail.what, "Er is een digitale sleutel toegevoegd");
	assert_string_equal(fake_mail.of, ": Beveiligingscode via mobiele app (telefoon)");
	assert_string_equal(fake_mail.place, "192.0.2.7, Firefox, Linux");
	assert_string_equal(fake_mail.url, "https://login.example/keys");
	alice->notice = "security";
	key_event(NOTICE_KEY_REMOVED);
	assert_int_equal(fake_mail.sent, 2);
	assert_null(lost());
}

static void the_rest_goes_one_way_and_may_be_declined(void **state)
{
	(void)state;
	key_event(NOTICE_KEY_RENAMED);
	assert_string_equal(fake_mail.all, "alice@example.org");
	alice->mail_verified = false;
	key_event(NOTICE_KEY_RENAMED);
	assert_string_equal(fake_mail.all, "+32470000001");
	alice->notice = "security";
	key_event(NOTICE_KEY_RENAMED);
	assert_int_equal(fake_mail.sent, 0);
	alice->notice = "something else";
	key_event(NOTICE_KEY_RENAMED);
	assert_int_equal(fake_mail.sent, 1);
}

static void only_to_what_was_proven(void **state)
{
	(void)state;
	alice->mail_verified = alice->mobile_verified = false;
	key_event(NOTICE_KEY_RENAMED);
	assert_null(lost());
	key_event(NOTICE_KEY_LOCKED);
	assert_int_equal(fake_mail.sent, 0);
	assert_string_equal(lost()->why, "no-address");
	alice->mail_verified = true;
	alice->mail = "alice@example.org\r\nBcc: all@example.org";
	key_event(NOTICE_KEY_LOCKED);
	assert_int_equal(fake_mail.sent, 0);
}

static void old_and_new_address_hear_of_a_change(void **state)
{
	(void)state;
	NOTICE(.event = NOTICE_CONTACT_CHANGED, .person = alice, .kind = "mail", .peer = peer, .old_mail = "alice@old.example");
	assert_string_equal(fake_mail.of, "");		/* it is no key */
	assert_string_equal(fake_mail.all, "alice@example.org +32470000001 alice@old.example");
	fake_mail = (struct fake_mail){ 0 };
	NOTICE(.event = NOTICE_CONTACT_CHANGED, .person = alice, .by_administrator = true, .old_mail = "alice@example.org", .old_mobile = "+32470000001");
	assert_string_equal(fake_mail.all, "alice@example.org +32470000001");
	assert_string_equal(fake_mail.place, "door een beheerder");
}

static void what_administrators_do_is_told_once_and_stands_in_the_history(void **state)
{
	(void)state;
	struct arena *own = arena_new();
	struct history *all;
	size_t n;
	const struct key key = { .id = "app-1", .kind = "app" };
	struct directory_told_of c = { .event = DIRECTORY_KEY_LOCKED, .person = alice, .key = &key, .at = arena_printf(own, "%.14s.000001Z", time_ldap(own, fake_now)) };
	for (int i = 0; i < 3; i++)
		assert_int_equal(notice_change(&c), OK);
	c.event = DIRECTORY_PERSON_SUSPENDED;
	c.key = NULL;
	c.at = arena_printf(own, "%.14s.000002Z", time_ldap(own, fake_now));
	assert_int_equal(notice_change(&c), OK);
	assert_string_equal(fake_mail.text_id, "sms.suspended");
	assert_string_equal(fake_mail.what, "Uw account is voorlopig gesloten");
	assert_int_equal(history_read(own, alice->subject, &all, &n), OK);
	assert_int_equal(n, 2);
	assert_string_equal(all[0].event, "person.suspended");
	assert_string_equal(all[1].event, "key.locked");
	assert_string_equal(all[1].key, "app-1");
	assert_string_equal(all[1].by, "administrator");
	/* Messages of more than a day ago are not known any more, but the history is. */
	fake_now += 3 * 24 * 3600;
	fake_mail = (struct fake_mail){ 0 };
	assert_int_equal(notice_change(&c), OK);
	assert_int_equal(fake_mail.sent, 0);
	fake_down = "state_update_all";
	c.at = "20260101000000.000003Z";
	assert_int_equal(notice_change(&c), E_DOWN);
	assert_int_equal(fake_mail.sent, 0);
	arena_free(own);
}

static void what_cannot_go_out_is_written_down(void **state)
{
	(void)state;
	fake_down = "outbox_acts";
	key_event(NOTICE_KEY_ADDED);
	assert_string_equal(lost()->why, "not-queued");
	assert_string_equal(lost()->subject, alice->subject);
}

/* --- from where --- */

static unsigned come_in(const char *from, const char *agent)
{
	fake_mail = (struct fake_mail){ 0 };
	notice_login(alice, &fake_key[ALICE][0], from, "Tax", agent);
	return fake_mail.sent;
}

static void a_new_place_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(come_in("192.0.2.7", "Firefox, Linux"), 0);	/* the first that we hear of */
	assert_int_equal(come_in("192.0.2.99", "Firefox, Linux"), 0);
	assert_int_equal(come_in("198.51.100.1", "Firefox, Linux"), 1);
	assert_string_equal(fake_mail.all, "alice@example.org");
	assert_string_equal(fake_mail.place, "198.51.100.1, Tax, Firefox, Linux");
	assert_int_equal(come_in("198.51.100.1", "Firefox, Linux"), 0);
	assert_int_equal(come_in("192.0.2.7", "Chrome, Windows"), 1);
	assert_int_equal(come_in("2001:db8:1:2::3", "Firefox, Linux"), 1);
	assert_int_equal(come_in("2001:db8:1:2ff::4", "Firefox, Linux"), 1);
	assert_int_equal(come_in("2001:db8:1:2a0::4", "Firefox, Linux"), 0);
	assert_null(lost());
}

static void what_was_not_seen_for_long_is_new(void **state)
{
	(void)state;
	come_in("192.0.2.7", "Firefox, Linux");
	fake_now += 80 * 24 * 3600;
	assert_int_equal(come_in("192.0.2.7", "Firefox, Linux"), 0);	/* known for 90 days more */
	assert_int_equal(come_in("198.51.100.1", "Firefox, Linux"), 1);
	fake_now += 80 * 24 * 3600;
	assert_int_equal(come_in("192.0.2.7", "Firefox, Linux"), 0);
	fake_now += 11 * 24 * 3600;
	assert_int_equal(come_in("198.51.100.1", "Firefox, Linux"), 1);
}

static void after_an_empty_store_only_the_long_absent_hear_of_it(void **state)
{
	(void)state;
	fake_key[ALICE][0].last_used = fake_now - 89 * 24 * 3600;
	assert_int_equal(come_in("192.0.2.7", "x"), 0);
	fake_state_forget("notice.places");
	fake_key[ALICE][0].last_used = fake_now - 91 * 24 * 3600;
	assert_int_equal(come_in("192.0.2.7", "x"), 1);
}

static void it_stays_small(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		come_in(arena_printf(a, "10.0.%d.1", i), "x");
		if (i % 5 == 0)
			fake_now += 24 * 3600;
	}
	assert_int_equal(come_in("10.0.99.1", "x"), 0);
	assert_int_equal(come_in("10.0.90.1", "x"), 0);
	assert_int_equal(come_in("10.0.2.1", "x"), 1);
	assert_int_equal(fake_state_size("notice.places"), 1);
	assert_false(fake_state_holds(S("10.0.99")));
}

/* Where it cannot be told, it is not known either: the next login tells it. */
static void a_full_outbox_delays_only_the_notice(void **state)
{
	(void)state;
	come_in("192.0.2.7", "x");
	fake_down = "outbox_acts";
	assert_int_equal(come_in("198.51.100.1", "x"), 0);
	assert_string_equal(lost()->why, "not-queued");
	fake_down = NULL;
	assert_int_equal(come_in("198.51.100.1", "x"), 1);
	alice->notice = "security";
	assert_int_equal(come_in("203.0.113.1", "x"), 0);
	alice->notice = NULL;
	assert_int_equal(come_in("203.0.113.1", "x"), 0);
}

/* The whole way: through the engine, whose yes does not hang on it. */
static void a_login_goes_on_without_an_outbox(void **state)
{
	(void)state;
	want.agent = "Firefox, Linux";
	come_in("203.0.113.1", "another");
	fake_down = "outbox_acts";
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_string_equal(lost()->why, "not-queued");
}

static void a_login_from_a_new_browser_is_told(void **state)
{
	(void)state;
	want.agent = "Firefox, Linux";
	come_in(peer, "Chrome, Windows");
	begin();
	assert_int_equal(password("alice", "correct horse"), OK);
	assert_int_equal(code(ALICE), OK);
	assert_int_equal(turn.verdict, V_ALLOW);
	assert_int_equal(fake_mail.sent, 1);
	assert_string_equal(fake_mail.place, "192.0.2.7, tax, Firefox, Linux");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, telling, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_touches_security_goes_every_way),
		TEST(the_rest_goes_one_way_and_may_be_declined),
		TEST(only_to_what_was_proven),
		TEST(old_and_new_address_hear_of_a_change),
		TEST(what_administrators_do_is_told_once_and_stands_in_the_history),
		TEST(what_cannot_go_out_is_written_down),
		TEST(a_new_place_is_told_once),
		TEST(what_was_not_seen_for_long_is_new),
		TEST(after_an_empty_store_only_the_long_absent_hear_of_it),
		TEST(it_stays_small),
		TEST(a_full_outbox_delays_only_the_notice),
		TEST(a_login_goes_on_without_an_outbox),
		TEST(a_login_from_a_new_browser_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
