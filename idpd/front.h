/* The front process: everything that talks to the world. Its secrets are lent by the keyring, use by use. */
#ifndef CSAM_FRONT_H
#define CSAM_FRONT_H

#include "base/conf.h"

/* Opens every part in the order of their dependence, serves until SIGTERM, closes them in reverse. Returns the exit status. SIGHUP
 * takes a renewed certificate, and authorities of the eID. */
int front_main(const struct conf *conf, const char *keyring_socket);

#endif
