/* Checks of a host's reader: the program, its user, the vendor's module, reader and card. */
#include <pwd.h>
#include <sys/stat.h>
#include "agent/conf.h"
#include "csamctl/check.h"
#include "libcsam/card.h"

static const char program[] = PREFIX "/libexec/csam-card", user[] = "csam-card";

static bool there(struct check *k, const struct host *h, const char *path, const char *what)
{
	struct stat st;
	if (stat(arena_printf(k->c->a, "%s%s", h->root, path), &st) != 0) {
		check_fail(k, "%s is not there → %s", path, what);
		return false;
	}
	if (st.st_uid == 0 && (st.st_mode & 022) == 0)
		return true;
	check_fail(k, "%s can be changed by others than root, and is not used → chown root: %s; chmod go-w %s", path, path, path);
	return false;
}

static void reader(struct check *k, const char *module, unsigned timeout_s)
{
	struct csam_cards found;
	switch (csam_cards(&(struct csam_card_want){ .module = module, .timeout_s = timeout_s }, &found)) {
	case CSAM_CARD_READY:
		check_ok(k, "%zu card%s with an authentication certificate in the reader", found.n, found.n == 1 ? "" : "s");
		break;
	case CSAM_CARD_NO_CARD:
		check_ok(k, "the reader answers; no card is in it");
		break;
	case CSAM_CARD_NO_READER:
		check_warn(k, "%s sees no reader → connected? pcscd running? conf/polkit/50-csam-card.rules installed?", module);
		break;
	case CSAM_CARD_NO_CERTIFICATE:
		check_warn(k, "the card in the reader has no authentication certificate → another card");
		break;
	case CSAM_CARD_NO_MODULE:
		check_fail(k, "%s cannot be loaded → a PKCS#11 module? ldd shows what it misses; its folder must be root's alone", module);
		break;
	default:
		check_fail(k, "%s fails, or takes longer than card.timeout → does pkcs11-tool --module %s -O work as user %s?", module, module, user);
	}
}

void check_card(struct check *k, const struct host *h)
{
	const char *module = h->conf != NULL ? h->conf->card_module : "";
	if (*module == '\0')
		return;
	bool ready = there(k, h, program, "make install-host");
	ready = there(k, h, module, "install the card's software, or correct card.module in csam.conf") && ready;
	if (!h->here)
		return;
	if (getpwnam(user) == NULL)
		check_fail(k, "there is no user %s, which csam-card becomes → systemd-sysusers", user);
	else if (ready)
		reader(k, module, (unsigned)h->conf->card_timeout);
}
