/* GET /keys: the person's digital keys, and what can be done with them. */
#include "apps/mykeys.h"
#include "base/clock.h"
#include "core/history.h"
#include "core/policy.h"
#include "core/terms.h"
#include "svc/texts.h"
#include "web/web.h"

enum { LABEL_CHARS = 60, BEHIND_S = 60 /* how late csamKeyLastUsed may be */, EVER_MAX = 150 };	/* keys of one person, revoked or not: the directory reads 200 */

/* --- what the pages share --- */

static bool is(const char *text, const char *word)
{
	return strcmp(text, word) == 0;
}

/* The eID is the State's: nobody ends it or names it here. */
static bool is_theirs(const struct key *key)
{
	return !is(key->state, "revoked") && (key->dn == NULL || *key->dn != '\0');
}

const struct key *keys_find(const struct person *person, struct slice id)
{
	for (size_t i = 0; i < person->nkeys; i++)
		if (slice_is(id, person->keys[i].id) && is_theirs(&person->keys[i]))
			return &person->keys[i];
	return NULL;
}

bool keys_waits(const struct key *key)
{
	const struct key_kind *kind = kind_by_name(slice_of(key->kind));
	return is(key->state, "pending") && is_theirs(key) && keys_may_add(key->kind) && kind->traits & KIND_SECOND && kind->asks & ASK_CODE &&
	    (kind->used_up == NULL || !kind->used_up(key)) && (key->not_after == 0 || key->not_after > now());
}

unsigned keys_level(const struct person *person, const struct key *key)
{
	const struct key_kind *kind = kind_by_name(slice_of(key->kind));
	unsigned level = kind != NULL ? kind->level : 0;
	if (key->level != 0 && key->level < level)
		level = key->level;
	return person->identity_level != 0 && person->identity_level < level ? person->identity_level : level;
}

unsigned keys_guard(const struct person *person)
{
	unsigned level = 0;
	for (size_t i = 0; i < person->nkeys; i++) {
		const struct key *key = &person->keys[i];
		unsigned of_key = is(key->state, "active") && is_theirs(key) ? keys_level(person, key) : 0;
		level = of_key > level ? of_key : level;
	}
	return level;
}

const char *keys_next_id(struct arena *a, const struct person *person, const char *kind)
{
	struct slice prefix = slice_of(arena_printf(a, "%s-", kind));
	unsigned long long highest = 0, n;
	size_t alive = 0;
	for (size_t i = 0; i < person->nkeys; i++) {
		struct slice id = slice_of(person->keys[i].id);
		alive += !is(person->keys[i].state, "revoked");
		if (slice_starts(id, prefix) && slice_number(slice_mem(id.p + prefix.n, id.n - prefix.n), 1000000, &n) == OK && n > highest)
			highest = n;
	}
	return alive < KEYS_MAX && person->nkeys < EVER_MAX ? arena_printf(a, "%s-%llu", kind, highest + 1) : NULL;
}

bool keys_may_add(const char *kind)
{
	const struct key_kind *k = kind_by_name(slice_of(kind));
	return k != NULL && (k->ready == NULL || k->ready()) && policy_kind_level(k) > 0 && !policy_kind_blocked(k);
}

/* What is not seen, or turns around what stands beside it (UTR 36 2.5, UAX 9 2): a name must not make other words of ours. The joiners of emoji and of
 * Persian (U+200C, U+200D) are letters' own. */
static bool is_hidden(uint32_t c)
{
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180e }, { 0x200b, 0x200b }, { 0x200e, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* RFC 3629 3: of a character that slice_is_text has let through. */
static uint32_t code_point(struct slice character)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)character.p[0] & lead[character.n];
	for (size_t i = 1; i < character.n; i++)
		c = c << 6 | ((unsigned char)character.p[i] & 0x3f);
	return c;
}

const char *keys_label(struct arena *a, struct slice text, bool *ok)
{
	text = slice_trim(text, " ");
	size_t chars = 0;
	*ok = slice_is_text(text, "");
	for (size_t i = 0, len; *ok && i < text.n; i += len) {
		len = slice_utf8_len(slice_mem(text.p + i, text.n - i));
		*ok = !is_hidden(code_point(slice_mem(text.p + i, len))) && ++chars <= LABEL_CHARS;
	}
	return *ok ? arena_str(a, text) : NULL;
}

/* --- the list --- */

struct past {
	struct history *newest;
	size_t n;
};

/* When and where somebody last came in with it: the directory is told behind, and knows no place. */
static void put_last_use(struct arena *a, json_t *row, const struct desk *desk, const struct key *key, const struct past *past)
{
	const struct history *h = past->newest, *end = h + past->n;
	while (h < end && !(is(h->event, "login.ok") && h->key != NULL && is(h->key, key->id)))
		h++;
	bool known = h < end && h->when + BEHIND_S >= key->last_used;
	time_t when = known ? h->when : key->last_used;
	if (when != 0)
		json_object_set_new(row, "last_used", json_string(web_time(a, desk->lang, when)));
	if (known && h->place != NULL)
		json_object_set_new(row, "place", json_string(h->place));
}

static int key_row(struct request *r, const struct desk *desk, const struct key *key, const struct past *past, json_t *rows)
{
	struct arena *a = r->a;
	const char *opens, *title = arena_printf(a, "kind.%s.title", key->kind), *state = arena_printf(a, "keys.state.%s", key->state);
	json_t *row = json_pack("{ss ss ss so sb}", "id", key->id, "title", texts_have(title) ? text(desk->lang, title) : key->kind,
	    "state", texts_have(state) ? text(desk->lang, state) : text(desk->lang, "keys.state.other"),
	    "level", json_integer(keys_level(desk->login.person, key)), "active", is(key->state, "active"));
	if (key->label != NULL && key->label[0] != '\0')
		json_object_set_new(row, "label", json_string(key->label));
	put_last_use(a, row, desk, key, past);
	const char *icon = web_kind_icon(a, key->kind);
	if (icon != NULL)
		json_object_set_new(row, "icon", json_string(icon));
	json_array_append_new(rows, row);
	int e = keys_opens(a, desk->login.person, key, desk->lang, &opens);
	if (e == OK && opens != NULL)
		json_object_set_new(row, "opens", json_string(opens));
	return e;
}

static int key_rows(struct request *r, const struct desk *desk, json_t *rows)
{
	const struct person *p = desk->login.person;
	struct past past = { .n = 0 };
	int e = history_read(r->a, p->subject, &past.newest, &past.n);
	for (size_t i = 0; i < p->nkeys && e == OK; i++)
		if (is_theirs(&p->keys[i]))
			e = key_row(r, desk, &p->keys[i], &past, rows);
	return e;
}

json_t *keys_wizard(struct request *r, const struct desk *desk, const char *page, const char *kind)
{
	struct arena *a = r->a;
	if (!keys_may_add(kind))
		return NULL;
	const char *what = arena_printf(a, "keys.new.%s", page), *words = arena_printf(a, "keys.new.%s.text", page);
	const char *id = desk->activation.id;
	return json_pack("{ss ss ss ss*}", "href", arena_printf(a, "/keys/new/%s%s%s", page, id != NULL ? "?a=" : "", id != NULL ? id : ""),
	    "title", text(desk->lang, texts_have(what) ? what : arena_printf(a, "kind.%s.title", kind)),
	    "text", text(desk->lang, texts_have(words) ? words : arena_printf(a, "kind.%s.text", kind)), "icon", web_kind_icon(a, kind));
}

static void put_wizard(json_t *rows, json_t *wizard)
{
	if (wizard != NULL)
		json_array_append_new(rows, wizard);
}

static json_t *wizard_rows(struct request *r, const struct desk *desk)
{
	json_t *rows = json_array();
#define WIZARD(page, kind, level) put_wizard(rows, keys_wizard(r, desk, #page, #kind));
#include "apps/wizards.def"
#undef WIZARD
	return rows;
}

void keys_put_fault(json_t *values, const char *lang, const char *note)
{
	if (note == NULL)
		return;
	json_object_set_new(values, "error", json_string(text(lang, note)));
	json_object_set_new(values, strcmp(note, "keys.bad-label") == 0 ? "bad_label" : "bad_value", json_true());
}

int apps_keys(struct request *r, struct response *resp)
{
	struct desk desk;
	int e = desk_open(r, resp, "/keys", &desk);
	if (e != OK || desk.login.person == NULL)
		return e;
	struct terms terms;
	if (terms_missing(r->a, desk.login.person, NULL, &terms) == OK)
		return http_redirect(r, resp, 303, "/keys/terms");
	json_t *rows = json_own(r->a, json_array());
	e = key_rows(r, &desk, rows);
	if (e != OK)
		return e;
	struct slice done = http_query(r, "done");
	const char *said = done.n > 0 && slice_is_text(done, "") ? arena_printf(r->a, "keys.done.%s", done.p) : "";
	if (texts_have(said))
		json_object_set_new(desk.values, "info", json_string(text(desk.lang, said)));
	json_object_set_new(desk.values, "person", json_string(web_full_name(r->a, desk.login.person)));
	json_object_set_new(desk.values, "has_password", json_boolean(desk.login.person->has_password));
	json_object_set(desk.values, "keys", rows);
	json_object_set_new(desk.values, "kinds", wizard_rows(r, &desk));
	return web_page(r, resp, 200, "keys", desk.lang, desk.values, NULL);
}
