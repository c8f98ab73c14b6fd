/* Witnesses with an address: another node's administrator, a third party. Each is posted the newest signed head, as one line of text, until it takes it
 * (2xx). A head that a later one came after need not be told, as the later one vouches for all before: so nothing queues up, however long a witness
 * is away. */
#ifndef CSAM_AUDIT_COURIER_H
#define CSAM_AUDIT_COURIER_H

#include <stdbool.h>
#include "base/err.h"

bool courier_is_for(const char *witness);		/* is it an address? */

/* A thread for each address in the list, after partner_open. plain_http: http://, too. E_DOWN, logged. */
int courier_open(const char *const *witness, bool plain_http);
void courier_give(const char *head);
void courier_close(void);

#endif
