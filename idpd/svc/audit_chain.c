/* The form of the audit trail: links, lines, heads. */
#include <inttypes.h>
#include "base/buf.h"
#include "base/clock.h"
#include "svc/audit_chain.h"

static const char chain_mark[] = ",\"chain\":\"", seq_mark[] = "{\"seq\":";
enum { TAIL = sizeof chain_mark - 1 + CHAIN_HEX + 3 /* "} and newline */ };

const struct chain chain_start = { "0000000000000000000000000000000000000000000000000000000000000000" };

static void to_hex(const unsigned char raw[SHA256_LEN], char hex[CHAIN_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < SHA256_LEN; i++) {
		hex[2 * i] = digits[raw[i] >> 4];
		hex[2 * i + 1] = digits[raw[i] & 15];
	}
	hex[CHAIN_HEX] = '\0';
}

void chain_digest(struct slice line, char hex[CHAIN_HEX + 1])
{
	unsigned char raw[SHA256_LEN];
	sha256(line, raw);
	to_hex(raw, hex);
}

struct chain chain_next(const struct chain *before, struct slice line)
{
	char both[2 * CHAIN_HEX + 1];
	struct chain after = { "" };
	memcpy(both, before->hex, CHAIN_HEX);
	chain_digest(line, both + CHAIN_HEX);
	chain_digest(slice_mem(both, 2 * CHAIN_HEX), after.hex);
	return after;
}

static bool is_hex(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < '0' || p[i] > '9') && (p[i] < 'a' || p[i] > 'f'))
			return false;
	return true;
}

int chain_line(struct slice line, uint64_t *seq, struct chain *out)
{
	struct slice rest = line, number;
	unsigned long long n;
	if (line.n < TAIL + sizeof seq_mark || !slice_starts(line, S("{\"seq\":")))
		return E_INPUT;
	const char *tail = line.p + line.n - TAIL, *hex = tail + sizeof chain_mark - 1;
	if (memcmp(tail, chain_mark, sizeof chain_mark - 1) != 0 || !is_hex(hex, CHAIN_HEX) || memcmp(hex + CHAIN_HEX, "\"}\n", 3) != 0 ||
	    memchr(line.p, '\n', line.n) != line.p + line.n - 1)
		return E_INPUT;
	rest = (struct slice){ line.p + sizeof seq_mark - 1, line.n - TAIL - (sizeof seq_mark - 1) };
	if (!slice_cut(&rest, ',', &number) || slice_number(number, INT64_MAX, &n) != OK)
		return E_INPUT;
	*seq = n;
	memcpy(out->hex, hex, CHAIN_HEX);
	out->hex[CHAIN_HEX] = '\0';
	return OK;
}

struct slice audit_statement(struct arena *a, const struct audit_head *h)
{
	return slice_of(arena_printf(a, "csam-audit-head-1\nnode %s\nboot %s\nseq %" PRIu64 "\nchain %s\ntime %s\nsignatures %" PRIu64 "\n",
	    h->node, h->boot, h->seq, h->chain, time_iso(a, h->time), h->signatures));
}

bool audit_is_name(struct slice name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '\0' || strchr(allowed, name.p[i]) == NULL)
			return false;
	return name.n > 0 && name.n <= AUDIT_NODE_MAX;
}
