/* May this thread block?
 *
 * Requests start on an event thread, which must never wait. A service that would block (directory
 * read, durable write) asks would_block() first and returns E_WAIT when it is true. The HTTP layer then throws away
 * whatever the handler made and runs it again from its start on a worker, which may wait. That is safe because
 * everything with an effect outside the process blocks: before the first E_WAIT nothing has happened.
 *
 * In the same way a password's hash, which keeps a core busy for long, asks would_hash() before anything has happened, and E_WAIT brings the
 * handler to one of the few workers that are there for hashes: nobody else waits behind them. */
#ifndef CSAM_WAIT_H
#define CSAM_WAIT_H

#include <stdbool.h>

bool would_block(void);			/* true on an event thread, and remembers that it was asked */
bool wait_is_forbidden(void);		/* the same question without a trace: for what is done only where it costs no wait */
bool would_hash(void);			/* true on every thread that the HTTP layer has not made for hashes, and remembered */
void wait_forbid(void);			/* the HTTP layer, before a handler runs on an event thread */
bool wait_was_wanted(void);		/* and after it: must the handler run again? Clears the mark; waiting is allowed again */

void hash_forbid(void);			/* before a handler runs on another worker */
bool hash_was_wanted(void);		/* and after it, on either; hashes are allowed again */

#endif
