/* Takes away from the front what it does not need: it is the process that strangers talk to. */
#ifndef CSAM_FRONT_CONFINE_H
#define CSAM_FRONT_CONFINE_H

/* Once everything is open that is opened once, before anybody is served and before there are threads. */
void front_confine(void);

#endif
