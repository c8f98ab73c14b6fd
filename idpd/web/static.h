/* Styles, pictures and scripts of share/: read at start, and served from memory. */
#ifndef CSAM_STATIC_H
#define CSAM_STATIC_H

#include "base/arena.h"
#include "base/err.h"

/* Loads every file of share_dir/css and share_dir/js (css, svg, png, ico, txt, js) to be served under /static/HASH/NAME. */
int static_open(struct arena *a, const char *share_dir);

/* "/static/HASH/NAME", or NULL when there is no such file. HASH changes when any file does, so that files may name each other. */
const char *static_address(const char *name);

#endif
