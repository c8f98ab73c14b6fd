/* Rows of a program's table of options, from the list named by OPTIONS_DEF, into the struct named by OPTIONS_STRUCT. */
#define ROW(s, n, t, d, h, ...) { .section = #s, .name = #n, .path = #s "|" #n, .def = d, .help = h, .type = t, \
	.offset = offsetof(OPTIONS_STRUCT, s##_##n), __VA_ARGS__ },
#define STR(s, n, d, c, h)	ROW(s, n, OPTION_STR, d, h, .check = c)
#define PATH(s, n, d, h)	ROW(s, n, OPTION_PATH, d, h, .check = check_text)
#define INT(s, n, d, lo, hi, h)	ROW(s, n, OPTION_INT, d, h, .min = lo, .max = hi)
#define BOOL(s, n, d, h)	ROW(s, n, OPTION_BOOL, d, h, .min = 0)
#define LIST(s, n, d, c, h)	ROW(s, n, OPTION_LIST, d, h, .check = c)
#include OPTIONS_DEF
#undef ROW
#undef STR
#undef PATH
#undef INT
#undef BOOL
#undef LIST
