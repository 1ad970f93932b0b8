/* Detection of failures (detect.c) and what follows (recovery.c). */
#ifndef NOOKS_DETECT_H
#define NOOKS_DETECT_H

#include <linux/compiler.h>
#include <nooks/domain.h>
#include <nooks/trigger.h>

/*
 * The extension has failed: says so on the console, lets no further call in, silences its interrupts and
 * wakes the recovery manager. Any context; the first report of a domain counts.
 */
void nooks_fail(struct nooks_domain *d, enum nooks_trigger why, const char *fmt, ...) __printf(3, 4);

/* In a wrapper body that holds nothing of the kernel's: the same for the caller, whose call is unwound. */
void nooks_bad_call(enum nooks_trigger why, const char *fmt, ...) __printf(2, 3) __noreturn;

/* It has failed; queues and interrupts of it are stopped. Any context. */
void recovery_failed(struct nooks_domain *d, enum nooks_trigger why);
u32 calls_inside(const struct nooks_domain *d); /* how many tasks are in the extension */
/* Waits until none is; says how many there were. Process context, and nothing goes in. */
u32 wait_for_calls(struct nooks_domain *d);
/* Wakes the tasks that wait inside the extension, and says how many are in it. Process context. */
u32 wake_sleepers(struct nooks_domain *d);

#endif
