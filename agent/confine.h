/* Takes away from the agent what it does not need. */
#ifndef CSAM_AGENT_CONFINE_H
#define CSAM_AGENT_CONFINE_H

/* System calls for serving, name services and TLS only: no exec, no fork, no ptrace, no opening for writing. They fail with EPERM. Sockets are open and
 * the user is changed before. What the machine refuses is logged as a warning. */
void agent_confine(void);

#endif
