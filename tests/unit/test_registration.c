/* Registration when services break and when answers come in another order: nobody is half there, nobody twice, and nobody without their steps. */
/* LINK: -Wl,--wrap=now -Wl,--wrap=conversation_show */
#include "talk.c"
#undef fail
#include "base/log.h"
#include "base/wait.h"
#include "core/password.h"
#include "core/registration.h"
#include "svc/passwords.h"

#define NUMBER "85073003328"
#define MAIL "vera@csam.example"

static const struct newcomer vera = { .national_number = NUMBER, .given_name = "Vera Ève", .family_name = "D’Œuvre Maes", .card = "0a" };
static unsigned added;
static struct person the_person;
static const char *had_password;

/* The conversation waits: test_conversation_eid shows when it does. */
int __wrap_conversation_show(struct arena *to, struct slice conversation, struct slice binding, struct turn *out);
int __wrap_conversation_show(struct arena *to, struct slice conversation, struct slice binding, struct turn *out)
{
	(void)to, (void)binding;
	BREAK();
	*out = (struct turn){ .verdict = V_MORE, .conversation = "conversation", .ticket = "ticket", .ask = { .ask = ASK_REGISTER, .newcomer = &vera } };
	return slice_is(conversation, "conversation") ? OK : E_NOENT;
}

int directory_name_taken(struct slice name)
{
	WRITES();
	return slice_is(name, "alice") ? OK : E_NOENT;
}

int directory_person_add(const struct person *person, const char *password_hash, const struct terms *terms, time_t when)
{
	(void)terms, (void)when;
	WRITES();
	added++;
	the_person = *person;
	had_password = password_hash;
	fake_person[EMMA].national_number = NUMBER;
	return OK;
}

/* Nobody goes here (test_removal). */
int directory_person_suspend(const struct person *person)
{
	(void)person;
	return E_BUG;
}

int directory_person_bury(const struct person *person)
{
	(void)person;
	return E_BUG;
}

static struct registration reg;
static const char *note;
static unsigned wait_s;

static int setup_registration(void **state)
{
	setup(state);
	fake_terms = fake_carries[CHANNEL_MAIL] = true;
	added = 0;
	had_password = note = NULL;
	return 0;
}

static int look(void)
{
	note = NULL;
	return registration_open(a, S("conversation"), browser, &reg);
}

static int finish(const char *name, const char *password)
{
	return registration_finish(&reg, &(struct account){ .name = slice_of(name), .password = slice_of(password), .lang = "fr", .peer = peer }, &note);
}

/* Whatever comes next, and the record as it is then. */
static int step(void)
{
	int rc = look();
	if (rc != OK)
		return rc;
	if (!registration_agreed(&reg))
		return registration_accept(&reg, S("4.2"), "fr", &note);
	if (reg.mail == NULL)
		return registration_send(&reg, MAIL, "fr", peer, &note, &wait_s);
	return reg.proven ? finish("vera", "paraplu vier") : registration_prove(&reg, slice_of(fake_mail.code), &note);
}

static void upto_account(void)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(step(), OK);
	assert_int_equal(look(), OK);
	assert_true(registration_agreed(&reg) && reg.proven && !reg.exists);
}

static void a_person_comes_to_be_once_and_whole(void **state)
{
	(void)state;
	upto_account();
	assert_string_equal(fake_mail.to, MAIL);
	assert_false(fake_state_holds(S(MAIL)));
	assert_false(fake_state_holds(slice_of(fake_mail.code)));
	assert_string_equal(registration_proposal(&reg), "vera.duvre");
	assert_int_equal(finish(" VERA.Maes ", "paraplu vier"), OK);
	assert_null(note);
	assert_int_equal(added, 1);
	assert_string_equal(the_person.name, "vera.maes");
	assert_string_equal(the_person.display_name, "Vera D’Œuvre Maes");
	assert_string_equal(the_person.mail, MAIL);
	assert_string_equal(the_person.state, "active");
	assert_non_null(had_password);
	const struct fake_line *line = fake_last(EV_PERSON_ADDED);
	assert_string_equal(line->card, "0a");
	assert_string_equal(line->subject, the_person.subject);
	assert_int_equal(finish("vera.again", ""), E_EXISTS);
	assert_int_equal(look(), OK);
	assert_true(reg.exists);
	assert_int_equal(finish("vera.again", ""), E_EXISTS);
	assert_int_equal(added, 1);
}

/* What a page still shows that was drawn before: another browser's registration, or another tab's, has gone on. */
static void an_old_record_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(step(), OK);
	assert_int_equal(look(), OK);
	struct registration old = reg;
	assert_int_equal(step(), OK);
	assert_int_equal(registration_send(&old, "other@csam.example", "fr", peer, &note, &wait_s), E_EXISTS);
	assert_string_equal(fake_mail.to, MAIL);
	assert_int_equal(look(), OK);
	old = reg;
	assert_int_equal(registration_prove(&reg, S("x"), &note), OK);
	assert_string_equal(note, "note.wrong-code");
	assert_int_equal(registration_prove(&old, slice_of(fake_mail.code), &note), E_EXISTS);
	assert_int_equal(look(), OK);
	assert_false(reg.proven);
}

static void without_a_step_there_is_no_next(void **state)
{
	(void)state;
	assert_int_equal(look(), OK);
	assert_int_equal(finish("vera", ""), E_EXISTS);
	assert_int_equal(registration_prove(&reg, S("123456"), &note), E_EXISTS);
	upto_account();
	fake_terms = false;			/* the operator has taken them back */
	assert_int_equal(look(), OK);
	assert_int_equal(finish("vera", ""), E_EXISTS);
	fake_terms = true;
	for (size_t i = 0; i < 2; i++) {
		static const char *const names[] = { "root", "v" };
		assert_int_equal(finish(names[i], ""), OK);
		assert_string_equal(note, "register.name-bad");
		note = NULL;
	}
	assert_int_equal(finish("alice", ""), OK);
	assert_string_equal(note, "register.name-taken");
	note = NULL;
	assert_int_equal(finish("vera", "short"), OK);
	assert_string_equal(note, "note.password-short");
	assert_int_equal(added, 0);
	fake_now += 15 * 60;			/* and all of it ends */
	assert_int_equal(look(), OK);
	assert_null(reg.terms);
	assert_int_equal(finish("vera", ""), E_EXISTS);
}

/* A whole registration in which the n-th call of a service fails, and the person tries again. */
static bool with_fault(int n)
{
	setup_registration(NULL);
	fake_fault = n;
	for (int tries = 0; tries < 20 && added == 0; tries++) {
		int rc = step();
		assert_true(rc == OK || (rc == E_DOWN && fake_fault_hit) || (rc == E_EXISTS && fake_fault_hit));
		assert_true(rc == OK || added == 0 || fake_fault_hit);
		if (rc != OK)
			fake_now += 61;		/* a claim that could not be given back ends */
	}
	assert_int_equal(added, 1);
	assert_non_null(fake_last(EV_PERSON_ADDED));
	assert_non_null(fake_last(EV_TERMS_ACCEPTED));
	bool hit = fake_fault_hit;
	teardown(NULL);
	return hit;
}

static void whatever_breaks_nobody_is_half_there(void **state)
{
	(void)state;
	teardown(NULL);
	int n = 0;
	while (with_fault(n))
		n++;
	assert_true(n > 20);			/* it did break something */
	setup_registration(NULL);
	upto_account();
	fake_down = "audit";
	assert_int_equal(finish("vera", ""), E_DOWN);
	assert_int_equal(added, 0);		/* nobody without their line */
}

int main(void)
{
	log_open("test", (enum log_level)0);
	const struct CMUnitTest tests[] = {
#define R(f) cmocka_unit_test_setup_teardown(f, setup_registration, teardown)
		R(a_person_comes_to_be_once_and_whole), R(an_old_record_changes_nothing), R(without_a_step_there_is_no_next), R(whatever_breaks_nobody_is_half_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
