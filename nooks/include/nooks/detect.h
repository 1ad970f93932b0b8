/* Detection of failures (detect.c) and what follows (recovery.c). */
#ifndef NOOKS_DETECT_H
#define NOOKS_DETECT_H

#include <linux/compiler.h>
#include <nooks/domain.h>
#include <nooks/xpc.h>
#include <nooks/trigger.h>

/*
 * The extension has failed: says so on the console, lets no further call in, silences its interrupts and
 * wakes the recovery manager. Any context; the first report of a domain counts. If the trigger's action is to return
 * an error, it is only counted, and the extension goes on: the caller returns its error, whatever the state is then.
 */
void nooks_fail(struct nooks_domain *d, enum nooks_trigger why, const char *fmt, ...) __printf(3, 4);

/*
 * In a wrapper body that holds nothing of the kernel's: the same for the caller, whose call is unwound, or returns
 * the wrapper's error.
 */
void nooks_bad_call(enum nooks_trigger why, const char *fmt, ...) __printf(2, 3) __noreturn;

/* It has failed; queues and interrupts of it are stopped. Any context. */
void recovery_failed(struct nooks_domain *d, enum nooks_trigger why);
u32 calls_inside(const struct nooks_domain *d); /* how many tasks are in the extension */
/* Waits until none is; says how many there were. Process context, and nothing goes in. */
u32 wait_for_calls(struct nooks_domain *d);
/* The newest call into the domain with this directory, if it runs and has not called the kernel. */
struct xpc_frame *running_frame(u32 cr3);
/* Wakes the tasks that wait inside the extension, and says how many are in it. Process context. */
u32 wake_sleepers(struct nooks_domain *d);

#endif
