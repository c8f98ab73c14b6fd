/* What lies in the hand: name and password, then a code of a hardware token (RFC 4226, RFC 6238) or of a printed card.
 *
 * csamKeyData says which: "hotp DIGITS HASH", "totp DIGITS HASH PERIOD" or "card CODES". All have their seed in csamKeySecret, sealed; a card is
 * the first codes of a counter, printed, so that the directory holds no list of them.
 *
 * What is spent: of a TOTP token the step of time; of a HOTP token how many codes are behind us, which is its own counter (RFC 4226 7.2); of
 * a card one bit for each code. All of them only grow. */
#include "base/card.h"
#include "base/digest.h"
#include "core/kinds.h"
#include "core/pack.h"

enum { MEMORY_VERSION = 1, CARD_FEW = 5, NEXT_REACH = 3, CLOCK_REACH = 20 };

struct device {
	char form;			/* 'h', 't' or 'c' */
	const char *alg;
	unsigned digits, period, codes;
};

/* --- csamKeyData --- */

static bool read_number(struct slice *rest, unsigned min, unsigned max, unsigned *out)
{
	struct slice word;
	unsigned long long n;
	if (!slice_cut(rest, ' ', &word) || slice_number(word, max, &n) != OK || n < min)
		return false;
	*out = (unsigned)n;
	return true;
}

static bool read_hash(struct slice *rest, const char **out)
{
	static const char *const names[] = { "sha1", "sha256", "sha512" };
	struct slice word;
	if (!slice_cut(rest, ' ', &word))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (slice_is(word, names[i])) {
			*out = names[i];
			return true;
		}
	return false;
}

static bool read_device(const struct key *key, struct device *out)
{
	struct slice rest = key->data, form;
	struct device d = { .alg = "sha1", .digits = CARD_DIGITS };
	bool ok = slice_cut(&rest, ' ', &form);
	d.form = ok && form.n == 4 ? form.p[0] : '\0';
	if (slice_is(form, "card"))
		ok = ok && read_number(&rest, 1, CARD_MAX, &d.codes);
	else if (slice_is(form, "hotp") || slice_is(form, "totp"))
		ok = ok && read_number(&rest, 6, 8, &d.digits) && read_hash(&rest, &d.alg);
	else
		return false;
	if (d.form == 't')
		ok = ok && read_number(&rest, 10, 300, &d.period);
	*out = d;
	return ok && rest.n == 0;
}

/* --- memory: one number --- */

static void remember(struct step *s, uint64_t number)
{
	struct pack p = pack_writer(s->a, MEMORY_VERSION);
	pack_u64(&p, &number);
	s->memory = buf_slice(&p.out);
}

static bool remembers(const struct step *s, uint64_t *number)
{
	struct pack p = pack_reader(s->a, MEMORY_VERSION, s->memory);
	uint64_t n = 0;
	pack_u64(&p, &n);
	if (s->memory.n == 0 || pack_done(&p) != OK)
		return false;
	*number = n;
	return true;
}

/* --- the printed card --- */

static bool is_used(uint64_t spent, uint64_t number)
{
	return spent >> (number - 1) & 1;
}

static unsigned codes_left(const struct device *d, uint64_t spent)
{
	unsigned n = 0;
	for (uint64_t i = 1; i <= d->codes; i++)
		n += !is_used(spent, i);
	return n;
}

static uint64_t any_unused(const struct device *d, uint64_t spent)
{
	uint64_t skip, i = 1;
	random_bytes(&skip, sizeof skip);
	for (skip %= codes_left(d, spent);; i++)
		if (!is_used(spent, i) && skip-- == 0)
			return i;
}

static enum verdict ask_card(struct step *s, const struct device *d)
{
	uint64_t number = 0;
	bool asked = remembers(s, &number) && number >= 1 && number <= d->codes;
	unsigned left = codes_left(d, s->spent);
	if (s->enter && left > 0 && (!asked || is_used(s->spent, number))) {
		number = any_unused(d, s->spent);
		remember(s, number);
		asked = true;
	}
	s->ask = (struct prompt){ .ask = ASK_CODE, .left = left, .note_id = left < CARD_FEW ? "note.card-few" : NULL };
	if (asked) {
		s->ask.hint_id = "hint.card";
		s->ask.what = arena_printf(s->a, "%u", (unsigned)number);
	}
	return V_MORE;
}

static enum verdict check_card(struct step *s, const struct device *d)
{
	uint64_t number;
	if (!remembers(s, &number) || number < 1 || number > d->codes)
		return V_MORE;			/* no code was asked for, so none can be right */
	if (is_used(s->spent, number)) {	/* meanwhile, in another conversation: another code is asked */
		s->memory = S_NONE;
		if (codes_left(d, s->spent) > 0)
			remember(s, any_unused(d, s->spent));
		s->why = "replayed-code";
		return V_DENY;
	}
	struct code_range only = { d->alg, d->digits, number, number };
	enum verdict verdict = step_code(s, &only, &number);
	if (verdict != V_ALLOW)
		return verdict;
	s->spend = s->spent | UINT64_C(1) << (number - 1);
	s->lasting = true;
	return V_ALLOW;
}

/* --- tokens --- */

static uint64_t minus(uint64_t n, uint64_t by)
{
	return n > by ? n - by : 0;
}

/* How many steps a clock may be off: not so many that somebody could use what he saw an hour ago. */
static unsigned clock_reach(void)
{
	return kinds_conf()->resync < CLOCK_REACH ? kinds_conf()->resync : CLOCK_REACH;
}

/* A token's clock as it was when the key was last used: that code's step against the time. Within what two codes can mend. */
static int64_t drift(const struct step *s, const struct device *d)
{
	int64_t reach = clock_reach();
	if (s->key->last_used == 0 || s->key->counter == 0 || s->key->counter > INT64_MAX / 2)
		return 0;
	int64_t by = (int64_t)s->key->counter - s->key->last_used / d->period;
	return by > reach ? reach : by < -reach ? -reach : by;
}

/* near: what one code opens. far: what takes a second one behind it. */
static void look(const struct step *s, const struct device *d, struct code_range *near, struct code_range *far)
{
	const struct kinds_conf *c = kinds_conf();
	*near = *far = (struct code_range){ .alg = d->alg, .digits = d->digits };
	if (d->form == 'h') {
		near->first = minus(s->spent, 1);	/* the last one too: the engine tells a repeated code from a wrong one */
		near->last = s->spent + c->look_ahead;
		far->first = near->last + 1;
		far->last = near->last + c->resync;
		return;
	}
	/* RFC 6238 5.2 and 6: one step for the way here and the clock, around where its clock was. */
	uint64_t at = (uint64_t)((int64_t)s->when / d->period + drift(s, d));
	near->first = minus(at, 1);
	near->last = at + 1;
	far->first = minus(at, clock_reach());
	far->last = at + clock_reach();
	if (far->first <= s->spent)
		far->first = s->spent + 1;		/* what was spent shows nothing */
}

static enum verdict spend_token(struct step *s, const struct device *d, uint64_t number)
{
	s->spend = d->form == 'h' ? number + 1 : number;
	s->lasting = d->form == 'h';	/* time refuses old steps by itself; nothing but the directory remembers a counter */
	s->memory = S_NONE;
	return V_ALLOW;
}

/* RFC 4226 7.4: it is far off, but where it is has been shown by one code, and the next one proves it. */
static enum verdict check_far(struct step *s, const struct device *d, const struct code_range *far)
{
	uint64_t shown, number;
	enum verdict verdict = V_DENY;
	if (remembers(s, &shown)) {
		struct code_range behind = { d->alg, d->digits, shown + 1, shown + NEXT_REACH };
		verdict = step_code(s, &behind, &number);
		if (verdict == V_ALLOW && number > minus(s->spent, d->form == 'h'))
			return spend_token(s, d, number);
	}
	s->memory = S_NONE;
	if (verdict == V_DOWN || kinds_conf()->resync == 0 || far->first > far->last)
		return verdict == V_DOWN ? V_DOWN : V_DENY;
	verdict = step_code(s, far, &number);
	if (verdict != V_ALLOW)
		return verdict;
	remember(s, number);
	s->tried = true;
	s->why = "note.next-code";
	return V_MORE;
}

static enum verdict check_token(struct step *s, const struct device *d)
{
	struct code_range near, far;
	uint64_t number;
	look(s, d, &near, &far);
	enum verdict verdict = step_code(s, &near, &number);
	if (verdict == V_ALLOW)
		return spend_token(s, d, number);
	return verdict == V_DENY && slice_is(S("wrong-code"), s->why) ? check_far(s, d, &far) : verdict;
}

/* --- both --- */

static enum verdict verify(struct step *s)
{
	struct device d;
	bool readable = read_device(s->key, &d);
	if (s->answer.n == 0 && readable && d.form == 'c')
		return ask_card(s, &d);
	if (s->answer.n == 0) {
		s->ask = (struct prompt){ .ask = ASK_CODE };
		return V_MORE;
	}
	if (readable)
		return d.form == 'c' ? check_card(s, &d) : check_token(s, &d);
	s->why = "unreadable-data";
	return V_DENY;
}

static bool used_up(const struct key *key)
{
	struct device d;
	return read_device(key, &d) && d.form == 'c' && codes_left(&d, key->counter) == 0;
}

const struct key_kind key_token = {
	.name = "token",
	.level = 300,
	.amr = AMR_PWD | AMR_OTP | AMR_MFA,
	.traits = KIND_PASSWORD | KIND_SECOND,
	.asks = ASK_TEXT | ASK_SECRET | ASK_CODE,
	.group = "code",
	.verify = verify,
	.used_up = used_up,
};
