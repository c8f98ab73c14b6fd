/* The last step of a registration: a user name that nobody has or had, a password, and the person comes to be. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "core/history.h"
#include "core/names.h"
#include "core/notice.h"
#include "core/password.h"
#include "core/registration_parts.h"
#include "core/removal.h"
#include "core/terms.h"
#include "svc/passwords.h"
#include "svc/state.h"

enum { CLAIM_S = 60, PROPOSAL_MOST = 28 };

static const char ns_number[] = "registration.card", ns_name[] = "registration.name";

/* --- the name --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The letter below the accent, of U+00C0 to U+00FF; 0: left out. */
static char plain(unsigned char second)
{
	static const char letters[] = "aaaaaaaceeeeiiiidnooooo\0ouuuuy\0saaaaaaaceeeeiiiidnooooo\0ouuuuy\0y";
	return second >= 0x80 && second <= 0xbf ? letters[second - 0x80] : '\0';
}

static void put_letters(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n && s.p[i] != ' ' && b->n < PROPOSAL_MOST; i++) {
		char c = lower(s.p[i]);
		if ((unsigned char)c == 0xc3 && i + 1 < s.n)
			c = plain((unsigned char)s.p[++i]);
		if ((c >= 'a' && c <= 'z') || (c == '-' && b->n > 0))
			buf_char(b, c);
	}
}

const char *registration_proposal(const struct registration *r)
{
	struct buf b = buf_new(r->a);
	put_letters(&b, slice_of(r->who->given_name));
	if (b.n > 0 && r->who->family_name != NULL)
		buf_char(&b, '.');
	put_letters(&b, slice_of(r->who->family_name));
	return b.n >= REGISTRATION_NAME_LEAST && !name_is_reserved(buf_slice(&b)) ? buf_cstr(&b) : NULL;
}

/* Small letters: the directory takes no notice of case, and whoever reads the name should not have to. */
static const char *name_of(struct arena *a, struct slice typed)
{
	typed = slice_trim(typed, " ");
	char *name = arena_str(a, typed);
	for (char *c = name; *c != '\0'; c++)
		*c = lower(*c);
	return typed.n >= REGISTRATION_NAME_LEAST && strlen(name) == typed.n ? name : NULL;
}

static int name_is_free(struct registration *r, const char *name, const char **note)
{
	if (r->names >= REGISTRATION_NAMES_MOST) {
		*note = "register.name-tries";
		return OK;
	}
	r->names++;		/* so that nobody reads a list of names off this */
	int rc = registration_keep(r, NULL);
	if (rc != OK)
		return rc;
	rc = removal_had_name(r->a, name);
	if (rc == E_NOENT)
		rc = directory_name_taken(slice_of(name));
	if (rc == OK)
		*note = "register.name-taken";
	return rc == E_NOENT ? OK : rc;
}

/* --- the person --- */

static struct person draft(const struct registration *r, const char *name, const char *lang)
{
	static const char *const none[] = { NULL };
	const char *given = r->who->given_name, *family = r->who->family_name;
	struct slice rest = slice_of(given), first = rest;
	if (given != NULL)
		slice_cut(&rest, ' ', &first);		/* the card has all of them; people go by the first */
	const char *full = given != NULL && family != NULL ? arena_printf(r->a, "%s %s", arena_str(r->a, first), family) : given ? given : family ? family : name;
	return (struct person){ .dn = "", .subject = r->subject, .name = name, .state = "active", .given_name = given, .family_name = family ? family : full,
		.display_name = full, .mail = r->mail, .mail_verified = true, .locale = lang, .national_number = r->who->national_number, .password_changed = "",
		.consents = none, .terms = none };
}

/* The lines of the audit trail come first: nobody is there who cannot be accounted for. */
static int add(const struct registration *r, const struct person *person, const struct account *account)
{
	const struct terms terms = { .version = r->terms, .lang = r->terms_lang };
	int rc = AUDIT(.event = EV_TERMS_ACCEPTED, .subject = person->subject, .peer = account->peer, .session = r->id, .what = terms_told(r->a, &terms));
	if (rc == OK)
		rc = HISTORY(account->browser, .event = EV_PERSON_ADDED, .subject = person->subject, .kind = "eid", .card = r->who->card, .service = r->service,
		    .peer = account->peer, .session = r->id, .level = key_eid.level);
	if (rc == OK)
		rc = directory_person_add(person, account->password.n > 0 ? password_hash(r->a, account->password) : NULL, &terms, r->accepted);
	if (rc == OK)
		NOTICE(.event = NOTICE_PERSON_ADDED, .person = person, .peer = account->peer, .agent = account->agent);
	return rc;
}

/* Of two that register with one card, or take one name, at the same time, one goes on. */
static int add_alone(struct registration *r, const struct person *person, const struct account *account, const char **note)
{
	const struct person *there;
	struct slice number = slice_of(person->national_number), name = slice_of(person->name);
	int rc = state_claim(ns_number, number, CLAIM_S);
	if (rc != OK)
		return rc;
	rc = state_claim(ns_name, name, CLAIM_S);
	if (rc == E_EXISTS)
		*note = "register.name-taken";
	if (rc == OK) {
		rc = directory_person_by_number(r->a, number, &there);
		rc = rc == OK ? E_EXISTS : rc == E_NOENT ? name_is_free(r, person->name, note) : rc;
		if (rc == OK && *note == NULL)
			rc = add(r, person, account);
		state_del(ns_name, name);
	}
	state_del(ns_number, number);
	return *note != NULL ? OK : rc;
}

int registration_finish(struct registration *r, const struct account *account, const char **note)
{
	if (!registration_agreed(r) || !r->proven || r->exists)
		return E_EXISTS;
	const char *name = name_of(r->a, account->name);
	if (account->name.n == 0)
		*note = "note.incomplete";
	else if (name == NULL || name_is_reserved(slice_of(name)))
		*note = "register.name-bad";
	if (*note != NULL)
		return OK;
	struct person person = draft(r, name, account->lang);
	if (account->password.n > 0)
		*note = password_fault(&person, true, account->password);
	if (*note != NULL)
		return OK;
	if (would_block() || (account->password.n > 0 && would_hash()))
		return E_WAIT;
	return add_alone(r, &person, account, note);
}
