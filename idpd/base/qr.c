/* QR codes. The only home of libqrencode. */
#include <qrencode.h>
#include "base/buf.h"
#include "base/qr.h"

enum { QUIET = 4 };	/* ISO/IEC 18004 6.3.8: four light modules on every side */

static const char black_on_white[] = "\033[38;5;16;48;5;231m", as_before[] = "\033[0m";

static void free_code(QRcode **q)
{
	QRcode_free(*q);
}

static bool dark(const QRcode *q, int x, int y)
{
	return x >= 0 && y >= 0 && x < q->width && y < q->width && (q->data[y * q->width + x] & 1);
}

const char *qr_text(struct arena *a, const char *text, bool colour)
{
	AUTO(free_code) QRcode *q = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	if (q == NULL)
		return NULL;
	/* upper half, lower half of a character: inked where the module is dark, or, without colours, where it is light */
	static const char *const halves[2][2] = { { " ", "\xe2\x96\x84" }, { "\xe2\x96\x80", "\xe2\x96\x88" } };
	struct buf b = buf_new(a);
	for (int y = -QUIET; y < q->width + QUIET; y += 2) {
		if (colour)
			buf_raw(&b, slice_of(black_on_white));
		for (int x = -QUIET; x < q->width + QUIET; x++) {
			bool up = dark(q, x, y), down = dark(q, x, y + 1);
			buf_raw(&b, slice_of(colour ? halves[up][down] : halves[!up][!down]));
		}
		if (colour)
			buf_raw(&b, slice_of(as_before));
		buf_char(&b, '\n');
	}
	return buf_cstr(&b);
}

/* A run of dark modules in a row is one rectangle. */
const char *qr_path(struct arena *a, const char *text, unsigned *width)
{
	AUTO(free_code) QRcode *q = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
	if (q == NULL)
		return NULL;
	struct buf b = buf_new(a);
	for (int y = 0; y < q->width; y++)
		for (int x = 0, run; x < q->width; x += run) {
			for (run = 1; x + run < q->width && dark(q, x + run, y) == dark(q, x, y);)
				run++;
			if (dark(q, x, y))
				buf_printf(&b, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
		}
	*width = (unsigned)q->width + 2 * QUIET;
	return buf_cstr(&b);
}

const char *otp_uri(struct arena *a, const char *issuer, const char *account, const char *secret)
{
	struct buf b = buf_new(a);
	buf_lit(&b, "otpauth://totp/");
	buf_url(&b, slice_of(issuer));
	buf_char(&b, ':');
	buf_url(&b, slice_of(account));
	buf_lit(&b, "?secret=");
	buf_url(&b, slice_of(secret));
	buf_lit(&b, "&issuer=");
	buf_url(&b, slice_of(issuer));
	buf_lit(&b, "&algorithm=SHA1&digits=6&period=30");
	return buf_cstr(&b);
}

const char *otp_issuer(struct arena *a, const char *origin)
{
	if (origin == NULL || strncmp(origin, "https://", 8) != 0)
		return "CSAM";
	char *host = arena_strdup(a, origin + 8);
	host[strcspn(host, ":/")] = '\0';
	return *host != '\0' ? host : "CSAM";
}
