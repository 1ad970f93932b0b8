/*
 * Extension procedure calls (XPC): control transfer between the kernel and a domain (xpc.c, xpc.S).
 *
 * A task's XPCs form a chain of frames on its kernel stack, newest first, headed by task->nooks. A frame
 * is one call into a domain; while that domain has in turn called the kernel, domain_esp says where its
 * stack continues. Interrupts nest on the chain of the task that they interrupt.
 */
#ifndef NOOKS_XPC_H
#define NOOKS_XPC_H

#include <linux/sched.h>
#include <nooks/domain.h>

#define XPC_MIN_KERNEL_STACK 2048u /* bytes that must be left for another call: how deep calls may nest */

#define WATCHDOG_UNIT 64u /* us */

struct nooks_object;

struct xpc_frame {
  struct xpc_frame *prev;
  struct nooks_domain *domain;
  u32 kernel_esp;  /* where the registers of the caller are; an unwinding goes back to it */
  u32 eflags;      /* of the caller */
  u32 domain_esp;  /* 0: the domain runs; else it has called the kernel and its stack is free below */
  struct nooks_stack *stack;
  union {
    u32 end; /* not 0 at the end: it is none as it should be */
    struct {
      bool failed;    /* unwound: the call did not return */
      u8 bh_disabled; /* times that the extension has disabled soft interrupts */
      bool state_set; /* it has changed the task's state */
    };
  };
  union {
    u32 time;
    struct { /* in units of WATCHDOG_UNIT us, sampled by the watchdog; what it sleeps does not count */
      u16 ran;
      u16 irq_off; /* of late, with interrupts off */
    };
  };
  struct nooks_object *call_objects; /* the task's table: objects of one call (tracker.c) */
};

/*
 * Calls fn(args) in the domain, on a stack of it. Any context. Returns 0 and *result, or -EIO when the
 * domain has failed, before or during the call; *result is then what it was, so callers preset it to the
 * error that their caller understands. `result` may be NULL. Objects of the call may be put on `objects`.
 */
int nooks_driver_call(struct nooks_domain *d, u32 *result, const void *fn, u32 nargs, ...);
int nooks_driver_call_with(struct nooks_domain *d, struct nooks_object *objects, u32 *result, const void *fn,
                           u32 nargs, const u32 *args);

/* The call that runs or that called us: NULL = no domain is involved. */
static inline struct xpc_frame *xpc_frame(void) { return current_task->nooks; }
/* In a wrapper body: the domain that called. */
static inline struct nooks_domain *calling_domain(void) { return xpc_frame()->domain; }

/* Gives up the running call of the domain: nooks_driver_call returns -EIO. Kernel page directory. */
void nooks_unwind(struct xpc_frame *frame) __noreturn;

/* Gives up the call of the kernel that the domain is in: it returns the wrapper's error. In a body that holds nothing. */
void nooks_refuse(struct xpc_frame *frame) __noreturn;

/* POPF is slow; most of the time interrupts were on. */
static inline void irq_restore(unsigned long flags) {
  if (flags & EFLAGS_IF) local_irq_enable();
}

#endif
