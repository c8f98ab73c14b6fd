/* Members of a program's configuration struct, from the list named by OPTIONS_DEF: section_name each. Lists are NULL-terminated. */
#define STR(section, name, def, check, help)		const char *section##_##name;
#define PATH(section, name, def, help)			const char *section##_##name;
#define INT(section, name, def, min, max, help)		long section##_##name;
#define BOOL(section, name, def, help)			bool section##_##name;
#define LIST(section, name, def, check, help)		const char *const *section##_##name;
#include OPTIONS_DEF
#undef STR
#undef PATH
#undef INT
#undef BOOL
#undef LIST
