/*
 * XPC: the part in C. nooks_driver_call goes into a domain; nooks_dispatch, called by nooks_kernel_call
 * (xpc.S), is the kernel's end of a call out of one. Costs nothing but what it does: no search, no
 * allocation, a stack from the domain's pool or the one that it already uses.
 */
#include <asm/pgtable.h>
#include <asm/system.h>
#include <kernel/hooks.h>
#include <kernel/offsets.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/deferred.h>
#include <nooks/detect.h>
#include <nooks/offsets.h>
#include <nooks/wrapper.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.xpc"

_Static_assert(offsetof(struct nooks_domain, cr3) == DOMAIN_CR3, "xpc.S");
_Static_assert(offsetof(struct xpc_frame, domain) == FRAME_DOMAIN, "xpc.S");
_Static_assert(offsetof(struct xpc_frame, kernel_esp) == FRAME_KERNEL_ESP, "xpc.S");
_Static_assert(offsetof(struct xpc_frame, eflags) == FRAME_EFLAGS, "xpc.S");
_Static_assert(offsetof(struct nooks_wrapper, refused) == WRAPPER_REFUSED, "xpc.S");
_Static_assert(offsetof(struct task_struct, nooks) == TASK_NOOKS, "xpc.S");
_Static_assert(offsetof(struct task_struct, cr3) == TASK_CR3, "xpc.S");

bool nooks_enter_domain(struct xpc_frame *frame, const void *fn, u32 domain_esp, u32 cr3, u32 *result);
u32 nooks_dispatch(const struct nooks_wrapper *w, u32 domain_esp);

/*
 * A nested call goes on below on the stack that the domain waits on. If the domain did not call but was
 * interrupted, nobody knows how far its stack is used, and it gets another one.
 */
static inline u32 choose_stack(struct nooks_domain *d, struct xpc_frame *f) {
  if (f->prev && f->prev->domain == d && f->prev->domain_esp) {
    f->stack = f->prev->stack;
    return f->prev->domain_esp;
  }
  f->stack = stack_get(d);
  return f->stack ? f->stack->base + PAGE_SIZE : 0;
}

static inline bool owns_stack(const struct xpc_frame *f) { return !f->prev || f->prev->stack != f->stack; }

/* Returns where they are, 0 when the stack is full. */
static inline u32 push_args(const struct xpc_frame *f, u32 esp, u32 nargs, const u32 *args) {
  u32 *to = (u32 *)esp - nargs;
  if (unlikely((u32)to < f->stack->base + 4 * sizeof(u32))) return 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < nargs; i++) to[i] = args[i];
  return (u32)to;
}

/* Interrupts off. The frame is on the chain while the domain runs. */
static bool cross(struct xpc_frame *f, u32 *result, const void *fn, u32 nargs, const u32 *args) {
  struct nooks_domain *d = f->domain;
  u32 esp = choose_stack(d, f);
  bool returned = false;
  if (unlikely(!esp)) return false;
  barrier(); /* the watchdog's NMI finds a whole frame */
  current_task->nooks = f;
  count(&d->stats->to_driver, 1);
  esp = push_args(f, esp, nargs, args);
  if (likely(esp)) returned = nooks_enter_domain(f, fn, esp, d->cr3, result);
  current_task->nooks = f->prev;
  if (owns_stack(f)) stack_put(d, f->stack);
  return returned;
}

/* Calls without end are the extension's failure, not the kernel's: they stop before its stack is full. */
static inline bool room_for_call(const struct xpc_frame *f) {
  return (u32)f - (u32)current_task->kstack > XPC_MIN_KERNEL_STACK;
}

/* Unwound, or soft interrupts or the task's state as no caller expects it: a task that sleeps by mistake would not wake. */
static void tidy(struct xpc_frame *f) {
  if (f->bh_disabled && !f->failed) nooks_fail(f->domain, TRIGGER_CONTEXT, "a call returned with soft interrupts disabled");
  if (f->state_set) set_current_state(TASK_RUNNING);
  while (f->bh_disabled) f->bh_disabled--, local_bh_enable();
}

int nooks_driver_call_with(struct nooks_domain *d, struct nooks_object *objects, u32 *result, const void *fn,
                                 u32 nargs, const u32 *args) {
  struct xpc_frame f, *prev = xpc_frame();
  u32 value;
  if (unlikely(d->state != DOMAIN_RUNNING)) return -EIO;
  f.prev = prev;
  f.domain = d;
  f.domain_esp = 0;
  f.end = 0;
  f.time = 0;
  f.call_objects = objects;
  local_irq_save(f.eflags);
  if (unlikely(!room_for_call(&f))) nooks_fail(d, TRIGGER_STACK, "XPCs nested too deeply");
  else f.failed = !cross(&f, &value, fn, nargs, args);
  irq_restore(f.eflags);
  if (unlikely(f.end)) tidy(&f);
  if (d->state != DOMAIN_RUNNING) return -EIO;
  if (f.failed) {
    nooks_fail(d, TRIGGER_STACK, "no stack for a call");
    return -EIO;
  }
  if (d->queue->packets | d->queue->objects) nooks_deliver(d);
  if (result) *result = value;
  return 0;
}

int nooks_driver_call(struct nooks_domain *d, u32 *result, const void *fn, u32 nargs, ...) {
  va_list args; /* on IA-32 the address of the first */
  va_start(args, nargs);
  int err = nooks_driver_call_with(d, NULL, result, fn, nargs, (const u32 *)args);
  va_end(args);
  return err;
}

typedef u32 (*fn0)(void);
typedef u32 (*fn1)(u32);
typedef u32 (*fn2)(u32, u32);
typedef u32 (*fn3)(u32, u32, u32);
typedef u32 (*fn4)(u32, u32, u32, u32);
typedef u32 (*fn5)(u32, u32, u32, u32, u32);
typedef u32 (*fn6)(u32, u32, u32, u32, u32, u32);

static u32 call_body(const struct nooks_wrapper *w, const u32 *a) {
  const void *body = w->body;
  switch (w->nargs) {
    case 0: return ((fn0)body)();
    case 1: return ((fn1)body)(a[0]);
    case 2: return ((fn2)body)(a[0], a[1]);
    case 3: return ((fn3)body)(a[0], a[1], a[2]);
    case 4: return ((fn4)body)(a[0], a[1], a[2], a[3]);
    case 5: return ((fn5)body)(a[0], a[1], a[2], a[3], a[4]);
    default: return ((fn6)body)(a[0], a[1], a[2], a[3], a[4], a[5]);
  }
}

/* At domain_esp: the domain's EFLAGS, the return address, the arguments. */
#define ARGS_OFFSET 8u

static bool valid_stack(const struct xpc_frame *f, const struct nooks_wrapper *w, u32 esp) {
  return esp - f->stack->base <= PAGE_SIZE - ARGS_OFFSET - 4 * w->nargs;
}

static bool valid_context(const struct nooks_wrapper *w, u32 domain_esp) {
  return !w->sleeps || (*(const u32 *)domain_esp & EFLAGS_IF && !in_interrupt());
}

/*
 * xpc.S finds the caller's registers on this function's frame if the call is refused, below its frame pointer: so it
 * saves them all, and nooks_xpc_init sees to it that it does so in this order.
 */
u32 nooks_dispatch(const struct nooks_wrapper *w, u32 domain_esp) {
  __asm__ __volatile__("" : : : "ebx", "esi", "edi");
  struct xpc_frame *f = xpc_frame();
  struct nooks_domain *d = f->domain;
  if (unlikely((u32)w - (u32)nooks_wrappers >= (u32)nooks_wrappers_end - (u32)nooks_wrappers ||
               ((u32)w - (u32)nooks_wrappers) % sizeof *w))
    nooks_bad_call(TRIGGER_STACK, "a call of no wrapper: %p", (const void *)w);
  if (unlikely(!valid_stack(f, w, domain_esp))) nooks_bad_call(TRIGGER_STACK, "%s: called on no stack of the domain", w->name);
  f->domain_esp = domain_esp;
  count(&d->stats->to_kernel, 1);
  if (d->queue->packets | d->queue->objects) nooks_deliver(d);
  if (unlikely(d->state != DOMAIN_RUNNING)) nooks_unwind(f);
  if (unlikely(!valid_context(w, domain_esp)))
    nooks_bad_call(TRIGGER_CONTEXT, "%s: may sleep, called in an interrupt or with interrupts off", w->name);
  u32 result = call_body(w, (const u32 *)(domain_esp + ARGS_OFFSET));
  if (unlikely(d->state != DOMAIN_RUNNING)) nooks_unwind(f);
  f->domain_esp = 0;
  return result;
}

static int xpc_init(void) {
  static const u8 prologue[] = { 0x55, 0x89, 0xE5, 0x53, 0x57, 0x56 }; /* push ebp; mov ebp, esp; push ebx, edi, esi */
  if (memcmp((const void *)nooks_dispatch, prologue, sizeof prologue)) panic("nooks_dispatch saves other registers than xpc.S thinks");
  return 0;
}
__initcall(xpc_init);
