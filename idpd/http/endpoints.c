/* The table of every address the daemon answers, made from endpoints.def. */
#include "http/internal.h"

const struct endpoint http_endpoints[] = {
#define ENDPOINT(method, path, fn, flags) { method, path, sizeof path - 1, fn, flags },
#include "http/endpoints.def"
#undef ENDPOINT
};
const size_t http_nendpoints = sizeof http_endpoints / sizeof *http_endpoints;
