# For tables that name tests in backquotes: `unit/test_conf: part_of_its_name`, `e2e/mykeys: words of a check`. Sourced by those that look them up.
bad=0 seen=0

named_tests() { # TEXT: each test that it names exists; counted in $seen
	local name file what source f
	while IFS= read -r name; do
		file=${name%%: *} what=${name#*: } seen=$((seen + 1)) source=
		for f in "tests/$file.c" "tests/$file.mjs" "tests/$file"; do [ -z "$source" ] && [ -f "$f" ] && source=$f; done
		# where a test begins: check() and once() of e2e, ok, good, no … of shells, a function of C
		[ -n "$source" ] && grep -F -- "$what" "$source" | grep -qE '\b(check|once)\(|\b(ok|no|good|says|silent|refused) "|^(static )?(void|int) ' || { echo "    there is no test $name"; bad=1; }
	done < <(grep -oE '`(unit|e2e|integration|fuzz|lint)/[^`]*`' <<< "$1" | tr -d '`')
}
