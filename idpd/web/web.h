/* How a page is drawn: templates of share/html, texts of share/texts, and the tokens that keep forms ours. */
#ifndef CSAM_WEB_H
#define CSAM_WEB_H

#include <time.h>
#include "core/prompt.h"
#include "http/http.h"

/* What browsers can draw. */
enum { WEB_CAN = ASK_TEXT | ASK_SECRET | ASK_CODE | ASK_CHOICE | ASK_SHOW | ASK_SIGN | ASK_REDIRECT | ASK_REGISTER };

/* Loads templates and static files, for the languages of texts_open, which comes first. E_INPUT is logged with file and line. */
int web_open(const char *share_dir);

/* Draws share/html/NAME.html inside share/html/page.html; web/template.h says what may stand in them. `values` feeds the template and
 * stays the caller's (json_own). A member "self" is the address the language switch leads to (on GET: this one).
 * Sets the security headers (CSP without scripts; a true member "scripts" allows those of /static/). form_action names further origins at which a form may end; NULL: only ours; WEB_ANYWHERE:
 * the form's answer leads to a service. Chromium holds form-action against every redirect that follows a POST, and a service may
 * send its visitors on to hosts we never heard of: so naming its own origin would strand them. */
#define WEB_ANYWHERE "*"
int web_page(struct request *r, struct response *resp, unsigned status, const char *name, const char *lang, json_t *values, const char *form_action);

/* A page that says what happened and what to do: title text id "error.<what>.title", text "error.<what>.text" (or those of "bad-request"). */
int web_error(struct request *r, struct response *resp, unsigned status, const char *what, const char *lang);
int web_error_page(struct request *r, struct response *resp, int error);	/* http_conf.error_page */

/* The language of this request: ?lang=, cookie, Accept-Language; or `wanted` (may be NULL) when it is one of ours. */
const char *web_lang(struct request *r, struct response *resp, const char *wanted);

/* The program behind a User-Agent in words that people know, out of ours alone: "Firefox, Windows", as far as it says. NULL: none that we know.
 * web_agent: of this request. */
const char *web_browser_words(struct arena *a, struct slice user_agent);
const char *web_agent(const struct request *r);

struct slice web_lang_asked(const struct request *r);		/* the lang parameter, when it is one of ours: to be carried along; else empty */

/* A moment as people read it, in the time of the place. */
const char *web_time(struct arena *a, const char *lang, time_t t);

/* The name of a person as one says it. */
struct person;
const char *web_full_name(struct arena *a, const struct person *person);

const char *web_kind_icon(struct arena *a, const char *kind);	/* address of a picture; NULL: there is none */

/* Path and query of this request without its lang parameter. */
const char *web_self(const struct request *r);

/* The browser's own cookie __Host-csam-b; made and set when it is missing. */
struct slice web_browser(struct request *r, struct response *resp);
struct slice web_session_cookie(const struct request *r);			/* value of __Host-csam-s, may be empty */
struct slice web_activation_cookie(const struct request *r);			/* value of __Host-csam-a, may be empty */
void web_set_activation(struct request *r, struct response *resp, struct slice value);	/* empty: delete */
void web_set_session(struct request *r, struct response *resp, struct slice value);	/* empty: delete */

/* CSRF token of one form, bound to the browser cookie and the purpose. */
int web_csrf(struct request *r, struct slice browser, const char *purpose, const char **out);
bool web_csrf_ok(struct request *r, const char *purpose);			/* form field csrf_token */

#endif
