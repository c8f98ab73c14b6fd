/* The messages between the keyring and those who ask it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "svc/keyring_wire.h"

static void wire_round_trip(void **state)
{
	(void)state;
	struct wire in = { 4, 3, { S("abc"), S_NONE, S("\0\1\2") } }, out;
	struct wire_pieces p;
	unsigned char flat[64], number[8];
	size_t n = 0;
	uint64_t v;
	assert_int_equal(wire_pieces(&in, &p), OK);
	for (size_t i = 0; i < p.n; n += p.io[i++].iov_len)
		memcpy(flat + n, p.io[i].iov_base ? p.io[i].iov_base : "", p.io[i].iov_len);
	assert_int_equal(n, p.total);
	assert_int_equal(wire_parse(slice_mem(flat, n), &out), OK);
	assert_int_equal(out.code, 4);
	assert_int_equal(out.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(slice_eq(in.field[i], out.field[i]));
	for (size_t i = 0; i < n; i++)		/* cut anywhere but between fields */
		assert_int_equal(wire_parse(slice_mem(flat, i), &out), i == 2 || i == 7 || i == 9 ? OK : E_INPUT);
	assert_int_equal(wire_get_number(wire_put_number(number, 0x0102030405060708), UINT64_MAX, &v), OK);
	assert_true(v == 0x0102030405060708);
	assert_int_equal(wire_get_number(slice_mem(number, 8), v - 1, &v), E_INPUT);
	assert_int_equal(wire_get_number(slice_mem(number, 7), UINT64_MAX, &v), E_INPUT);
	in.field[0] = slice_mem(flat, 65536);
	assert_int_equal(wire_pieces(&in, &p), E_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(wire_round_trip) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
