/* Runs a fuzz target over its corpus, without a fuzzer: what was once found stays found. A run that fed nothing has failed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* In a block of exactly its length, so that a read behind its end is seen. */
static int feed(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL || fseek(f, 0, SEEK_END) != 0)
		return 0;
	long n = ftell(f);
	rewind(f);
	uint8_t *p = malloc(n > 0 ? (size_t)n : 1);
	int whole = p != NULL && n >= 0 && fread(p, 1, (size_t)n, f) == (size_t)n;
	fclose(f);
	if (whole)
		LLVMFuzzerTestOneInput(p, (size_t)n);
	free(p);
	return whole;
}

int main(void)
{
	static const char folder[] = "tests/fuzz/corpus/" TARGET;
	DIR *d = opendir(folder);
	int fed = 0, unread = 0;
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		char path[1024];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (feed(path))
			fed++;
		else
			unread++;
	}
	if (d != NULL)
		closedir(d);
	printf("%s - %d inputs of %s keep its promises\n", fed > 0 && unread == 0 ? "ok" : "not ok", fed, folder);
	return fed > 0 && unread == 0 ? 0 : 1;
}
