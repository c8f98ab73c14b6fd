/* SMS: a text, handed to an HTTP gateway as its description in the configuration says, or put into a folder. */
#include "base/json.h"
#include "base/log.h"
#include "svc/gsm.h"
#include "svc/outbox_carriers.h"
#include "svc/partner.h"
#include "svc/texts.h"

enum { ARG_MAX = 64 };		/* a name of the service that is longer would cost a second message */

static struct sms_conf conf;
static const char *allow[2];

/* Arguments at a length that suits a telephone, cut between characters; all of it in letters that do not double the price. */
static struct slice words(struct arena *a, const struct parcel *p)
{
	struct parcel shorter = *p;
	struct text_arg *args = ARENA_ARRAY(a, struct text_arg, p->nargs + 1);
	struct buf b = buf_new(a), plain = buf_new(a);
	for (size_t i = 0; i < p->nargs; i++) {
		size_t n = strlen(p->args[i].value);
		if (n > ARG_MAX)
			for (n = ARG_MAX; n > 0 && ((unsigned char)p->args[i].value[n] & 0xc0) == 0x80; n--)
				;
		args[i] = (struct text_arg){ p->args[i].name, arena_str(a, slice_mem(p->args[i].value, n)) };
	}
	shorter.args = args;
	parcel_fill(&b, &shorter, slice_of(text(p->lang, p->text_id)), buf_raw);
	gsm_put(&plain, buf_slice(&b));
	return buf_slice(&plain);
}

/* A template of the configuration: what is filled in is escaped for where it stands. */
static const char *fill(struct arena *a, const char *template, const struct text_arg *args, size_t n, void (*put)(struct buf *, struct slice))
{
	struct buf b = buf_new(a);
	struct slice rest = slice_of(template), before, name, after;
	for (; texts_placeholder(rest, &before, &name, &after); rest = after) {
		const char *value = NULL;
		for (size_t i = 0; i < n; i++)
			if (slice_is(name, args[i].name))
				value = args[i].value;
		buf_raw(&b, before);
		if (value != NULL)
			put(&b, slice_of(value));
		else
			buf_printf(&b, "{%.*s}", (int)name.n, name.p);
	}
	buf_raw(&b, rest);
	return buf_cstr(&b);
}

/* "messages.0.status=queued": that member of the JSON answer has that value. */
bool sms_answer_accepts(struct arena *a, const char *accepted, struct slice body)
{
	json_t *v;
	struct slice want = slice_of(accepted), path, step;
	if (*accepted == '\0')
		return true;
	if (!slice_cut(&want, '=', &path) || want.p == NULL || json_parse(a, body, &v, NULL) != OK)
		return false;
	while (v != NULL && slice_cut(&path, '.', &step)) {
		unsigned long long i;
		if (json_is_array(v))
			v = slice_number(step, 1000, &i) == OK ? json_array_get(v, (size_t)i) : NULL;
		else
			v = json_object_get(v, arena_str(a, step));
	}
	if (json_is_boolean(v))
		return slice_is(want, json_is_true(v) ? "true" : "false");
	if (json_is_integer(v))
		return slice_is(want, arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(v)));
	return json_is_string(v) && slice_is(want, json_string_value(v));
}

static enum sent judge(struct arena *a, const struct partner_answer *r, const char **why)
{
	if (r->status >= 200 && r->status < 300) {
		if (sms_answer_accepts(a, conf.accepted, r->body))
			return SENT_OK;
		*why = "the gateway's answer does not say what sms.accepted asks for";
		return SENT_LATER;
	}
	*why = arena_printf(a, "the gateway answers %ld", r->status);
	if (partner_may_retry(r->status))
		return r->status == 429 || r->status == 503 ? SENT_DOWN : SENT_LATER;
	/* 401, 403, 404, 405, 3xx: it is ours to mend, no other message would fare better. */
	return r->status == 400 || r->status == 409 || r->status == 410 || r->status == 422 ? SENT_NEVER : SENT_DOWN;
}

static enum sent to_gateway(struct arena *a, const struct parcel *p, const char **why)
{
	struct partner_answer r = { .why = "" };
	bool json = strncmp(conf.type, "application/json", 16) == 0;
	const struct text_arg args[] = { { "to", p->to }, { "text", words(a, p).p }, { "id", p->id } }, secret = { "secret", conf.secret };
	const char *body = fill(a, conf.body, args, 3, json ? buf_json : buf_url), *headers[SMS_HEADERS + 1] = { NULL };
	for (size_t i = 0; i < SMS_HEADERS && conf.headers[i] != NULL; i++)
		headers[i] = fill(a, conf.headers[i], &secret, 1, buf_raw);
	int rc = partner_call(a, &(struct partner_call){
		.url = fill(a, conf.url, args, 3, buf_url), .allow = allow, .plain_http = conf.plain_http,
		.type = *conf.body != '\0' ? conf.type : NULL, .body = slice_of(body), .headers = headers,
		.method = *conf.method != '\0' ? conf.method : NULL, .ca_file = conf.ca_file, .timeout_ms = conf.timeout_ms, .quiet = true,
	}, &r);
	if (rc == OK)
		return judge(a, &r, why);
	*why = rc == E_DOWN ? r.why : "its address may not be called";
	return SENT_DOWN;
}

static enum sent to_folder(struct arena *a, const struct parcel *p, const char **why)
{
	struct buf b = buf_new(a);
	buf_printf(&b, "To: %s\n\n", p->to);
	buf_raw(&b, words(a, p));
	buf_char(&b, '\n');
	return folder_put(a, conf.folder, p, "sms", buf_slice(&b), why);
}

int sms_open(struct arena *a, const struct sms_conf *c, outbox_carrier **out)
{
	bool folder = *c->folder != '\0', gateway = *c->url != '\0';
	conf = *c;
	/* What is filled into the address stands in its query or behind: the place itself is fixed. */
	allow[0] = arena_str(a, slice_mem(c->url, strcspn(c->url, "?{")));
	*out = folder ? to_folder : gateway ? to_gateway : NULL;
	if (gateway && !folder && !partner_allows(allow, allow[0]))
		return fail(E_INPUT, "sms.url is no address that can be called: %s", c->url);
	return OK;
}
