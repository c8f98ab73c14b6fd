/* csamctl enrol: somebody was identified, and gets a link and a code to activate digital keys with. */
#include "base/clock.h"
#include "base/user_code.h"
#include "core/activation.h"
#include "csamctl/fields.h"
#include "csamctl/ldif.h"
#include "csamctl/person.h"
#include "csamctl/send.h"
#include "svc/texts.h"

enum { DAYS = 14, MOST_DAYS = 90 };

struct enrol {
	struct ldap_entry person;
	const char *mail, *link, *code, *id;
	time_t end;
};

static int find(struct ctl *c, struct enrol *e)
{
	struct dir *d;
	int rc = dir_open(c, &d);
	if (rc == DONE)
		rc = person_find(c, d, opt(c, "uid"), &e->person);
	if (rc != DONE)
		return rc;
	e->mail = opt(c, "mail") != NULL ? opt(c, "mail") : entry_str(&e->person, "mail");
	if (!opt_on(c, "send"))
		return DONE;
	const char *why = e->mail != NULL ? field_mail(slice_of(e->mail)) : "there is no mail address: --mail ADDRESS";
	return why != NULL ? refuse("%s", why) : DONE;
}

static int check(struct ctl *c, struct enrol *e)
{
	unsigned long long days = DAYS;
	const char *why = field_level(slice_of(opt(c, "level")));
	if (why != NULL)
		return usage(c, "--level: %s", why);
	if (opt(c, "days") != NULL && (slice_number(slice_of(opt(c, "days")), MOST_DAYS, &days) != OK || days == 0))
		return usage(c, "--days takes a number from 1 to %d", MOST_DAYS);
	e->end = now() + (time_t)days * 24 * 3600;
	return need(c, c->set.issuer, "issuer");
}

static int write_record(struct ctl *c, const struct enrol *e, struct slice token)
{
	unsigned char of_link[SHA256_LEN], of_code[SHA256_LEN];
	struct buf b = buf_new(c->a);
	activation_digests(token, e->code, of_link, of_code);
	ldif_record(&b, dn_below(c->a, "csamEnrolmentId", e->id, arena_printf(c->a, "ou=enrolments,%s", c->set.base)), "add");
	ldif_str(&b, "objectClass", "csamEnrolment");
	ldif_str(&b, "csamEnrolmentId", e->id);
	ldif_str(&b, "csamSubject", entry_str(&e->person, "csamSubject"));
	ldif_str(&b, "csamEnrolmentLevel", opt(c, "level"));
	ldif_str(&b, "csamEnrolmentState", "open");
	ldif_str(&b, "csamEnrolmentEnd", time_ldap(c->a, e->end));
	ldif_attr(&b, "csamEnrolmentLink", slice_mem(of_link, sizeof of_link));
	ldif_attr(&b, "csamEnrolmentCode", slice_mem(of_code, sizeof of_code));
	ldif_end(&b);
	return print(&b);
}

static int send_link(struct ctl *c, const struct enrol *e)
{
	const char *lang = entry_str(&e->person, "preferredLanguage");
	int rc = send_texts(c);
	if (rc != DONE)
		return rc;
	const struct text_arg args[] = { { "link", e->link }, { "end", text_time(c->a, texts_choose_locales(slice_of(lang)), e->end) } };
	return send_now(c, CHANNEL_MAIL, (struct parcel){ .to = e->mail, .lang = lang,
		.text_id = "mail.activation", .args = args, .nargs = 2 });
}

static int run(struct ctl *c)
{
	struct enrol e = { .code = user_code_new(c->a, ACTIVATION_CODE_CHARS), .id = random_id(c->a, ACTIVATION_ID) };
	const char *token = arena_printf(c->a, "%s.%s", e.id, random_id(c->a, ACTIVATION_SECRET));
	int rc = check(c, &e);
	if (rc == DONE)
		rc = find(c, &e);
	if (rc != DONE)
		return rc;
	e.link = arena_printf(c->a, "%s/activate?t=%s", c->set.issuer, token);
	rc = write_record(c, &e, slice_of(token));
	if (rc == DONE && opt_on(c, "send"))
		rc = send_link(c, &e);
	if (rc != DONE)
		return rc;
	if (!opt_on(c, "send"))
		say("link: %s", e.link);
	say("code: %s", user_code_spelled(c->a, e.code));
	say("good once, both together, until %s; the code never goes the way of the link", time_iso(c->a, e.end));
	return DONE;
}

static const struct opt opts[] = {
	{ "uid", "NAME", "user name of the person, who must be in the directory", OPT_MUST, 0 },
	{ "level", "LEVEL", "how well the person was identified: keys activated by it reach no higher (100 200 300 400 450 500)", OPT_MUST, 0 },
	{ "days", "N", "how long link and code are good (default: 14)", 0, 0 },
	{ "send", NULL, "send the link by mail, now; without it the link is shown here", 0, 0 },
	{ "mail", "ADDRESS", "where to (default: the person's own address)", 0, 0 },
	{ 0 },
};

const struct command cmd_enrol = {
	.path = "enrol", .operands = "", .opts = opts, .run = run,
	.what = "LDIF that lets somebody activate keys; link and code",
	.more = "The LDIF holds digests; link and code are shown or sent and kept nowhere. Give the code another way than the link:\n"
	    "on paper, or tell it. They work once the LDIF is in the directory. To take it back, set csamEnrolmentState: cancelled;\n"
	    "that ends also an activation that is under way.",
	.examples = "  csamctl enrol --uid bruno --level 400 --send | ldapmodify -H ldapi:/// -Y EXTERNAL\n"
	    "  csamctl enrol --uid bruno --level 300 --days 3 > enrol.ldif\n",
};
