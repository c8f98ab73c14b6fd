/* The authorization response, with the issuer in it (RFC 9207). */
#include "base/buf.h"
#include "oidc/answer.h"
#include "svc/texts.h"
#include "web/web.h"

const char *request_lang(struct request *r, struct response *resp, const struct auth_request *req)
{
	return web_lang(r, resp, texts_choose_locales(req->param[P_UI_LOCALES]));
}

const char *address_with(struct arena *a, const char *uri, const struct pair *pairs, size_t n)
{
	struct buf b = buf_new(a);
	buf_raw(&b, slice_of(uri));
	char sep = strchr(uri, '?') == NULL ? '?' : '&';	/* RFC 6749 3.1.2: a query of its own is kept */
	for (size_t i = 0; i < n; i++) {
		if (pairs[i].value.p == NULL)
			continue;
		buf_char(&b, sep);
		buf_url(&b, slice_of(pairs[i].name));
		buf_char(&b, '=');
		buf_url(&b, pairs[i].value);
		sep = '&';
	}
	return buf_cstr(&b);
}

static int send_form(struct request *r, struct response *resp, const struct auth_request *req, const struct pair *pairs, size_t n)
{
	const char *lang = request_lang(r, resp, req);
	json_t *fields = json_array();
	for (size_t i = 0; i < n; i++)
		if (pairs[i].value.p != NULL)
			json_array_append_new(fields, json_pack("{ss ss%}", "name", pairs[i].name,
			    "value", pairs[i].value.p, pairs[i].value.n));
	json_t *values = json_own(r->a, json_pack("{ss ss so}", "action", req->redirect_uri,
	    "service", service_name(req->service, lang), "fields", fields));
	return web_page(r, resp, 200, "form-post", lang, values, WEB_ANYWHERE);
}

static int answer(struct request *r, struct response *resp, const struct auth_request *req, const struct pair *pairs, size_t n)
{
	if (req->form_post)
		return send_form(r, resp, req, pairs, n);
	return http_redirect(r, resp, 303, address_with(r->a, req->redirect_uri, pairs, n));	/* RFC 9700 4.12: never 307 */
}

int answer_code(struct request *r, struct response *resp, const struct auth_request *req, struct slice code)
{
	const struct pair pairs[] = {
		{ "code", code }, { "state", req->param[P_STATE] }, { "iss", slice_of(oidc_conf()->issuer) },
	};
	return answer(r, resp, req, pairs, sizeof pairs / sizeof *pairs);
}

int answer_error(struct request *r, struct response *resp, const struct auth_request *req, const struct refusal *no)
{
	const struct pair pairs[] = {
		{ "error", slice_of(no->error) }, { "error_description", slice_of(no->text) }, { "state", req->param[P_STATE] },
		{ "iss", slice_of(oidc_conf()->issuer) },
	};
	return answer(r, resp, req, pairs, sizeof pairs / sizeof *pairs);
}
