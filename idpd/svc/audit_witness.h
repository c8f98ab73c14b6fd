/* Those who are told each signed head of the audit trail, so that a trail that was cut off or replaced is found out. A witness is
 *
 *	syslog		the machine's (/dev/log, facility authpriv), which may send it to another
 *	https://…	an address: audit_courier.h
 *	/PATH		a socket: as syslog, there; a folder, another machine's perhaps: appended to NODE.heads in it
 *
 * and hears:	csam-audit-head node=… boot=… seq=… chain=… time=… signatures=… kid=… sig=…	*/
#ifndef CSAM_AUDIT_WITNESS_H
#define CSAM_AUDIT_WITNESS_H

#include "base/err.h"

/* Tells one. E_DOWN: it did not hear; errno says why. */
int audit_witness_tell(const char *witness, const char *node, const char *head);

#endif
