/* Levels, keys that may be used, acr. */
/* LINK: -Wl,--wrap=now */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/policy.h"
#include "fakes.c"

static int setup(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static void level_is_the_lowest_of_all(void **state)
{
	(void)state;
	struct person *p = &fake_person[ALICE];
	struct key *k = &fake_key[ALICE][0];
	assert_int_equal(policy_level(&key_app, p, k, fake_now), 400);
	k->level = 300;
	assert_int_equal(policy_level(&key_app, p, k, fake_now), 300);
	p->identity_level = 100;
	assert_int_equal(policy_level(&key_app, p, k, fake_now), 100);
	p->identity_level = k->level = 500;	/* never raised above the kind's */
	assert_int_equal(policy_level(&key_app, p, k, fake_now), 400);
	assert_int_equal(policy_level(&key_password, p, &fake_key[ALICE][1], fake_now), 200);
}

static void anything_but_exactly_active_denies(void **state)
{
	(void)state;
	static const char *const states[] = { "pending", "locked", "revoked", "Active", "ACTIVE", "active ", "", NULL };
	struct person *p = &fake_person[ALICE];
	struct key *k = &fake_key[ALICE][0];
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		k->state = states[i];
		assert_int_equal(policy_level(&key_app, p, k, fake_now), 0);
		k->state = "active";
		p->state = states[i];
		assert_int_equal(policy_level(&key_app, p, k, fake_now), 0);
		p->state = "active";
	}
	assert_int_equal(policy_level(&key_password, p, k, fake_now), 0);	/* a key of another kind */
	assert_int_equal(policy_level(&key_app, p, NULL, fake_now), 0);
	k->not_after = fake_now + 1;
	assert_int_equal(policy_level(&key_app, p, k, fake_now), 400);
	k->not_after = fake_now;
	assert_int_equal(policy_level(&key_app, p, k, fake_now), 0);
}

static void the_best_key_is_taken_or_the_obstacle_told(void **state)
{
	(void)state;
	const char *why = "?";
	struct key *k = fake_key[CHLOE];
	k[0].level = 300;
	assert_ptr_equal(policy_key(&key_app, &fake_person[CHLOE], fake_now, &why), &k[1]);
	assert_null(why);
	k[0].state = "pending";
	k[1].not_after = fake_now - 1;
	assert_null(policy_key(&key_app, &fake_person[CHLOE], fake_now, &why));
	assert_string_equal(why, "pending");
	k[1].state = "locked";
	assert_null(policy_key(&key_app, &fake_person[CHLOE], fake_now, &why));
	assert_string_equal(why, "locked");
	k[0].state = "revoked";
	k[1].state = "active";
	assert_null(policy_key(&key_app, &fake_person[CHLOE], fake_now, &why));
	assert_string_equal(why, "expired");
	k[1].state = "gone";
	assert_null(policy_key(&key_app, &fake_person[CHLOE], fake_now, &why));
	assert_string_equal(why, "revoked");
	assert_null(policy_key(&key_app, &fake_person[EMMA], fake_now, &why));
	assert_string_equal(why, "none");
}

static void services_name_kinds_and_a_level(void **state)
{
	(void)state;
	static const char *const only_password[] = { "password", NULL }, *const nothing[] = { NULL };
	struct service s = { .id = "x", .kinds = nothing };
	assert_true(policy_kind_fits(&key_app, NULL, 400));
	assert_false(policy_kind_fits(&key_app, NULL, 450));
	assert_true(policy_kind_fits(&key_app, &s, 0));
	s.kinds = only_password;
	assert_false(policy_kind_fits(&key_app, &s, 0));
	assert_true(policy_kind_fits(&key_password, &s, 200));
	assert_false(policy_kind_fits(&key_password, &s, 201));
}

static void acr_is_the_highest_level_not_above(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_null(policy_acr(a, 99));
	assert_string_equal(policy_acr(a, 100), "urn:be:fedict:iam:fas:citizen:Level100");
	assert_string_equal(policy_acr(a, 399), "urn:be:fedict:iam:fas:citizen:Level300");
	assert_string_equal(policy_acr(a, 450), "urn:be:fedict:iam:fas:citizen:Level450");
	assert_string_equal(policy_acr(a, 900), "urn:be:fedict:iam:fas:citizen:Level500");
	for (const unsigned *l = policy_levels; *l != 0; l++)
		assert_int_equal(policy_acr_level(slice_of(policy_acr(a, *l))), *l);
	assert_int_equal(policy_acr_level(S("urn:be:fedict:iam:fas:Level400")), 400);
	assert_int_equal(policy_acr_level(S("urn:be:fedict:iam:fas:Level401")), 0);
	assert_int_equal(policy_acr_level(S("urn:be:fedict:iam:fas:Level0400")), 0);
	assert_int_equal(policy_acr_level(S("urn:be:fedict:iam:fas:citizen:Level")), 0);
	assert_int_equal(policy_acr_level(S("urn:be:fedict:iam:fas:citizen:Level400 ")), 0);
	assert_int_equal(policy_acr_level(S("400")), 0);
	assert_int_equal(policy_acr_level(S_NONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(level_is_the_lowest_of_all, setup),
		cmocka_unit_test_setup(anything_but_exactly_active_denies, setup),
		cmocka_unit_test_setup(the_best_key_is_taken_or_the_obstacle_told, setup),
		cmocka_unit_test_setup(services_name_kinds_and_a_level, setup),
		cmocka_unit_test_setup(acr_is_the_highest_level_not_above, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
