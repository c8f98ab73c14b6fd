/* csamctl outbox list, show, retry, drop: the queue of messages, as it lies in the state store. */
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/conf.h"
#include "csamctl/ctl.h"
#include "csamctl/queue.h"
#include "svc/outbox.h"

static const char *const places[OUTBOX_PLACES] = { "waiting", "out", "dead" };

/* Only a store that the daemon has made: csamctl makes none, which would belong to the wrong user. */
int queue_open(struct ctl *c)
{
	if (c->set.conf == NULL)
		return usage(c, "there is no configuration file to take the state store from (-c FILE)");
	const char *dir = c->set.conf->server_state_dir, *file = arena_printf(c->a, "%s/data.mdb", dir);
	if (access(file, R_OK | W_OK) != 0)
		return refuse("%s cannot be opened: %m → has idpd ever run, and are you its user or root?", file);
	return state_open(dir, (unsigned)c->set.conf->state_map_size) == OK ? DONE : refuse("the state store in %s cannot be opened", dir);
}

struct query {
	struct ctl *c;
	const char *id;			/* only this one; NULL: all */
	unsigned n;
	struct buf ids;			/* of dead letters, each ended by a newline */
};

static bool line(void *ctx, const struct outbox_entry *e)
{
	struct query *q = ctx;
	if (q->n++ == 0)
		printf("%-22s %-6s %-7s %-20s %-24s %5s %-20s %s\n", "ID", "KIND", "STATE", "TEXT", "TO", "TRIES", "NEXT TRY", "LAST FAILURE");
	AUTO_ARENA a = arena_new();
	printf("%-22s %-6s %-7s %-20s %-24s %5u %-20s %s\n", e->id, outbox_channel_name(e->channel), places[e->place], harmless(a, e->text_id), harmless(a, e->to),
	    e->tries, e->place == OUTBOX_WAITING ? time_iso(a, e->due) : "-", harmless(a, e->why));
	return true;
}

static bool all_of_one(void *ctx, const struct outbox_entry *e)
{
	struct query *q = ctx;
	if (strcmp(e->id, q->id) != 0)
		return true;
	q->n++;
	struct arena *a = q->c->a;
	printf("id            %s\nkind          %s\nstate         %s\ntext          %s\nto            %s\ncreated       %s\nexpires       %s\ntries         %u\nlast failure  %s\n",
	    e->id, outbox_channel_name(e->channel), places[e->place], harmless(a, e->text_id), harmless(a, e->to), time_iso(a, e->created),
	    time_iso(a, e->expires), e->tries, *e->why != '\0' ? harmless(a, e->why) : "-");
	if (e->place != OUTBOX_OUT)
		printf("%s  %s\n", e->place == OUTBOX_DEAD ? "dead since  " : "next try    ", time_iso(a, e->due));
	return false;
}

static bool remember(void *ctx, const struct outbox_entry *e)
{
	struct query *q = ctx;
	buf_printf(&q->ids, "%s\n", e->id);
	q->n++;
	return true;
}

static int each(struct query *q, bool dead_only, bool (*fn)(void *, const struct outbox_entry *))
{
	for (enum channel ch = 0; ch < CHANNELS; ch++)
		for (enum outbox_place p = dead_only ? OUTBOX_DEAD : 0; p < OUTBOX_PLACES; p++)
			if (outbox_each(q->c->a, ch, p, fn, q) != OK)
				return refuse("the state store cannot be read");
	return DONE;
}

static int list_run(struct ctl *c)
{
	struct query q = { .c = c };
	int rc = queue_open(c);
	if (rc != DONE)
		return rc;
	rc = each(&q, opt_on(c, "dead"), line);
	if (rc == DONE && q.n == 0)
		say("nothing lies in the outbox");
	state_close();
	return rc;
}

static int show_run(struct ctl *c)
{
	struct query q = { .c = c, .id = c->operands[0] };
	int rc = queue_open(c);
	if (rc != DONE)
		return rc;
	rc = each(&q, false, all_of_one);
	state_close();
	return rc == DONE && q.n == 0 ? refuse("no message %s → csamctl outbox list", q.id) : rc;
}

/* The one that was named, or with "dead" every dead letter. */
static int change(struct ctl *c, int (*fn)(struct arena *, const char *), const char *done, const char *not)
{
	struct query q = { .c = c, .ids = buf_new(c->a) };
	const char *id = c->operands[0];
	unsigned changed = 0;
	int rc = queue_open(c);
	if (rc != DONE)
		return rc;
	if (strcmp(id, "dead") == 0)
		rc = each(&q, true, remember);
	else
		buf_printf(&q.ids, "%s\n", id);
	struct slice ids = buf_slice(&q.ids), one;
	while (rc == DONE && slice_cut(&ids, '\n', &one) && one.n > 0) {
		int e = fn(c->a, arena_str(c->a, one));
		if (e == OK)
			changed++;
		else
			say("%.*s: %s", (int)one.n, one.p, e == E_EXISTS ? "a worker has it just now" : e == E_NOENT ? not : "the state store cannot be written");
	}
	state_close();
	if (changed > 0)
		say("%u %s", changed, done);
	return rc != DONE ? rc : changed > 0 || strcmp(id, "dead") == 0 ? DONE : REFUSED;
}

static int retry_run(struct ctl *c)
{
	return change(c, outbox_retry, "will be tried now", "there is no such message, it is on its way, or it has expired");
}

static int drop_run(struct ctl *c)
{
	return change(c, outbox_drop, "dropped", "there is no such message");
}

static const struct opt list_opts[] = {
	{ "dead", NULL, "only dead letters", 0, 0 },
	{ 0 },
};

const struct command cmd_outbox_list = {
	.path = "outbox list", .operands = "", .opts = list_opts, .run = list_run,
	.what = "messages that wait, are under way, or could not be sent",
	.more = "Addresses are shown in part; codes and texts are sealed and not shown at all. Dead letters stay a week. An ID that begins with a hyphen comes last, after --.",
	.examples = "  csamctl outbox list --dead\n",
};

const struct command cmd_outbox_show = {
	.path = "outbox show", .operands = "ID", .noperands = 1, .run = show_run,
	.what = "one message of the outbox: tries, last failure",
	.examples = "  csamctl outbox show 7Xq0uJmWQ3mYb1n0Kx2b9A\n",
};

const struct command cmd_outbox_retry = {
	.path = "outbox retry", .operands = "ID|dead", .noperands = 1, .run = retry_run,
	.what = "tries a message now; dead: every dead letter that has not expired",
	.examples = "  csamctl outbox retry 7Xq0uJmWQ3mYb1n0Kx2b9A\n  csamctl outbox retry dead\n",
};

const struct command cmd_outbox_drop = {
	.path = "outbox drop", .operands = "ID|dead", .noperands = 1, .run = drop_run,
	.what = "takes a message out of the outbox; dead: every dead letter",
	.examples = "  csamctl outbox drop dead\n",
};
