/* How the daemon is: alive, ready, and in numbers (OpenMetrics 1.0). */
#include <time.h>
#include "base/buf.h"
#include "http/internal.h"

enum { MAX_ROWS = 256, CLASSES = 6 };

/* By row of the table; the last counts what has no row. */
static struct {
	atomic_ulong requests[CLASSES], us;
} counters[MAX_ROWS + 1];

uint64_t ticks_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void metrics_count(const struct endpoint *row, unsigned status, uint64_t us)
{
	size_t i = row != NULL ? (size_t)(row - http_endpoints) : MAX_ROWS;
	if (i > MAX_ROWS)
		i = MAX_ROWS;
	atomic_fetch_add_explicit(&counters[i].requests[status / 100 % CLASSES], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters[i].us, us, memory_order_relaxed);
}

int http_healthz(struct request *r, struct response *resp)
{
	(void)r;
	*resp = (struct response){ .status = 200, .body = S("{\"status\":\"ok\"}"), .type = "application/json" };
	return OK;
}

int http_readyz(struct request *r, struct response *resp)
{
	(void)r;
	int rc = atomic_load(&http_server.stopping) ? E_DOWN : http_server.conf.ready == NULL ? OK : http_server.conf.ready();
	if (rc == E_WAIT)
		return rc;
	bool ready = rc == OK;
	*resp = (struct response){ .status = ready ? 200 : 503, .type = "application/json",
		.body = ready ? S("{\"status\":\"ready\"}") : S("{\"status\":\"not ready\"}") };
	return OK;
}

static void labels(struct buf *b, size_t i)
{
	if (i == MAX_ROWS)
		buf_lit(b, "{method=\"\",endpoint=\"\"");
	else
		buf_printf(b, "{method=\"%s\",endpoint=\"%s\"", http_endpoints[i].method, http_endpoints[i].path);
}

static void requests_of(struct buf *b, size_t i)
{
	for (unsigned class = 2; class < CLASSES; class++) {
		unsigned long n = atomic_load_explicit(&counters[i].requests[class], memory_order_relaxed);
		if (n == 0)
			continue;
		buf_lit(b, "csam_http_requests_total");
		labels(b, i);
		buf_printf(b, ",class=\"%uxx\"} %lu\n", class, n);
	}
}

static void duration_of(struct buf *b, size_t i)
{
	unsigned long n = 0, us = atomic_load_explicit(&counters[i].us, memory_order_relaxed);
	for (unsigned class = 0; class < CLASSES; class++)
		n += atomic_load_explicit(&counters[i].requests[class], memory_order_relaxed);
	if (n == 0)
		return;
	buf_lit(b, "csam_http_duration_seconds_sum");
	labels(b, i);
	buf_printf(b, "} %lu.%06lu\ncsam_http_duration_seconds_count", us / 1000000, us % 1000000);
	labels(b, i);
	buf_printf(b, "} %lu\n", n);
}

static void each_row(struct buf *b, void (*fn)(struct buf *, size_t))
{
	for (size_t i = 0; i < http_nendpoints && i < MAX_ROWS; i++)
		fn(b, i);
	fn(b, MAX_ROWS);
}

/* A proxy on this machine that is not listed makes strangers look like us; what proxies add gives it away. */
static bool came_by_proxy(const struct request *r)
{
	static const char *const added[] = { "X-Forwarded-For", "Forwarded", "Via", "X-Real-IP" };
	for (size_t i = 0; i < sizeof added / sizeof *added; i++)
		if (http_header(r, added[i]).p != NULL)
			return true;
	return false;
}

/* For who looks after this machine; to everybody else the address does not exist. */
int http_metrics(struct request *r, struct response *resp)
{
	struct address a;
	if (address_parse(slice_of(r->peer), &a) != OK || !address_is_loopback(&a) || came_by_proxy(r))
		return E_NOENT;
	struct buf b = buf_new(r->a);
	buf_lit(&b, "# TYPE csam_http_requests counter\n# HELP csam_http_requests Answers, by endpoint and class of status.\n");
	each_row(&b, requests_of);
	buf_lit(&b, "# TYPE csam_http_duration_seconds summary\n# UNIT csam_http_duration_seconds seconds\n"
	    "# HELP csam_http_duration_seconds Time from the request line to the answer.\n");
	each_row(&b, duration_of);
	buf_lit(&b, "# TYPE csam_http_queue_length gauge\n# HELP csam_http_queue_length Requests that wait for a worker.\n");
	buf_printf(&b, "csam_http_queue_length{pool=\"quick\"} %u\ncsam_http_queue_length{pool=\"hash\"} %u\n",
	    pool_length(http_server.quick), pool_length(http_server.hash));
	buf_printf(&b, "# TYPE csam_http_connections gauge\n# HELP csam_http_connections Open connections.\ncsam_http_connections %u\n",
	    atomic_load(&http_server.connections));
	buf_printf(&b, "# TYPE csam_http_requests_under_way gauge\n# HELP csam_http_requests_under_way Requests not yet answered.\n"
	    "csam_http_requests_under_way %u\n", atomic_load(&http_server.under_way));
	if (http_server.conf.metrics != NULL)
		http_server.conf.metrics(&b);
	buf_lit(&b, "# EOF\n");
	*resp = (struct response){ .status = 200, .body = buf_slice(&b),
		.type = "application/openmetrics-text; version=1.0.0; charset=utf-8" };
	return OK;
}
