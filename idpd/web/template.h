/* Logic-less templates: compiled once for each language at start, escaped by default.
 *
 *   {{name}}            the value, escaped; in href, src and action only our own paths and http(s) addresses
 *   {{.}}               the present item of a list of strings
 *   {{#name}}…{{/name}} for each item of a list, or once when the value is there and not false, "" or an empty list
 *   {{^name}}…{{/name}} when it is not
 *   {{t:id}}            a text of the language; its {placeholders} are filled with values of those names, escaped
 *   {{t=name}}          the text whose id is the value
 *   {{s:file}}          address of a static file
 *   {{>file}}           another template of the folder, with the same values
 *   {{$name}}…{{/name}} a block: drawn only where page.html says {{<name}}
 *   {{!…}}              a comment
 * In page.html {{<content}} is everything of the inner template that is not in a block. */
#ifndef CSAM_TEMPLATE_H
#define CSAM_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct template;

/* Compiles dir/NAME.html. E_INPUT is logged with file and line. Lives as long as the arena. */
int template_load(struct arena *a, const char *dir, const char *name, const char *lang, struct template **out);

/* Draws inner inside outer (NULL: alone). What `values` lacks is looked for in `common` (may be NULL). */
struct drawing {
	const struct template *outer, *inner;
	const char *lang;
	const json_t *values, *common;
};
void template_draw(struct buf *b, const struct drawing *d);

#endif
