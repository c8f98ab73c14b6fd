/* QR codes: each drawing must give back the modules, with a quiet zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/qr.c"

enum { MAX = 120 };

/* Reads the drawing as a camera would: ink where a half block stands. Gives rows of modules and their number. */
static int read_back(const char *text, bool colour, bool dark_at[MAX][MAX], int *width)
{
	int rows = 0;
	for (; *text; rows += 2) {
		int x = 0;
		if (colour) {
			assert_memory_equal(text, black_on_white, sizeof black_on_white - 1);
			text += sizeof black_on_white - 1;
		}
		for (; *text != '\n' && *text != '\033'; x++) {
			bool up = false, down = false;
			if (*text == ' ') {
				text++;
			} else {
				up = memcmp(text, "\xe2\x96\x84", 3) != 0;
				down = memcmp(text, "\xe2\x96\x80", 3) != 0;
				text += 3;
			}
			dark_at[rows][x] = colour ? up : !up;
			dark_at[rows + 1][x] = colour ? down : !down;
		}
		if (colour) {
			assert_memory_equal(text, as_before, sizeof as_before - 1);
			text += sizeof as_before - 1;
		}
		assert_int_equal(*text++, '\n');
		*width = x;
	}
	return rows;
}

static void drawing(bool colour)
{
	AUTO_ARENA a = arena_new();
	static bool got[MAX][MAX];
	const char *uri = otp_uri(a, "CSAM", "alice", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
	AUTO(free_code) QRcode *q = QRcode_encodeString(uri, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	int width = 0, rows = read_back(qr_text(a, uri, colour), colour, got, &width);
	assert_int_equal(width, q->width + 8);
	assert_true(rows == q->width + 8 || rows == q->width + 9);
	for (int y = 0; y < rows; y++)
		for (int x = 0; x < width; x++) {
			bool inside = x >= 4 && y >= 4 && x < 4 + q->width && y < 4 + q->width;
			bool want = inside && (q->data[(y - 4) * q->width + x - 4] & 1);
			assert_int_equal(got[y][x], want);
		}
	/* a finder pattern (ISO/IEC 18004 6.3.3) stands in the corner */
	for (int i = 0; i < 7; i++)
		assert_true(got[4][4 + i] && got[4 + i][4]);
	assert_false(got[5][5]);
}

static void with_colours(void **state)
{
	(void)state;
	drawing(true);
}

static void without_colours(void **state)
{
	(void)state;
	drawing(false);
}

/* Fills the rectangles of the path as a browser would. */
static void path(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	static bool got[MAX][MAX];
	unsigned width = 0;
	AUTO(free_code) QRcode *q = QRcode_encodeString("https://localhost/", 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	const char *p = qr_path(a, "https://localhost/", &width);
	assert_int_equal(width, q->width + 8);
	for (int x, y, n, back, used; *p != '\0'; p += used) {
		assert_int_equal(sscanf(p, "M%d %dh%dv1h-%dz%n", &x, &y, &n, &back, &used), 4);
		assert_int_equal(n, back);
		for (int i = 0; i < n; i++)
			got[y][x + i] = true;
	}
	for (int y = 0; y < (int)width; y++)
		for (int x = 0; x < (int)width; x++)
			assert_int_equal(got[y][x], dark(q, x - 4, y - 4));
	assert_null(qr_path(a, arena_printf(a, "%5000d", 1), &width));
}

static void address(void **state)
{
	(void)state;
	AUTO_ARENA a = arena_new();
	assert_string_equal(otp_uri(a, "My City", "a/b", "ABC"),
	    "otpauth://totp/My%20City:a%2Fb?secret=ABC&issuer=My%20City&algorithm=SHA1&digits=6&period=30");
	assert_string_equal(otp_issuer(a, "https://csam.example:8443"), "csam.example");
	assert_string_equal(otp_issuer(a, NULL), "CSAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_colours), cmocka_unit_test(without_colours), cmocka_unit_test(path), cmocka_unit_test(address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
