/* The front process: opens every part, serves, closes. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "base/log.h"
#include "core/conversation.h"
#include "core/kinds.h"
#include "core/eid.h"
#include "core/limits.h"
#include "core/notice.h"
#include "core/rendezvous.h"
#include "front.h"
#include "front_confine.h"
#include "http/http.h"
#include "oidc/backchannel.h"
#include "oidc/oidc.h"
#include "oidc/request.h"
#include "outgoing.h"
#include "svc/audit.h"
#include "svc/directory.h"
#include "svc/keyring.h"
#include "svc/passwords.h"
#include "svc/sealed.h"
#include "svc/state.h"
#include "svc/texts.h"
#include "web/web.h"

/* A login waits for the disk longer than for its hash (another machine's, often), so more logins may be under way than hashes. */
enum { LOGINS_PER_HASH = 4, HEAP_KEPT = 1024 * 1024 };

static unsigned hashes(const struct conf *c)
{
	return c->http_hash_workers ? (unsigned)c->http_hash_workers : 2 * (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

static int open_directory(const struct conf *c)
{
	static char position[4096];
	snprintf(position, sizeof position, "%s/directory.position", c->server_audit_dir);
	return directory_open(&(struct directory_conf){
		.uri = c->directory_uri, .ca_file = c->directory_ca_file, .starttls = c->directory_starttls,
		.bind_dn = c->directory_bind_dn, .bind_password_file = c->directory_password_file,
		.base = c->directory_base, .people_base = c->directory_people_base,
		.people_filter = c->directory_people_filter, .people_name_attr = c->directory_people_name_attr,
		.changes_base = c->directory_changes_base, .position_file = position,
		.services_base = c->directory_services_base, .decoy_dn = c->directory_decoy_dn,
		.timeout_ms = (unsigned)c->directory_timeout, .verify_max = hashes(c),
		.cache_persons = (unsigned)c->directory_cache_persons, .cache_kib = (unsigned)c->directory_cache_size,
	});
}

/* Of "https://host[:port]" the host: where telephones may fill in a code that was sent (WICG origin-bound one-time codes). */
static const char *site_host(const struct conf *c)
{
	static char host[256];
	struct slice rest = slice_of(c->server_issuer), part = S_NONE;
	slice_cut(&rest, '/', &part);
	slice_cut(&rest, '/', &part);
	slice_cut(&rest, '/', &part);
	size_t n = part.n > 0 && part.p[0] == '[' ? part.n : 0;
	while (n < part.n && part.p[n] != ':')
		n++;
	if (n < sizeof host)
		memcpy(host, part.p, n);
	return host;
}

static void open_limits(const struct conf *c)
{
	limits_open(&(struct limits_conf){
		.password_max = (unsigned)c->limits_password_max, .password_free = (unsigned)c->limits_password_free,
		.delay_max_s = (unsigned)c->limits_delay_max, .second_max = (unsigned)c->limits_second_max,
		.turns_max = (unsigned)c->limits_turns_max, .sent_max = (unsigned)c->limits_sent_max,
	});
	notice_open(c->server_issuer);
	directory_on_change(notice_change);
	rendezvous_set_max((unsigned)c->limits_cross_device_max);
	kinds_open(&(struct kinds_conf){
		.look_ahead = (unsigned)c->limits_token_look_ahead, .resync = (unsigned)c->limits_token_resync, .host = site_host(c),
	});
}

static int open_outbox(const struct conf *c)
{
	static struct outgoing out;
	static struct arena *memory;		/* to the end */
	memory = arena_new();
	int rc = outgoing_read(memory, c, &out);
	if (rc == OK)
		rc = outgoing_open(memory, &out);
	out.outbox.of[CHANNEL_LOGOUT].carry = backchannel_carry;
	session_on_end(backchannel_session_ends);
	conversation_on_longer(request_lives_on);
	return rc == OK ? outbox_open(&out.outbox) : rc;
}

static struct audit_conf audit_of(const struct conf *c)
{
	return (struct audit_conf){
		.dir = c->server_audit_dir, .node = c->audit_node, .witness = c->audit_witness, .plain_http = c->server_testing, .segment_kib = (unsigned)c->audit_segment_size,
		.keep_months = {
			[CLASS_IDENTIFICATION] = (unsigned)c->audit_keep_identification, [CLASS_USE] = (unsigned)c->audit_keep_use,
			[CLASS_SECURITY] = (unsigned)c->audit_keep_security, [CLASS_ADMINISTRATION] = (unsigned)c->audit_keep_administration,
		},
	};
}

static int open_audit(const struct conf *c)
{
	const struct audit_conf audit = audit_of(c);
	return audit_open(&audit);
}

/* Its keyring and its witnesses. */
static int serve_audit(const struct conf *c)
{
	const struct audit_conf audit = audit_of(c);
	return audit_serve(&audit);
}

static int open_eid(const struct conf *c)
{
	return eid_open(&(struct eid_conf){
		.authorities = c->eid_authorities, .policies = c->eid_policies,
		.responders = c->eid_responders, .no_nonce = c->eid_no_nonce,
		.ocsp_age_s = (unsigned)c->eid_ocsp_age, .cache_s = (unsigned)c->eid_ocsp_cache,
		.allow_unchecked = c->eid_allow_unchecked, .testing = c->server_testing,
		.origin = c->server_issuer, .web = c->eid_web_eid, .tls_origin = c->eid_origin,
	});
}

static int open_oidc(const struct conf *c)
{
	static struct oidc_conf oidc;
	oidc = (struct oidc_conf){
		.issuer = c->server_issuer,
		.code_ttl_s = (unsigned)c->oidc_code_lifetime, .access_ttl_s = (unsigned)c->oidc_access_token_lifetime,
		.id_token_ttl_s = (unsigned)c->oidc_id_token_lifetime,
		.refresh_ttl_s = (unsigned)c->oidc_refresh_lifetime, .allow_loopback_http = c->oidc_allow_loopback_http,
	};
	return oidc_open(&oidc);
}

/* A balancer should send people where they can be served: with a directory that answers and a keyring that has. */
static int ready(void)
{
	return directory_ready() ? sealed_ready() : E_DOWN;
}

static int start_http(const struct conf *c)
{
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	return http_start(&(struct http_conf){
		.origin = c->server_issuer, .listen = c->server_listen,
		.cert_file = c->server_certificate, .key_file = c->server_private_key, .proxies = c->server_trusted_proxies,
		.threads = c->http_threads ? (unsigned)c->http_threads : cores,
		.workers = (unsigned)c->http_workers,
		.hash_workers = LOGINS_PER_HASH * hashes(c), .away_workers = (unsigned)c->http_away_workers,
		.card_origin = c->eid_origin, .card_listen = c->eid_listen, .card_authorities = c->eid_authorities,
		.max_connections = (unsigned)c->http_max_connections, .deadline_s = (unsigned)c->http_deadline,
		.error_page = web_error_page, .ready = ready, .metrics = outbox_metrics,
	});
}

/* State before everything that counts; the directory last, as it may be away and is waited for by nobody. */
static int open_all(const struct conf *c, const char *keyring_socket)
{
	int r;
	AUTO_ARENA a = arena_new();
	const char *texts = arena_printf(a, "%s/texts", c->server_share_dir);
	keyring_open(keyring_socket);
	open_limits(c);
	if ((r = state_open(c->server_state_dir, (unsigned)c->state_map_size)) != OK ||
	    (r = open_audit(c)) != OK ||
	    (r = texts_open(texts, c->server_languages)) != OK ||
	    (r = web_open(c->server_share_dir)) != OK ||
	    (r = passwords_open(arena_printf(a, "%s/passwords.txt", c->server_share_dir))) != OK ||
	    (r = open_directory(c)) != OK ||
	    (r = open_eid(c)) != OK ||
	    (r = open_oidc(c)) != OK ||
	    (r = open_outbox(c)) != OK ||
	    (r = serve_audit(c)) != OK)
		return r;
	return start_http(c);
}

/* What is read from files is read again; of what cannot be read, the old stays in use. */
static void reload(void)
{
	if (http_reload_certificate() != OK)
		log_err("the old certificate stays in use");
	if (eid_reload() == OK)
		http_reload_authorities();
	audit_turn();
}

int front_main(const struct conf *conf, const char *keyring_socket)
{
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	/* Blocked here, inherited by every thread: only sigwait below receives them. */
	pthread_sigmask(SIG_BLOCK, &wanted, NULL);
	signal(SIGPIPE, SIG_IGN);
	front_confine();
	mallopt(M_ARENA_MAX, 2);	/* many threads, small memory: requests live in arenas of their own */
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);	/* else the heap shrinks and grows with each request */
	if (open_all(conf, keyring_socket) != OK)
		return 1;
	log_info("ready: %s", conf->server_issuer);
	for (int sig = 0; sig != SIGTERM && sig != SIGINT;) {
		if (sigwait(&wanted, &sig) != 0)
			break;
		if (sig == SIGHUP)
			reload();
	}
	http_stop();
	outbox_close();
	directory_close();
	audit_close();
	partner_close();
	state_close();
	return 0;
}
