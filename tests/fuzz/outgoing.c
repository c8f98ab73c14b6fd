/* What goes out: addresses, what an SMS gateway answers, which URLs may be called, and mails whatever stands in them. */
#include "fuzz.h"
#include "svc/mime.h"
#include "svc/outbox_carriers.h"
#include "svc/partner.h"

/* Nothing that ends a line or an address in SMTP. */
static void address(struct arena *a, struct slice in)
{
	const char *text = arena_str(a, in);
	if (outbox_mail_address(in)) {
		promise(strlen(text) == in.n && strpbrk(text, "\r\n \t<>\"\\,;:()[]") == NULL && strchr(text, '@') == strrchr(text, '@'));
		promise(strstr(outbox_masked(a, CHANNEL_MAIL, text), "…@") != NULL);
	}
	if (outbox_phone_number(in))
		promise(strspn(text, "+0123456789") == in.n);
}

static void url(struct arena *a, struct slice in)
{
	static const char *const allow[] = { "https://sms.example/v1", NULL };
	const char *text = arena_str(a, in);
	if (!partner_allows(allow, text))
		return;
	promise(strncasecmp(text, "https://sms.example", 19) == 0 && strpbrk(text, "\r\n #\\") == NULL);
	const char *path = strchr(text + 19, '/');
	promise(path == text + 19 || (path != NULL && strncmp(text + 19, ":443/", 5) == 0) || (path != NULL && strncmp(text + 19, ":", 1) == 0 && strtoul(text + 20, NULL, 10) == 443));
	promise(path != NULL && strncmp(path, "/v1", 3) == 0 && (path[3] == '\0' || strchr("/?", path[3]) != NULL));
	promise(strstr(arena_str(a, slice_mem(path, strcspn(path, "?"))), "..") == NULL);
}

/* Lines of 78 in ASCII that end in CR LF, and no line before the first empty one but those that we wrote. */
static void mail(struct arena *a, struct slice in)
{
	static const char *const ours[] = { "From: ", " ", "To: ", "Subject: ", "Date: ", "Message-ID: ", "Auto-Submitted: ", "Content-Language: ", "MIME-Version: ",
		"Content-Type: ", NULL };
	struct slice subject = line_of(&in), out, line;
	struct buf b = buf_new(a);
	mime_write(&b, &(struct mime){ "f@x.example", arena_str(a, subject), "", "t@x.example", arena_str(a, subject), "en", "id", 0, in, in });
	out = buf_slice(&b);
	for (bool head = true; slice_cut(&out, '\n', &line) && line.n > 0; head = head && line.n > 1) {
		bool known = !head || line.n == 1;
		for (size_t i = 0; ours[i] != NULL; i++)
			known = known || slice_starts(line, slice_of(ours[i]));
		promise(known && line.n <= 79 && line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++)
			promise(line.p[i] >= ' ' && line.p[i] <= '~');
	}
}

static void fuzz(struct slice in)
{
	AUTO_ARENA a = arena_new();
	struct slice rest = in, accepted = line_of(&rest);
	address(a, in);
	url(a, in);
	mail(a, in);
	sms_answer_accepts(a, arena_str(a, accepted), rest);
}
