/*
 * The watchdog: calls into an extension that last too long, or too long with interrupts off.
 *
 * Time is sampled, at no cost to a crossing. At each NMI (kernel/arch/nmi.c) the period is added to the newest call of
 * the current task: whole if the domain runs, a 32nd if the kernel runs on its behalf, for an extension that
 * calls the kernel without end must be found too, and the kernel prints slowly. So a call's time is what it ran
 * itself: not what it slept, nor what calls nested in it or interrupts on top of it took. When it exceeds the limit
 * (limits.h: irq-time where nothing may sleep, else time), the call is unwound from the NMI itself, the next time
 * that one meets the domain's own code; so a loop with interrupts off ends as any other.
 *
 * That is safe because a domain never is in the middle of anything of the kernel's: an exception could have come at
 * the same place. Two things are different from an exception. The NMI may have met the code by which a trap enters the
 * kernel (trap_entry_start to trap_entry_end): an interrupt that is half taken would be lost, so the NMI lets it
 * pass. And NMIs are blocked until an IRET, so nooks_unwind ends in one.
 *
 * Without a local APIC, or with watchdog=off, the clock's interrupt samples instead (10 ms), which interrupts off
 * escape. watchdog=MS sets the period, 5 by default, of 1, 2, 4, 5 and 10 the next shorter one. Only with isolation=nooks.
 */
#include <asm/memlayout.h>
#include <asm/system.h>
#include <kernel/boot.h>
#include <kernel/hooks.h>
#include <kernel/nmi.h>
#include <kernel/traps.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <nooks/detect.h>
#include <nooks/heartbeat.h>
#include <nooks/xpc.h>

#pragma clang section text = ".text.recovery"

#define PERIOD 5000u /* us */
#define TICK (1000000u / HZ)
#define KERNEL_SHARE 32  /* of the time that the kernel runs on an extension's behalf, one part counts */
#define PATIENCE 4       /* ticks without an NMI: somebody has disturbed its source */
#define CALIBRATION 16   /* NMIs by which the period is measured: QEMU's come half as often */

extern const char xpc_code_start[], xpc_code_end[]; /* xpc.S */

static u32 period;    /* us between NMIs, 0: there are none */
static u32 nmis;      /* since boot */
static u32 seen, missing;

static void calibrate(void) {
  static u32 start;
  if (nmis == 1) start = (u32)rdtsc();
  else if (nmis == 1 + CALIBRATION) period = ((u32)rdtsc() - start) / CALIBRATION / (tsc_khz / 1000);
}

static void add(u16 *time, u32 us) { *time = (u16)min(*time + us / WATCHDOG_UNIT, 0xFFFFu); }

static void sample(bool in_domain, u32 us) {
  struct xpc_frame *f = xpc_frame();
  if (!f) return;
  if (in_domain) add(&f->ran, us);
  else if (f->domain_esp) add(&f->ran, us / KERNEL_SHARE);
}

/* Interrupts are off while a crossing is made, whatever the domain does. */
static void sample_interrupts(bool in_domain, const struct pt_regs *regs) {
  struct xpc_frame *f = xpc_frame();
  if (!f || regs->eip - (u32)xpc_code_start < (u32)(xpc_code_end - xpc_code_start)) return;
  if (regs->eflags & EFLAGS_IF) f->irq_off = 0;
  else if (in_domain) add(&f->irq_off, period);
}

/* TRIGGERS: neither. */
static enum nooks_trigger overdue(const struct xpc_frame *f, bool atomic) {
  const u32 *limits = f->domain->limits;
  if (f->ran * WATCHDOG_UNIT > limits[atomic ? LIMIT_IRQ_TIME : LIMIT_TIME]) return TRIGGER_TIME;
  return f->irq_off * WATCHDOG_UNIT > limits[LIMIT_IRQ_OFF] ? TRIGGER_IRQ_OFF : TRIGGERS;
}

static void say(const struct xpc_frame *f, enum nooks_trigger why, u32 eip) {
  const struct module *mod = module_of_address(eip);
  bool off = why == TRIGGER_IRQ_OFF;
  nooks_fail(f->domain, why, "%s for %u us, at %08x (%s+%#x)", off ? "interrupts off" : "a call runs",
             (off ? f->irq_off : f->ran) * WATCHDOG_UNIT, eip, mod ? mod->name : "kernel", mod ? eip - mod->text_start : eip - KERNEL_BASE);
}

/* Ends the domain's call if it is overdue, or if the extension has failed meanwhile. */
static void judge(struct xpc_frame *f, u32 eip) {
  if (eip - (u32)trap_entry_start < (u32)(trap_entry_end - trap_entry_start)) return;
  enum nooks_trigger why = overdue(f, in_interrupt());
  if (f->domain->state == DOMAIN_RUNNING) {
    if (why == TRIGGERS) return;
    say(f, why, eip);
  }
  nooks_unwind(f);
}

/* A domain that has lifted write protection is stopped at the next NMI; what it wrote until then it wrote. */
static void check_protection(struct xpc_frame *f) {
  u32 cr0 = read_cr0();
  if (likely(cr0 & CR0_WP)) return;
  write_cr0(cr0 | CR0_WP);
  if (!f) return;
  nooks_fail(f->domain, TRIGGER_EXCEPTION, "CR0.WP is clear");
}

bool nooks_nmi(struct pt_regs *regs, u32 domain) {
  if (!period) return false;
  if (unlikely(nmis++ <= CALIBRATION && tsc_khz >= 1000)) calibrate();
  nmi_acknowledge();
  sample(domain, period);
  sample_interrupts(domain, regs);
  struct xpc_frame *f = domain ? running_frame(domain) : NULL;
  check_protection(f);
  if (!f) return true;
  judge(f, regs->eip);
  return true;
}

/* ---- By the clock ---- */

void nooks_interrupted(struct pt_regs *regs, u32 domain) {
  struct xpc_frame *f = running_frame(domain);
  if (f) judge(f, regs->eip);
}

static void watch_source(void) {
  missing = nmis == seen ? missing + 1 : 0;
  seen = nmis;
  if (missing == PATIENCE) {
    missing = 0;
    nmi_arm();
  }
}

/* A domain's stack is in the zone, and no other stack is. The kernel on its behalf can only be stopped on its way back. */
void nooks_tick(struct pt_regs *regs) {
  if (!nooks_isolation) return;
  if (period) watch_source();
  if (!period || missing) sample(in_zone(regs), TICK);
  struct xpc_frame *f = xpc_frame();
  enum nooks_trigger why = f && f->domain_esp ? overdue(f, interrupts_nest()) : TRIGGERS;
  if (why != TRIGGERS && f->domain->state == DOMAIN_RUNNING) say(f, why, regs->eip);
  nooks_heartbeat();
}

static int watchdog_init(void) {
  const char *option = boot_option("watchdog");
  if (!nooks_isolation || boot_option_is("watchdog", "off")) return 0;
  u32 ms = boot_option_u32("watchdog", PERIOD / 1000);
  if (!ms || ms > 1000) panic("kernel option watchdog=%s: off, or milliseconds", option);
  period = nmi_start(ms * 1000);
  if (period) printk(KERN_DEBUG "nooks: watchdog by NMI every %u us\n", period);
  else printk(KERN_WARNING "nooks: no I/O APIC: the watchdog cannot see interrupts that are off\n");
  return 0;
}
__initcall(watchdog_init);
