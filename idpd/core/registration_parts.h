/* Inside a registration: what its files share. */
#ifndef CSAM_REGISTRATION_PARTS_H
#define CSAM_REGISTRATION_PARTS_H

#include <string.h>
#include "core/kinds.h"
#include "core/pack.h"
#include "core/registration.h"

int registration_keep(struct registration *r, const struct message *m);

#endif
