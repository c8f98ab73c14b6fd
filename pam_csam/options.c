/* Reads the arguments that stand behind pam_csam.so in a service's file. */
#include <string.h>
#include "call.h"

static bool number(const char *s, unsigned long min, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (*s == '\0' || strlen(s) > 10)
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (unsigned long)(*s - '0');
	}
	*out = v;
	return v >= min && v <= max;
}

static bool take_socket(struct options *o, const char *value)
{
	o->socket = value;
	return value[0] == '/' && strlen(value) < 108;	/* unix(7) */
}

static bool take_min_uid(struct options *o, const char *value)
{
	return number(value, 1, 0xfffffffeUL, &o->min_uid);	/* 0 would ask the network about root */
}

static bool take_timeout(struct options *o, const char *value)
{
	unsigned long v;

	if (!number(value, 1, 120, &v))
		return false;
	o->timeout_s = (unsigned)v;
	return true;
}

static bool take_prompt(struct options *o, const char *value)
{
	static const char *const words[] = { [PROMPT_AUTO] = "auto", [PROMPT_TWO] = "two", [PROMPT_SINGLE] = "single", [PROMPT_DEVICE] = "device",
		[PROMPT_CARD] = "card" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(value, words[i]) == 0) {
			o->prompting = (enum prompting)i;
			return true;
		}
	return false;
}

static bool take_after_publickey(struct options *o, const char *value)
{
	return o->after_publickey = strcmp(value, "code") == 0;
}

static bool take_word(struct options *o, const char *word)
{
	const struct { const char *word; bool *flag; } flags[] = {
		{ "use_first_pass", &o->use_first_pass }, { "try_first_pass", &o->try_first_pass }, { "no_card", &o->no_card },
		{ "quiet", &o->quiet }, { "debug", &o->debug },
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(word, flags[i].word) == 0)
			return *flags[i].flag = true;
	return false;
}

static const struct { const char *name; bool (*take)(struct options *o, const char *value); } named[] = {
	{ "socket=", take_socket }, { "min_uid=", take_min_uid }, { "timeout=", take_timeout }, { "prompt=", take_prompt },
	{ "after_publickey=", take_after_publickey },
};

static bool take(struct options *o, const char *argument)
{
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
		size_t n = strlen(named[i].name);
		if (strncmp(argument, named[i].name, n) == 0)
			return named[i].take(o, argument + n);
	}
	return take_word(o, argument);
}

const char *options_read(struct options *o, int argc, const char **argv)
{
	*o = (struct options){ .min_uid = 1000, .timeout_s = 10 };
	for (int i = 0; i < argc; i++)
		if (!take(o, argv[i]))
			return argv[i];
	return NULL;
}
