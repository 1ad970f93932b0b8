/* /proc/nooks (proc.c). Process context. */
#ifndef NOOKS_PROC_H
#define NOOKS_PROC_H

#include <nooks/domain.h>
#include <nooks/trigger.h>

void nooks_proc_add(const struct nooks_domain *d);
void nooks_proc_remove(const struct nooks_domain *d);
/* Declares an extension failed: 0, -ESRCH, or -EPERM where the trigger's action is to return an error. */
int nooks_user_trigger(const char *name, enum nooks_trigger why);

#endif
