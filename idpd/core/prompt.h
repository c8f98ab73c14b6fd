/* What a door can be asked to draw: a closed set. Doors know layouts and no key kind. */
#ifndef CSAM_PROMPT_H
#define CSAM_PROMPT_H

#include "base/slice.h"

enum ask {		/* bits: a prompt may hold a text and a secret together, if the door can draw both at once */
	ASK_TEXT = 1,		/* a line that may be seen: the name */
	ASK_SECRET = 2,		/* a line that may not: the password */
	ASK_CODE = 4,		/* digits that were sent or generated */
	ASK_CHOICE = 8,		/* one of `choices` */
	ASK_SHOW = 16,		/* a message and nothing else */
	ASK_WAIT = 32,		/* something to be done on another device: its address, a code, a QR code; beside ASK_CODE: what is shown there is typed here */
	ASK_SIGN = 64,		/* `challenge`, signed by something that the person holds */
	ASK_REDIRECT = 128,	/* go to `href`, and come back */
	ASK_REGISTER = 256,	/* `newcomer` is nobody yet: go to `href` and register, and come back with an empty answer */
};

struct newcomer {		/* what an identity card says of its person */
	const char *national_number, *given_name, *family_name;	/* names NULL: they cannot be read */
	const char *card;	/* serial number of its certificate */
};

struct choice {
	const char *id;			/* what the answer carries: the kind's name, or a key's id */
	const char *group;		/* of the chooser, or NULL */
	const char *label;		/* a person's own name for the key, or NULL: then the text "kind.<id>" */
	bool disabled;			/* shown, cannot be chosen: not activated (A13), locked (A21) */
	const char *note_id;		/* text id of why, or NULL */
};

struct prompt {
	unsigned ask;			/* enum ask */
	const char *hint_id;		/* text id of which code is meant, where the kind alone does not say it; or NULL */
	const char *what;		/* what that text names ({what}): the number on a card, the address that a code went to */
	unsigned left;			/* and a note ({left}): how many there are still */
	const char *challenge;		/* ASK_SIGN: of a browser for Web eID; of a host the text itself that the card signs */
	const char *href;		/* ASK_REDIRECT: address that `proof` comes back from */
	const struct newcomer *newcomer;	/* ASK_REGISTER */
	const char *label_id;		/* text id of what is asked, where it is not what the layout says by itself; or NULL */
	const char *kind;		/* of the key being used, or NULL on the chooser */
	const char *name;		/* who it is: with ASK_TEXT to begin the line with, else shown and not asked again; or NULL */
	const char *note_id;		/* text id of what went wrong or what to know; or NULL */
	const char *note_kind;		/* kind of key the note speaks of ({key}); or NULL */
	const char *user_code;		/* ASK_WAIT: what to take to the other device (core/rendezvous.h) */
	unsigned wait_s;		/* with note "note.wait": seconds before the next try ({seconds}); with "note.send-wait" before another code */
	const struct choice *choices;
	size_t nchoices;
	bool may_go_back;		/* another key can be chosen */
	bool may_ask_again;		/* another code can be sent */
};

/* What came back. Absent fields are empty; a field the prompt did not ask for is E_INPUT. */
struct answer {
	struct slice choice, text, secret, code;
	struct slice proof;		/* what ASK_SIGN or ASK_REDIRECT brought */
	bool back;			/* "choose another key" */
	bool again;			/* "send another code" */
	bool without;			/* ASK_REDIRECT came back with nothing: no card was shown */
	const char *browser;		/* who brought it, as web_browser_words says; NULL: no browser, or unknown. Not part of what was answered */
};

#endif
