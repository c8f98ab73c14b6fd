/* Prompts of the engine as the JSON that a host draws. */
#include "base/qr.h"
#include "base/user_code.h"
#include "oidc/device.h"
#include "oidc/host.h"
#include "svc/texts.h"

static const struct { unsigned ask; const char *word; } words[] = {
	{ ASK_SECRET, "secret" }, { ASK_CODE, "code" }, { ASK_TEXT, "text" }, { ASK_CHOICE, "choice" }, { ASK_SHOW, "show" }, { ASK_WAIT, "device" },
	{ ASK_SIGN, "sign" },
};

static const char *kind_title(struct arena *a, const char *lang, const char *kind)
{
	const char *id = arena_printf(a, "kind.%s.title", kind);
	return texts_have(id) ? text(lang, id) : kind;
}

const char *host_text(struct arena *a, const char *lang, const char *id, const struct prompt *ask)
{
	const char *dot = strchr(id, '.'), *own = arena_printf(a, "host%s", dot != NULL ? dot : "");
	const char *kind = ask == NULL ? NULL : ask->note_kind != NULL ? ask->note_kind : ask->kind;
	return text_with(a, lang, texts_have(own) ? own : texts_have(id) ? id : "host.other", "key", kind != NULL ? kind_title(a, lang, kind) : "",
	    "seconds", text_seconds(a, ask != NULL ? ask->wait_s : 0), "left", arena_printf(a, "%u", ask != NULL ? ask->left : 0),
	    "what", ask != NULL && ask->what != NULL ? ask->what : "", NULL);
}

static const char *label(struct arena *a, const struct turn *turn)
{
	const struct prompt *ask = &turn->ask;
	const char *id = ask->hint_id != NULL ? ask->hint_id : ask->label_id;
	if (id == NULL)
		id = ask->ask & ASK_CHOICE ? "ask.choice" : ask->ask & ASK_CODE ? "ask.code" : "ask.secret";
	return host_text(a, turn->lang, id, ask);
}

/* What cannot be chosen is not shown: a terminal cannot grey it out. */
static json_t *choices(struct arena *a, const struct turn *turn)
{
	json_t *list = json_array();
	for (size_t i = 0; i < turn->ask.nchoices; i++) {
		const struct choice *c = &turn->ask.choices[i];
		if (!c->disabled)
			json_array_append_new(list, json_pack("{ss ss}", "id", c->id, "label", c->label != NULL ? c->label : kind_title(a, turn->lang, c->id)));
	}
	return list;
}

/* What to do on another device. The picture stands above, so that a small terminal shows the words; and below a title, as ssh writes before the first line. */
static json_t *lines(struct arena *a, const struct turn *turn)
{
	json_t *list = json_array();
	const char *code = turn->ask.user_code, *spelled = user_code_spelled(a, code);
	const char *page = arena_printf(a, "%s" DEVICE_PAGE, oidc_conf()->issuer);
	struct slice picture = slice_of(qr_text(a, device_address(a, code), false)), line;
	json_array_append_new(list, json_string(text(turn->lang, "kind.device.title")));
	while (slice_cut(&picture, '\n', &line))
		if (line.n > 0)
			json_array_append_new(list, json_stringn(line.p, line.n));
	json_array_append_new(list, json_string(text_with(a, turn->lang, "host.device-open", "address", page, "code", spelled, NULL)));
	json_array_append_new(list, json_string(text(turn->lang, "host.device-compare")));
	return list;
}

/* What happens between the person, the card and its reader is known to the host alone: it gets every text that it may need. */
static json_t *card_texts(struct arena *a, const struct turn *turn)
{
	static const char *const words_of_card[] = { "which", "number", "again", "stop", "pin-pad", "pin-empty", "pin-form", "pin-wrong", "pin-final", "pin-final-go",
		"pin-locked", "pin-cancelled", "no-module", "no-reader", "no-card", "no-certificate", "removed", "broken" };
	json_t *texts = json_object();
	for (size_t i = 0; i < sizeof words_of_card / sizeof *words_of_card; i++)
		json_object_set_new(texts, words_of_card[i], json_string(text(turn->lang, arena_printf(a, "host.card-%s", words_of_card[i]))));
	return texts;
}

void host_prompt(struct arena *a, const struct turn *turn, json_t *out)
{
	const struct prompt *ask = &turn->ask;
	json_t *asks = json_array(), *v = json_pack("{so ss}", "ask", asks, "label", label(a, turn));
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (ask->ask & words[i].ask)
			json_array_append_new(asks, json_string(words[i].word));
	if (ask->note_id != NULL)
		json_object_set_new(v, "note", json_string(host_text(a, turn->lang, ask->note_id, ask)));
	if (ask->ask & ASK_CHOICE)
		json_object_set_new(v, "choices", choices(a, turn));
	if (ask->ask & ASK_WAIT)
		json_object_set_new(v, "lines", lines(a, turn));
	if (ask->ask & ASK_SIGN) {
		json_object_set_new(v, "challenge", json_string(ask->challenge));
		json_object_set_new(v, "texts", card_texts(a, turn));
	}
	/* Until any answer is looked at, or for the next poll; not until another code can be had. */
	if (ask->wait_s > 0 && (ask->note_id == NULL || strcmp(ask->note_id, "note.send-wait") != 0))
		json_object_set_new(v, "wait", json_integer(ask->wait_s));
	json_object_set_new(out, "auth_session", json_string(turn->ticket));
	json_object_set_new(out, "prompt", v);
}
