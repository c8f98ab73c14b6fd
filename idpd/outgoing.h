/* What the configuration says about the world outside: mail server, SMS gateway, partners, queue. For idpd, and for csamctl, which tries them. */
#ifndef CSAM_OUTGOING_H
#define CSAM_OUTGOING_H

#include "base/conf.h"
#include "svc/outbox_carriers.h"
#include "svc/partner.h"

struct outgoing {
	struct partner_conf partner;
	struct mail_conf mail;
	struct sms_conf sms;
	struct outbox_conf outbox;	/* without its carriers */
};

/* Reads the files with secrets and the template, too. Everything lives as long as the arena. E_INPUT, E_DOWN: logged. */
int outgoing_read(struct arena *a, const struct conf *c, struct outgoing *out);

/* Opens partners and carriers: out->outbox.of[…].carry. Not the queue. */
int outgoing_open(struct arena *a, struct outgoing *out);

#endif
