/* Strangers who are refused: how many lines of the audit trail a network is worth. */
#ifndef CSAM_STRANGER_H
#define CSAM_STRANGER_H

#include "base/arena.h"
#include "svc/audit.h"

/* Anybody can be wrong as often as they like, and every line waits for the disk. True: this refusal gets its line; of one network about sixty a minute
 * of each event do. False: it is counted, and the log says now and then how many there were. Waits for nothing. */
bool stranger_has_line(struct arena *a, enum audit_event event, const char *peer);

#endif
