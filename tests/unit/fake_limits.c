/* Limits in memory: plain counters that a test can read. Included by fakes.c. */

/* What happens in the same act. */
#define WITH(acts, n) do { int with_rc = (n) > 0 ? update_all((acts), (n)) : OK; if (with_rc != OK) return with_rc; } while (0)

struct limits_conf fake_limits;
unsigned fake_wait_s;
bool fake_password_refused, fake_refused_meanwhile;
static struct counter { char who[128]; unsigned n; } counters[64];

static unsigned *counter(const char *class, const char *who)
{
	char name[128];
	snprintf(name, sizeof name, "%s:%s", class, who);
	for (struct counter *c = counters; c < counters + 64; c++) {
		if (c->who[0] == '\0')
			memcpy(c->who, name, sizeof name);
		if (strcmp(c->who, name) == 0)
			return &c->n;
	}
	abort();
}

unsigned fake_wrong_password(const char *who) { return *counter("password", who); }
unsigned fake_wrong_second(const char *who) { return *counter("second", who); }

static unsigned *password_of(const struct person *person, struct slice name)
{
	char who[80];
	snprintf(who, sizeof who, "%.*s", (int)name.n, name.p ? name.p : "");
	return counter("password", person ? person->subject : who);
}

static unsigned *second_of(const struct person *person, const struct key *key)
{
	char who[80];
	snprintf(who, sizeof who, "%s|%s", person->subject, key->id);
	return counter("second", who);
}

/* Changes *n by one, but not above max. */
static int change(unsigned *n, int by, unsigned max)
{
	pthread_mutex_lock(&lock);
	bool full = by > 0 && *n >= max;
	if (by == 0)
		*n = 0;
	else if (!full && (by > 0 || *n > 0))
		*n += (unsigned)by;
	pthread_mutex_unlock(&lock);
	return full ? E_LIMIT : OK;
}

int limits_password(const struct person *person, struct slice name, const char *peer, const struct state_act *with, unsigned *wait_s)
{
	(void)peer;
	WRITES();
	WITH(with, with != NULL);
	*wait_s = fake_wait_s;
	if (fake_wait_s != 0 || fake_password_refused)
		return E_LIMIT;
	return change(password_of(person, name), 1, fake_limits.password_max);
}

static int forgiving(struct state_change *c)
{
	if (fake_refused_meanwhile)
		return E_LIMIT;
	*(unsigned *)c->ctx = 0;	/* under the lock of the whole */
	return OK;
}

void limits_password_right(struct arena *a, const struct person *person, const char *peer, struct state_act out[LIMITS_RIGHT])
{
	(void)a, (void)peer;
	out[0] = (struct state_act){ "limit.fake", slice_of(person->subject), forgiving, password_of(person, S_NONE) };
	out[1] = (struct state_act){ "limit.fake", S("pace"), state_deleting, NULL };
}

int limits_password_undo(const struct person *person, struct slice name, const char *peer)
{
	(void)peer;
	return change(password_of(person, name), -1, 0);
}

int limits_second(const struct person *person, const struct key *key, const char *peer, const struct state_act *with)
{
	(void)peer;
	WRITES();
	WITH(with, with != NULL);
	return change(second_of(person, key), 1, fake_limits.second_max);
}

int limits_second_right(const struct person *person, const struct key *key, bool adding, const struct state_act *with, size_t n)
{
	(void)adding;
	WRITES();
	WITH(with, n);
	return change(second_of(person, key), 0, 0);
}

int limits_second_undo(const struct person *person, const struct key *key)
{
	return change(second_of(person, key), -1, 0);
}

unsigned limits_turns(void)
{
	return fake_limits.turns_max;
}

unsigned fake_send_wait_s;
bool fake_send_refused;

int limits_send(const char *address, bool adding, unsigned *wait_s)
{
	(void)adding;
	(void)address;
	WRITES();
	*wait_s = fake_send_wait_s;
	return fake_send_wait_s != 0 || fake_send_refused ? E_LIMIT : OK;
}

int limits_activation(const char *peer, unsigned *wait_s)
{
	(void)peer;
	WRITES();
	*wait_s = 0;
	return OK;
}
