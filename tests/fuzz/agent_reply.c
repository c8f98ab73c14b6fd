/* Replies of the agent, as the plug-ins in other people's programs read them: whatever is not exactly as agreed lets nobody in. */
#include "fuzz.h"
#include "libcsam/wire.h"

static const char *within, *end;

/* A text of the reply: inside it, ended, and fit for a terminal. */
static void is_text(const char *s)
{
	if (s == NULL)
		return;
	promise(s >= within && s < end && memchr(s, '\0', (size_t)(end - s)) != NULL);
	promise(slice_is_text(slice_of(s), ""));
}

static void fuzz(struct slice in)
{
	struct csam_turn t;
	char *reply = malloc(in.n > 0 ? in.n : 1);
	promise(reply != NULL);
	if (in.n > 0)
		memcpy(reply, in.p, in.n);
	within = reply;
	end = reply + in.n;
	wire_read(reply, in.n, &t);
	is_text(t.label), is_text(t.note), is_text(t.message), is_text(t.name);
	promise(t.nchoices <= CSAM_MAX_CHOICES && t.wait_s <= 3600);
	for (size_t i = 0; i < t.nchoices; i++)
		is_text(t.choices[i].id), is_text(t.choices[i].label);
	promise(t.nsays <= CSAM_MAX_SAYS && t.card_s <= 300);
	for (size_t i = 0; i < t.nsays; i++)
		is_text(t.says[i].word), is_text(t.says[i].text);
	if (t.challenge != NULL)
		promise(slice_is_text(slice_of(t.challenge), "\n"));
	promise(t.result != CSAM_ASK || !(t.ask & CSAM_SIGN) || (t.challenge != NULL && t.module != NULL && t.module[0] == '/' && t.card_s > 0));
	promise(t.nlines <= CSAM_MAX_LINES);
	for (size_t i = 0; i < t.nlines; i++)
		is_text(t.lines[i]);
	promise(t.result != CSAM_ALLOW || (t.name != NULL && t.name[0] != '\0'));
	promise(t.result != CSAM_ASK || t.ask != 0);
	free(reply);
}
